// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace {

using enfilade::random_bytes;

TEST_SUITE("cipher/random") {
  TEST_CASE("two draws of 32 bytes are never the same") {
    std::array<std::byte, 32> a{};
    std::array<std::byte, 32> b{};
    REQUIRE(random_bytes(a).has_value());
    REQUIRE(random_bytes(b).has_value());
    CHECK(a != b);
  }

  TEST_CASE("a draw longer than the kernel gives at once is filled to its end") {
    std::vector<std::byte> bytes(1 << 20);
    REQUIRE(random_bytes(bytes).has_value());
    const auto tail = std::span{bytes}.last(64);
    CHECK_FALSE(std::ranges::all_of(tail, [](std::byte b) { return b == std::byte{0}; }));
  }

  TEST_CASE("drawing nothing succeeds") { CHECK(random_bytes({}).has_value()); }
}

}  // namespace
