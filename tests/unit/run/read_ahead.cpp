// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/read_ahead.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

namespace {

using enfilade::detail::read_ahead;

/// Puts bytes into the room, as a read does.
void read_into(read_ahead& ahead, std::vector<int> bytes) {
  const auto room = ahead.room();
  REQUIRE(bytes.size() <= room.size());
  auto* to = static_cast<std::byte*>(room.data());
  for (const int byte : bytes) *to++ = static_cast<std::byte>(byte);
  ahead.holds(bytes.size());
}

std::vector<int> numbers(std::span<const std::byte> bytes) {
  std::vector<int> out;
  for (const std::byte byte : bytes) out.push_back(std::to_integer<int>(byte));
  return out;
}

TEST_SUITE("run/read_ahead") {
  TEST_CASE("what was read ahead is taken in its order, in pieces of any size") {
    read_ahead ahead;
    read_into(ahead, {1, 2, 3, 4, 5});
    std::array<std::byte, 2> first{};
    std::array<std::byte, 3> second{};
    std::size_t got = 0;
    CHECK(ahead.fill(first, got));
    CHECK(got == 2);
    got = 0;
    CHECK(ahead.fill(second, got));
    CHECK(numbers(first) == std::vector{1, 2});
    CHECK(numbers(second) == std::vector{3, 4, 5});
  }

  TEST_CASE("what does not suffice is given all the same, and says so") {
    read_ahead ahead;
    read_into(ahead, {7, 8});
    std::array<std::byte, 4> wanted{std::byte{6}};
    std::size_t got = 1;  // one byte was there before
    CHECK_FALSE(ahead.fill(wanted, got));
    CHECK(got == 3);
    CHECK(numbers(wanted) == std::vector{6, 7, 8, 0});
    CHECK_FALSE(ahead.fill(wanted, got));
    CHECK(got == 3);
  }

  TEST_CASE("nothing is always there") {
    read_ahead ahead;
    std::size_t got = 0;
    CHECK(ahead.fill({}, got));
    std::array<std::byte, 1> wanted{};
    CHECK_FALSE(ahead.fill(wanted, got));
  }

  TEST_CASE("the room is as large as it says, time and again") {
    read_ahead ahead;
    for (int round = 0; round != 3; ++round) {
      CHECK(ahead.room().size() == read_ahead::capacity);
      std::memset(ahead.room().data(), round, ahead.room().size());
      ahead.holds(read_ahead::capacity);
      std::vector<std::byte> all(read_ahead::capacity);
      std::size_t got = 0;
      CHECK(ahead.fill(all, got));
      CHECK(std::ranges::count(all, static_cast<std::byte>(round)) ==
            static_cast<std::ptrdiff_t>(read_ahead::capacity));
    }
  }
}

}  // namespace
