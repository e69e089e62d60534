// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/sign.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <utility>

namespace {

using namespace enfilade;
using detail::bytes_of;
using detail::from_hex;
using detail::to_hex;

static_assert(!std::copyable<SigningKey>, "a signing key exists once");

TEST_SUITE("cipher/sign") {
  // RFC 8032 §7.1, test 1
  TEST_CASE("the empty message of RFC 8032") {
    Key<32> seed;
    std::ranges::copy(*from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
                      seed.fill().begin());
    const SigningKey key{std::move(seed)};
    CHECK(to_hex(key.public_key()) ==
          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    CHECK(to_hex(key.sign({})) ==
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
          "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  }

  TEST_CASE("a signature is refused once one bit of it, of the message or of the key changes") {
    const auto key = SigningKey::generate();
    REQUIRE(key.has_value());
    const auto message = bytes_of("a measurement");
    const auto signature = key->sign(message);
    CHECK(verify_signature(key->public_key(), message, signature));
    for (std::size_t bit = 0; bit != 512; ++bit) {
      auto forged = signature;
      forged[bit / 8] ^= std::byte{1} << (bit % 8);
      CHECK_FALSE(verify_signature(key->public_key(), message, forged));
    }
    CHECK_FALSE(verify_signature(key->public_key(), bytes_of("a measurememt"), signature));
    const auto other = SigningKey::generate();
    REQUIRE(other.has_value());
    CHECK_FALSE(verify_signature(other->public_key(), message, signature));
  }

  TEST_CASE("the second signature that adding the group order would make is refused") {
    const auto key = SigningKey::generate();
    REQUIRE(key.has_value());
    auto signature = key->sign(bytes_of("m"));
    const auto order =
        *from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    unsigned carry = 0;
    for (std::size_t i = 0; i != 32; ++i) {
      carry += std::to_integer<unsigned>(signature[32 + i]) + std::to_integer<unsigned>(order[i]);
      signature[32 + i] = static_cast<std::byte>(carry & 0xFF);
      carry >>= 8;
    }
    CHECK_FALSE(verify_signature(key->public_key(), bytes_of("m"), signature));
  }
}

}  // namespace
