// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/compare.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <span>

namespace {

using enfilade::equal;

TEST_SUITE("cipher/compare") {
  TEST_CASE("the same bytes are equal, and so are no bytes") {
    const std::array<std::byte, 3> a{std::byte{1}, std::byte{2}, std::byte{3}};
    const std::array<std::byte, 3> b = a;
    CHECK(equal(a, b));
    CHECK(equal(std::span<const std::byte>{}, std::span<const std::byte>{}));
  }

  TEST_CASE("one differing bit anywhere is a difference") {
    const std::array<std::byte, 32> a{};
    for (std::size_t bit = 0; bit != 256; ++bit) {
      std::array<std::byte, 32> b = a;
      b[bit / 8] ^= std::byte{1} << (bit % 8);
      CHECK_FALSE(equal(a, b));
    }
  }

  TEST_CASE("a prefix is not equal to the whole") {
    const std::array<std::byte, 32> a{};
    CHECK_FALSE(equal(a, std::span{a}.first(31)));
  }
}

}  // namespace
