// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string.h>  // explicit_bzero

#include <cstddef>
#include <memory>
#include <type_traits>

namespace enfilade::detail {

/// Gives memory back to `Below` only after it holds zeros.
///
/// For containers that hold something derived from a prompt: growth and destruction then leave no
/// copy of it behind. Elements that a container drops without giving memory back stay until then.
template <class T, template <class> class Below = std::allocator>
struct wiping_allocator {
  static_assert(std::is_trivially_copyable_v<T>, "what lives elsewhere would not be wiped");

  using value_type = T;
  template <class U>
  struct rebind {
    using other = wiping_allocator<U, Below>;
  };

  wiping_allocator() = default;
  template <class U>
  wiping_allocator(const wiping_allocator<U, Below>&) noexcept {}

  T* allocate(std::size_t count) { return Below<T>{}.allocate(count); }

  void deallocate(T* memory, std::size_t count) noexcept {
    ::explicit_bzero(memory, count * sizeof(T));
    Below<T>{}.deallocate(memory, count);
  }

  friend bool operator==(const wiping_allocator&, const wiping_allocator&) { return true; }
};

}  // namespace enfilade::detail
