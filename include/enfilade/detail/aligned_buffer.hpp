// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace enfilade::detail {

/// Bytes at a 64-byte boundary that grow and never shrink, and are wiped before they are given up.
///
/// A message is received into one of these and its payload is viewed as a tensor where it lies:
/// 64 bytes is the width of an AVX-512 register and of a cache line. It holds activations and
/// prompts, so neither growth nor destruction leaves a copy behind.
class aligned_buffer {
 public:
  static constexpr std::size_t alignment = 64;

  aligned_buffer() = default;
  aligned_buffer(aligned_buffer&& other) noexcept
      : data_(std::move(other.data_)), capacity_(std::exchange(other.capacity_, 0)) {}
  aligned_buffer& operator=(aligned_buffer&& other) noexcept {
    if (this != &other) {
      wipe();
      data_ = std::move(other.data_);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }
  ~aligned_buffer() { wipe(); }

  /// At least `size` bytes; the first `keep` bytes stay what they were.
  std::span<std::byte> at_least(std::size_t size, std::size_t keep = 0) {
    if (size > capacity_) grow(size, keep);
    return {data_.get(), size};
  }

  std::span<std::byte> bytes(std::size_t offset, std::size_t size) noexcept {
    return {data_.get() + offset, size};
  }

  std::size_t capacity() const noexcept { return capacity_; }

  /// Overwrites everything with zeros in a way that the compiler keeps.
  void wipe() noexcept {
    if (data_) ::explicit_bzero(data_.get(), capacity_);
  }

 private:
  struct release {
    void operator()(std::byte* data) const noexcept {
      ::operator delete[](data, std::align_val_t{alignment});
    }
  };

  void grow(std::size_t size, std::size_t keep) {
    const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
    std::unique_ptr<std::byte[], release> larger{
        static_cast<std::byte*>(::operator new[](rounded, std::align_val_t{alignment}))};
    if (keep != 0) std::memcpy(larger.get(), data_.get(), keep);
    wipe();
    data_ = std::move(larger);
    capacity_ = rounded;
  }

  std::unique_ptr<std::byte[], release> data_;
  std::size_t capacity_ = 0;
};

}  // namespace enfilade::detail
