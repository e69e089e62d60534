// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/measurement.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace {

using enfilade::Measurement;

static_assert(std::is_constructible_v<Measurement, std::array<std::byte, 32>>);
static_assert(std::is_constructible_v<Measurement, std::array<std::byte, 64>>);
static_assert(!std::is_constructible_v<Measurement, std::array<std::byte, 65>>);
static_assert(!std::is_constructible_v<Measurement, std::array<std::byte, 0>>);

Measurement of(std::size_t size, std::byte fill) {
  const auto value = Measurement::from(std::vector<std::byte>(size, fill));
  REQUIRE(value.has_value());
  return *value;
}

TEST_SUITE("attest/measurement") {
  TEST_CASE("holds 1 to 64 bytes") {
    CHECK(of(1, std::byte{7}).bytes().size() == 1);
    CHECK(of(64, std::byte{7}).bytes().size() == 64);
    CHECK(Measurement::from({}).error() == enfilade::errc::attest_malformed);
    CHECK(Measurement::from(std::vector<std::byte>(65)).error() ==
          enfilade::errc::attest_malformed);
  }

  TEST_CASE("is equal to the same bytes only") {
    const Measurement value = of(32, std::byte{1});
    CHECK(value == of(32, std::byte{1}));
    CHECK_FALSE(value == of(32, std::byte{2}));
    CHECK_FALSE(value == of(31, std::byte{1}));
    CHECK_FALSE(value == of(33, std::byte{1}));
    CHECK_FALSE(of(32, std::byte{0}) == Measurement{});
    CHECK(Measurement{} == Measurement{});
    std::array<std::byte, 32> bytes{};
    bytes.fill(std::byte{1});
    CHECK(value == Measurement{bytes});
    for (auto& b : bytes) {
      b ^= std::byte{128};
      CHECK_FALSE(value == Measurement{bytes});
      b ^= std::byte{128};
    }
  }

  TEST_CASE("prints as lower-case hexadecimal") { CHECK(of(3, std::byte{0xAB}).hex() == "ababab"); }
}

}  // namespace
