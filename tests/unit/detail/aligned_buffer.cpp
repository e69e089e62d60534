// SPDX-License-Identifier: Apache-2.0
#include <enfilade/detail/aligned_buffer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <new>
#include <span>
#include <utility>

namespace {

// What the allocator of aligned arrays, which nobody else in this program uses, has seen.
std::map<const void*, std::size_t> sizes;
std::size_t given_back = 0;        // allocations
std::size_t given_back_dirty = 0;  // of them with a byte that is not zero

}  // namespace

void* operator new[](std::size_t size, std::align_val_t alignment) {
  void* const memory = std::aligned_alloc(static_cast<std::size_t>(alignment), size);
  if (memory == nullptr) throw std::bad_alloc{};
  sizes[memory] = size;
  return memory;
}

void operator delete[](void* memory, std::align_val_t) noexcept {
  if (memory == nullptr) return;
  const std::span bytes{static_cast<const std::byte*>(memory), sizes.at(memory)};
  ++given_back;
  if (std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{0}; })) ++given_back_dirty;
  std::free(memory);
}

namespace {

using enfilade::detail::aligned_buffer;

constexpr std::size_t large = std::size_t{1} << 20;

bool is_aligned(std::span<std::byte> bytes) {
  return reinterpret_cast<std::uintptr_t>(bytes.data()) % aligned_buffer::alignment == 0;
}

/// A buffer that has had one large message.
aligned_buffer after_a_large_message() {
  aligned_buffer buffer;
  buffer.at_least(large);
  buffer.over(large);
  return buffer;
}

TEST_SUITE("detail/aligned_buffer") {
  TEST_CASE("it has what was asked for, aligned, and keeps what it was told to keep") {
    aligned_buffer buffer;
    CHECK(buffer.capacity() == 0);
    const auto first = buffer.at_least(100);
    CHECK(first.size() == 100);
    CHECK(is_aligned(first));
    std::ranges::fill(first, std::byte{7});
    const auto second = buffer.at_least(aligned_buffer::smallest + 1, 100);
    CHECK(is_aligned(second));
    CHECK(std::ranges::count(second.first(100), std::byte{7}) == 100);
    CHECK(buffer.capacity() == aligned_buffer::smallest + aligned_buffer::alignment);
  }

  TEST_CASE("a few bytes and a few kilobytes need one allocation together") {
    aligned_buffer buffer;
    const std::byte* const at = buffer.at_least(1).data();
    CHECK(buffer.at_least(aligned_buffer::smallest).data() == at);
  }

  TEST_CASE("after so many small messages the memory of a large one is given back") {
    aligned_buffer buffer = after_a_large_message();
    for (unsigned i = 1; i != aligned_buffer::patience; ++i) {
      buffer.at_least(large / 4);
      buffer.over(large / 4);
      REQUIRE(buffer.capacity() == large);
    }
    buffer.over(large / 4);
    CHECK(buffer.capacity() == 0);
    CHECK(buffer.at_least(large / 4).size() == large / 4);
    CHECK(buffer.capacity() == large / 4);
  }

  TEST_CASE("a message that needs it in between begins the count anew: no allocation a message") {
    aligned_buffer buffer = after_a_large_message();
    for (int round = 0; round != 10; ++round) {
      for (unsigned i = 1; i != aligned_buffer::patience; ++i) buffer.over(3000);
      buffer.over(large / 4 + 1);
      REQUIRE(buffer.capacity() == large);
    }
  }

  TEST_CASE("what a resting link may keep is never given back") {
    aligned_buffer buffer;
    const std::byte* const at = buffer.at_least(aligned_buffer::resting).data();
    for (unsigned i = 0; i != 10 * aligned_buffer::patience; ++i) buffer.over(1);
    buffer.rest();
    CHECK(buffer.at_least(1).data() == at);
    CHECK(buffer.capacity() == aligned_buffer::resting);
  }

  TEST_CASE("resting gives back what is more than that, at once") {
    aligned_buffer buffer;
    buffer.at_least(aligned_buffer::resting + 1);
    buffer.rest();
    CHECK(buffer.capacity() == 0);
    buffer.rest();
    CHECK(buffer.capacity() == 0);
  }

  TEST_CASE("what is given back holds nothing of what it held, however it is given back") {
    given_back = given_back_dirty = 0;
    const auto filled = [] {
      aligned_buffer buffer;
      std::ranges::fill(buffer.at_least(large), std::byte{0x5A});
      return buffer;
    };
    SUBCASE("by resting") { filled().rest(); }
    SUBCASE("by small messages") {
      aligned_buffer buffer = filled();
      for (unsigned i = 0; i != aligned_buffer::patience; ++i) buffer.over(1);
      CHECK(given_back == 1);
    }
    SUBCASE("by the end") { filled(); }
    CHECK(given_back == 1);
    CHECK(given_back_dirty == 0);
  }

  TEST_CASE("moving takes everything along") {
    aligned_buffer buffer = after_a_large_message();
    for (unsigned i = 1; i != aligned_buffer::patience; ++i) buffer.over(1);
    aligned_buffer moved{std::move(buffer)};
    CHECK(buffer.capacity() == 0);
    CHECK(moved.capacity() == large);
    aligned_buffer assigned = after_a_large_message();
    assigned = std::move(moved);
    CHECK(assigned.capacity() == large);
    assigned.over(1);
    CHECK(assigned.capacity() == 0);
  }
}

}  // namespace
