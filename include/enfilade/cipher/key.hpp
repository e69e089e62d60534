// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/wipe.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>

namespace enfilade {

/// `N` secret bytes that exist once.
///
/// A key cannot be copied, compared or printed. Moving it wipes the source, and so does every end
/// of its life. A key that nothing was written to holds zeros.
///
/// | expression   | is                           | meaning                                   |
/// |--------------|------------------------------|-------------------------------------------|
/// | `Key{bytes}` | `Key<N>`                     | takes a copy; wiping `bytes` is up to you |
/// | `k.view()`   | `span<const std::byte, N>`   | to read                                   |
/// | `k.fill()`   | `span<std::byte, N>`         | to write, once, by whoever makes the key  |
/// | `k.wipe()`   | `void`                       | forgets the secret now                    |
template <std::size_t N>
class Key {
 public:
  static constexpr std::size_t size = N;

  Key() noexcept = default;
  explicit Key(std::span<const std::byte, N> bytes) noexcept {
    std::memcpy(bytes_, bytes.data(), N);
  }
  Key(Key&& other) noexcept {
    std::memcpy(bytes_, other.bytes_, N);
    other.wipe();
  }
  Key& operator=(Key&& other) noexcept {
    if (this != &other) {
      std::memcpy(bytes_, other.bytes_, N);
      other.wipe();
    }
    return *this;
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() { wipe(); }

  std::span<const std::byte, N> view() const noexcept { return bytes_; }
  std::span<std::byte, N> fill() noexcept { return bytes_; }
  void wipe() noexcept { enfilade::wipe(bytes_); }

 private:
  std::byte bytes_[N]{};
};

static_assert(!std::copyable<Key<32>> && std::movable<Key<32>>);
static_assert(!std::equality_comparable<Key<32>>, "compare secrets with equal()");

}  // namespace enfilade
