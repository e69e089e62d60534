// SPDX-License-Identifier: Apache-2.0
#include <enfilade/detail/wiping_allocator.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace {

using enfilade::detail::wiping_allocator;

constexpr std::uint64_t secret = 0x5EC2'E700'0DDB'A115;
std::ptrdiff_t secrets_given_back = 0;
int blocks_given_back = 0;

// What lies below the allocator under test: hands out zeros and looks at what comes back.
template <class T>
struct inspector {
  using value_type = T;
  T* allocate(std::size_t count) {
    T* memory = std::allocator<T>{}.allocate(count);
    std::uninitialized_fill_n(memory, count, T{});
    return memory;
  }
  void deallocate(T* memory, std::size_t count) {
    secrets_given_back += std::count(memory, memory + count, secret);
    ++blocks_given_back;
    std::allocator<T>{}.deallocate(memory, count);
  }
  friend bool operator==(const inspector&, const inspector&) { return true; }
};

template <class Allocator>
void fill_and_destroy() {
  secrets_given_back = 0;
  blocks_given_back = 0;
  std::vector<std::uint64_t, Allocator> numbers;
  for (int i = 0; i != 9; ++i) numbers.push_back(secret);
  numbers.pop_back();
  CHECK(numbers.back() == secret);
}

TEST_SUITE("detail/wiping_allocator") {
  TEST_CASE("an ordinary vector leaves copies behind: the test can see them") {
    fill_and_destroy<inspector<std::uint64_t>>();
    CHECK(secrets_given_back >= 9);
  }

  TEST_CASE("neither growth nor destruction leaves a copy behind") {
    fill_and_destroy<wiping_allocator<std::uint64_t, inspector>>();
    CHECK(blocks_given_back >= 2);
    CHECK(secrets_given_back == 0);
  }
}

}  // namespace
