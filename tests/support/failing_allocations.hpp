// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace test {

/// Which calls of `operator new` fail, in the one program that replaces it
/// (tests/faults/allocation): there, the `first` that counts and `many` from it on. Off by default.
struct allocation_plan {
  static constexpr std::size_t never = ~std::size_t{0};

  std::size_t first = never;
  std::size_t many = 1;
  std::size_t seen = 0;    ///< calls that counted
  std::size_t failed = 0;  ///< calls that failed
  bool counts = false;
  unsigned spared = 0;  ///< depth of `spared` scopes

  static allocation_plan& current() noexcept {
    static thread_local allocation_plan instance;
    return instance;
  }

  /// Counts one call; whether it is to fail.
  bool strikes() noexcept {
    if (!counts || spared != 0) return false;
    const std::size_t mine = seen++;
    if (mine < first || mine - first >= many) return false;
    ++failed;
    return true;
  }
};

/// What is allocated in its scope neither counts nor fails: the test's own tools.
class spared {
 public:
  spared() noexcept { ++allocation_plan::current().spared; }
  spared(const spared&) = delete;
  spared& operator=(const spared&) = delete;
  ~spared() { --allocation_plan::current().spared; }
};

}  // namespace test
