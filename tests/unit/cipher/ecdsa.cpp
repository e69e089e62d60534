// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/ecdsa.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace {

using namespace enfilade;
using detail::bytes_of;
using detail::from_hex;

template <std::size_t N>
std::array<std::byte, N> fixed(std::string_view text) {
  const auto bytes = *from_hex(text);
  REQUIRE(bytes.size() == N);
  std::array<std::byte, N> out{};
  std::ranges::copy(bytes, out.begin());
  return out;
}

// RFC 6979 A.2.5 and A.2.6: the message "sample".
const auto sample = bytes_of("sample");

curve_point<P256> key_256() {
  return *curve_point<P256>::from_uncompressed(
      *from_hex("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"));
}
std::array<std::byte, 64> signature_256() {
  return fixed<64>(
      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
      "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
}

TEST_SUITE("cipher/ecdsa") {
  TEST_CASE("the signatures of RFC 6979 are accepted") {
    CHECK(verify_signature(key_256(), sample, signature_256()));
    const auto key = curve_point<P384>::from_uncompressed(
        *from_hex("04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64"
                  "def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c62189"
                  "6708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720"));
    REQUIRE(key.has_value());
    CHECK(verify_signature(
        *key, sample,
        fixed<96>("94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf9"
                  "6e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
                  "a329c145786e679e7b82c71a38628ac8")));
  }

  TEST_CASE("of a digest that is longer than the curve the first bytes count") {
    const auto signature = fixed<64>(
        "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00"
        "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe");
    CHECK(verify_digest(key_256(), sha512(sample), signature));
    CHECK_FALSE(verify_digest(key_256(), sha256(sample), signature));
  }

  TEST_CASE("a signature is refused once one bit of it, of the message or of the key changes") {
    const auto key = key_256();
    for (std::size_t bit = 0; bit < 512; bit += 7) {
      auto forged = signature_256();
      forged[bit / 8] ^= std::byte{1} << (bit % 8);
      CHECK_FALSE(verify_signature(key, sample, forged));
    }
    CHECK_FALSE(verify_signature(key, bytes_of("sampla"), signature_256()));
    const detail::curve_arithmetic<P256> curve;
    const auto x = fixed<32>("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
    const auto y = fixed<32>("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    CHECK_FALSE(
        verify_signature(*curve_point<P256>::from_coordinates(x, y), sample, signature_256()));
  }

  TEST_CASE("halves outside of 1 to n - 1 are refused, whatever else they are") {
    const std::array<std::byte, 32> zero{};
    const auto n = fixed<32>("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    std::array<std::byte, 32> all_ones;
    all_ones.fill(std::byte{0xFF});
    for (const auto& bad : {zero, n, all_ones})
      for (const std::size_t half : {0U, 32U}) {
        auto forged = signature_256();
        std::ranges::copy(bad, forged.begin() + static_cast<std::ptrdiff_t>(half));
        CHECK_FALSE(verify_signature(key_256(), sample, forged));
      }
    CHECK_FALSE(verify_signature(key_256(), sample, std::array<std::byte, 64>{}));
  }
}

}  // namespace
