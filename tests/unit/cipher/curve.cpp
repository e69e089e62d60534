// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/curve.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using detail::from_hex;
using detail::to_hex;

static_assert(!std::default_initializable<curve_point<P256>>,
              "every point went through the checks");
static_assert(P256::size == 32 && P384::size == 48);

// The base points, SP 800-186 §3.2.1.
constexpr std::string_view base_256 =
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
constexpr std::string_view base_384 =
    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760a"
    "b7"
    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e"
    "5f";

std::vector<std::byte> hex(std::string_view text) { return *from_hex(text); }

template <class Curve>
std::vector<std::byte> uncompressed(std::string_view coordinates) {
  return hex("04" + std::string{coordinates});
}

template <class Curve>
std::vector<std::byte> key_info(std::string_view coordinates) {
  const auto prefix = std::as_bytes(std::span{Curve::key_info_prefix});
  std::vector<std::byte> der{prefix.begin(), prefix.end()};
  const auto point = uncompressed<Curve>(coordinates);
  der.insert(der.end(), point.begin(), point.end());
  return der;
}

template <class Curve>
void reads_and_refuses(std::string_view base) {
  const auto point = uncompressed<Curve>(base);
  const auto info = key_info<Curve>(base);
  const auto read = curve_point<Curve>::from_uncompressed(point);
  REQUIRE(read.has_value());
  CHECK(to_hex(read->x()) + to_hex(read->y()) == base);
  CHECK(curve_point<Curve>::from_coordinates(read->x(), read->y()) == read);
  CHECK(curve_point<Curve>::from_key_info(info) == read);

  INFO("no prefix and no continuation of an encoding is another one");
  for (std::size_t size = 0; size != info.size(); ++size) {
    CHECK_FALSE(curve_point<Curve>::from_key_info(std::span{info}.first(size)).has_value());
    if (size < point.size())
      CHECK_FALSE(curve_point<Curve>::from_uncompressed(std::span{point}.first(size)).has_value());
  }
  auto longer = info;
  longer.push_back(std::byte{0});
  CHECK_FALSE(curve_point<Curve>::from_key_info(longer).has_value());

  INFO("one wrong bit anywhere leaves no encoding, or no point of the curve");
  for (std::size_t bit = 0; bit != 8 * info.size(); ++bit) {
    auto damaged = info;
    damaged[bit / 8] ^= std::byte{1} << (bit % 8);
    CAPTURE(bit);
    CHECK_FALSE(curve_point<Curve>::from_key_info(damaged).has_value());
  }
}

TEST_SUITE("cipher/curve") {
  TEST_CASE("a point of P-256 is read from its one encoding") { reads_and_refuses<P256>(base_256); }

  TEST_CASE("a point of P-384 is read from its one encoding") { reads_and_refuses<P384>(base_384); }

  TEST_CASE("what is no point of the curve is refused") {
    const auto refused = [](const std::string& x, const std::string& y) {
      return !curve_point<P256>::from_uncompressed(hex("04" + x + y)).has_value();
    };
    const std::string x{base_256.substr(0, 64)};
    const std::string y{base_256.substr(64)};
    const std::string zero(64, '0');
    // The prime p, which is zero as a coordinate but not in its one form.
    const std::string p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    CHECK_FALSE(refused(x, y));
    CHECK(refused(y, x));
    CHECK(refused(zero, zero));
    CHECK(refused(p, p));
    CHECK(refused(x, zero));
    CHECK(refused(zero, y));
    // x = 0 is on the curve with y = sqrt(b); p in its place is the same point in a second form.
    const std::string root_of_b =
        "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4";
    CHECK_FALSE(refused(zero, root_of_b));
    CHECK(refused(p, root_of_b));
  }

  TEST_CASE("compressed, hybrid and infinite points are refused") {
    const std::string coordinates{base_256};
    CHECK_FALSE(curve_point<P256>::from_uncompressed(hex("00")).has_value());
    CHECK_FALSE(
        curve_point<P256>::from_uncompressed(hex("03" + coordinates.substr(0, 64))).has_value());
    CHECK_FALSE(curve_point<P256>::from_uncompressed(hex("06" + coordinates)).has_value());
    CHECK_FALSE(curve_point<P256>::from_uncompressed(hex("07" + coordinates)).has_value());
  }

  TEST_CASE("a key info of one curve is none of the other") {
    CHECK_FALSE(curve_point<P384>::from_key_info(key_info<P256>(base_256)).has_value());
    CHECK_FALSE(curve_point<P256>::from_key_info(key_info<P384>(base_384)).has_value());
  }
}

}  // namespace
