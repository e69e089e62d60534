// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/key.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <ostream>
#include <type_traits>
#include <utility>

namespace {

using enfilade::Key;

static_assert(!std::is_copy_constructible_v<Key<32>>, "a key exists once");
static_assert(!std::is_copy_assignable_v<Key<32>>);
static_assert(std::is_nothrow_move_constructible_v<Key<32>>);
static_assert(!std::equality_comparable<Key<32>>, "secrets are compared in constant time only");

template <class T>
concept printable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(!printable<Key<32>>, "a key never reaches a log");

std::array<std::byte, 32> sevens() {
  std::array<std::byte, 32> bytes;
  bytes.fill(std::byte{7});
  return bytes;
}

bool all(std::span<const std::byte> bytes, int value) {
  return std::ranges::all_of(bytes, [=](std::byte b) { return b == std::byte(value); });
}

TEST_SUITE("cipher/key") {
  TEST_CASE("a key that nothing was written to holds zeros") { CHECK(all(Key<32>{}.view(), 0)); }

  TEST_CASE("a key holds the bytes it was made of") {
    const Key<32> key{sevens()};
    CHECK(all(key.view(), 7));
  }

  TEST_CASE("moving a key leaves zeros behind") {
    Key<32> first{sevens()};
    Key<32> second{std::move(first)};
    CHECK(all(first.view(), 0));
    CHECK(all(second.view(), 7));
    Key<32> third;
    third = std::move(second);
    CHECK(all(second.view(), 0));
    CHECK(all(third.view(), 7));
  }

  TEST_CASE("moving a key onto itself changes nothing") {
    Key<32> key{sevens()};
    Key<32>& same = key;
    key = std::move(same);
    CHECK(all(key.view(), 7));
  }

  TEST_CASE("the end of a key's life leaves zeros in its memory") {
    alignas(Key<32>) std::array<std::byte, sizeof(Key<32>)> memory{};
    auto* key = new (memory.data()) Key<32>{sevens()};
    CHECK(all(memory, 7));
    std::destroy_at(key);
    CHECK(all(memory, 0));
  }

  TEST_CASE("a key can be forgotten before its life ends") {
    Key<32> key{sevens()};
    key.wipe();
    CHECK(all(key.view(), 0));
  }
}

}  // namespace
