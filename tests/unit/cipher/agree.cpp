// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/agree.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace {

using namespace enfilade;
using detail::from_hex;
using detail::to_hex;

static_assert(!std::copyable<AgreementKey>, "an ephemeral key exists once");

std::array<std::byte, 32> point_of(std::string_view hex) {
  std::array<std::byte, 32> point{};
  std::ranges::copy(*from_hex(hex), point.begin());
  return point;
}

TEST_SUITE("cipher/agree") {
  // RFC 7748 §5.2: start with key and point 9; the result is the next key, the key the next point.
  TEST_CASE("a thousand iterations end where those of RFC 7748 do") {
    std::array<std::byte, 32> key{std::byte{9}};
    std::array<std::byte, 32> point = key;
    for (int i = 0; i != 1000; ++i) {
      const auto shared = AgreementKey{Key<32>{key}}.agree(point);
      REQUIRE(shared.has_value());
      point = key;
      std::ranges::copy(shared->view(), key.begin());
      if (i == 0)
        CHECK(to_hex(key) == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
    CHECK(to_hex(key) == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
  }

  TEST_CASE("two generated pairs agree, and are different") {
    const auto a = AgreementKey::generate();
    const auto b = AgreementKey::generate();
    REQUIRE(a.has_value());
    REQUIRE(b.has_value());
    CHECK(a->public_key() != b->public_key());
    CHECK(to_hex(a->agree(b->public_key())->view()) == to_hex(b->agree(a->public_key())->view()));
  }

  TEST_CASE("a public key of low order is refused") {
    // Every point of order 1, 2, 4 and 8, each also with the unused top bit set or p added.
    constexpr std::string_view points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    const auto key = AgreementKey::generate();
    REQUIRE(key.has_value());
    for (std::string_view point : points) {
      CAPTURE(point);
      const auto shared = key->agree(point_of(point));
      REQUIRE_FALSE(shared.has_value());
      CHECK(shared.error() == errc::crypto_low_order_point);
    }
  }
}

}  // namespace
