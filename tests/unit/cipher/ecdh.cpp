// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/ecdh.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace enfilade;
using detail::from_hex;
using detail::to_hex;

using key = CurveAgreementKey<P256>;

template <class K>
concept agrees_twice = requires(K& k, const curve_point<P256>& peer) {
  k.agree(peer);
};
static_assert(!std::copyable<key>, "an ephemeral key exists once");
static_assert(!agrees_twice<key>, "agreeing uses the key up");

Key<32> scalar(std::string_view text) {
  Key<32> out;
  std::ranges::copy(*from_hex(text), out.fill().begin());
  return out;
}

template <class Curve>
void two_generated_pairs_agree() {
  auto a = CurveAgreementKey<Curve>::generate();
  auto b = CurveAgreementKey<Curve>::generate();
  REQUIRE(a.has_value());
  REQUIRE(b.has_value());
  const auto to_a = a->public_key();
  const auto to_b = b->public_key();
  CHECK_FALSE(to_a == to_b);
  const auto ours = (*std::move(a)).agree(to_b);
  const auto theirs = (*std::move(b)).agree(to_a);
  CHECK(to_hex(ours.view()) == to_hex(theirs.view()));
}

TEST_SUITE("cipher/ecdh") {
  TEST_CASE("two generated pairs agree, and are different") {
    two_generated_pairs_agree<P256>();
    two_generated_pairs_agree<P384>();
  }

  // RFC 5903 §8.1
  TEST_CASE("the exchange over P-256 of RFC 5903") {
    auto i = key::from_scalar(
        scalar("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433"));
    auto r = key::from_scalar(
        scalar("c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53"));
    REQUIRE(i.has_value());
    REQUIRE(r.has_value());
    CHECK(to_hex(i->public_key().x()) ==
          "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180");
    CHECK(to_hex(r->public_key().y()) ==
          "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab");
    const auto peer = r->public_key();
    CHECK(to_hex((*std::move(i)).agree(peer).view()) ==
          "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
  }

  TEST_CASE("a scalar outside of 1 to n - 1 is refused") {
    CHECK_FALSE(key::from_scalar(Key<32>{}).has_value());
    constexpr std::string_view n =
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    CHECK_FALSE(key::from_scalar(scalar(n)).has_value());
    CHECK_FALSE(key::from_scalar(scalar(std::string(64, 'f'))).has_value());
    CHECK(
        key::from_scalar(scalar("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"))
            .has_value());
  }
}

}  // namespace
