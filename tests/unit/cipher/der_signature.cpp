// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/der_signature.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using detail::from_hex;
using detail::to_hex;

// With numbers of at most two bytes there is little to look at.
std::optional<std::string> read(std::string_view der) {
  const auto signature = read_der_signature<2>(*from_hex(der));
  if (!signature) return std::nullopt;
  return to_hex(*signature);
}

TEST_SUITE("cipher/der_signature") {
  TEST_CASE("two numbers are read into their fixed places") {
    CHECK(read("3006020101020102") == "00010002");
    CHECK(read("300802021234020256"
               "78") == "12345678");
    CHECK(read("3006020100020100") == "00000000");
    CHECK(read("30080203008000"
               "020101") == "80000001");
    CHECK(read("300a020300ffff020300ffff") == "ffffffff");
  }

  TEST_CASE("another encoding of the same numbers is refused") {
    CHECK_FALSE(read("308106020101020102").has_value());    // long form of a short length
    CHECK_FALSE(read("30820006020101020102").has_value());  // longer still
    CHECK_FALSE(read("3080020101020102"
                     "0000")
                    .has_value());  // indefinite length
    CHECK_FALSE(read("30070281010102"
                     "0102")
                    .has_value());                        // long form inside
    CHECK_FALSE(read("300702020001020102").has_value());  // a zero too many
    CHECK_FALSE(read("3006020181020102").has_value());    // negative
    CHECK_FALSE(read("300502000201"
                     "02")
                    .has_value());  // no digits at all
  }

  TEST_CASE("what is not two numbers that fit is refused") {
    CHECK_FALSE(read("").has_value());
    CHECK_FALSE(read("30").has_value());
    CHECK_FALSE(read("3000").has_value());
    CHECK_FALSE(read("3003020101").has_value());              // one number
    CHECK_FALSE(read("3009020101020102020103").has_value());  // three
    CHECK_FALSE(read("3106020101020102").has_value());        // a set
    CHECK_FALSE(read("3006030101020102").has_value());        // a bit string
    CHECK_FALSE(read("300602010102010200").has_value());      // bytes behind the end
    CHECK_FALSE(read("3005020101020102").has_value());        // a length too short
    CHECK_FALSE(read("3007020101020102").has_value());        // a length too long
    CHECK_FALSE(read("3006020101020202").has_value());        // a number beyond the end
    CHECK_FALSE(read("30080203010000020101").has_value());    // a number too large
  }

  TEST_CASE("no prefix of a signature is a signature") {
    const auto der = *from_hex("300a020300ffff020300ffff");
    for (std::size_t size = 0; size != der.size(); ++size)
      CHECK_FALSE(read_der_signature<2>(std::span{der}.first(size)).has_value());
  }

  TEST_CASE("the longest signature of P-384 has a short length") {
    const std::string half = "023100" + std::string(96, 'f');
    const auto der = *from_hex("3066" + half + half);
    const auto signature = read_der_signature<48>(der);
    REQUIRE(signature.has_value());
    CHECK(to_hex(*signature) == std::string(192, 'f'));
  }
}

}  // namespace
