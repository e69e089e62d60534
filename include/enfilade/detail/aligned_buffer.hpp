// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace enfilade::detail {

/// Bytes at a 64-byte boundary that grow as needed, are given back when they have not been needed
/// for a while, and are wiped before that.
///
/// A message is received into one of these and its payload is viewed as a tensor where it lies:
/// 64 bytes is the width of an AVX-512 register and of a cache line. It holds activations and
/// prompts, so neither growth nor destruction leaves a copy behind. A peer decides how long its
/// messages are, so it must not decide for ever how much memory its link has.
class aligned_buffer {
 public:
  static constexpr std::size_t alignment = 64;

  /// Never less: messages of one token are a few kilobytes, and not worth an allocation each.
  static constexpr std::size_t smallest = std::size_t{4} << 10;
  /// What a link that rests may keep.
  static constexpr std::size_t resting = std::size_t{64} << 10;
  /// So many small messages in a row show that the large one is over: a prompt, then its tokens.
  static constexpr unsigned patience = 16;

  aligned_buffer() = default;
  aligned_buffer(aligned_buffer&& other) noexcept
      : data_(std::move(other.data_)),
        capacity_(std::exchange(other.capacity_, 0)),
        small_(std::exchange(other.small_, 0)) {}
  aligned_buffer& operator=(aligned_buffer&& other) noexcept {
    if (this != &other) {
      wipe();
      data_ = std::move(other.data_);
      capacity_ = std::exchange(other.capacity_, 0);
      small_ = std::exchange(other.small_, 0);
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

  /// Says that a message of `size` bytes is over and nothing of it is needed any more. After
  /// `patience` of them that left three quarters of the memory unused, it is given back.
  void over(std::size_t size) noexcept {
    if (capacity_ <= resting || size > capacity_ / 4)
      small_ = 0;
    else if (++small_ == patience)
      release();
  }

  /// Says that nothing is needed any more, and that nobody knows for how long: what exceeds
  /// `resting` is given back.
  void rest() noexcept {
    if (capacity_ > resting) release();
  }

  /// Overwrites everything with zeros in a way that the compiler keeps.
  void wipe() noexcept {
    if (data_) ::explicit_bzero(data_.get(), capacity_);
  }

 private:
  struct free_aligned {
    void operator()(std::byte* data) const noexcept {
      ::operator delete[](data, std::align_val_t{alignment});
    }
  };

  void release() noexcept {
    wipe();
    data_.reset();
    capacity_ = 0;
    small_ = 0;
  }

  void grow(std::size_t size, std::size_t keep) {
    const std::size_t rounded = (std::max(size, smallest) + alignment - 1) / alignment * alignment;
    std::unique_ptr<std::byte[], free_aligned> larger{
        static_cast<std::byte*>(::operator new[](rounded, std::align_val_t{alignment}))};
    if (keep != 0) std::memcpy(larger.get(), data_.get(), keep);
    wipe();
    data_ = std::move(larger);
    capacity_ = rounded;
    small_ = 0;
  }

  std::unique_ptr<std::byte[], free_aligned> data_;
  std::size_t capacity_ = 0;
  unsigned small_ = 0;  // messages in a row that needed far less
};

}  // namespace enfilade::detail
