// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compute/matrix.hpp>
#include <enfilade/detail/aligned_buffer.hpp>
#include <enfilade/model/shape.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace enfilade {

/// Keys and values of the tokens so far, for `Layers` layers of one sequence.
///
/// Allocated and touched when it is made, so that no token waits for memory. A head's keys lie
/// together, one row a position, and so do its values: (layer, keys or values, head, context,
/// head_size). That is the order in which attention reads them.
template <model M, std::size_t Layers>
class kv_cache {
 public:
  static constexpr std::size_t head_size = M::hidden / M::heads;

  kv_cache() {
    const std::span<std::byte> memory = buffer_.at_least(floats * sizeof(float));
    std::ranges::fill(memory, std::byte{0});
  }

  /// How many positions are filled: in all layers between two runs.
  std::size_t length() const noexcept { return length_; }
  void set_length(std::size_t length) noexcept { length_ = length; }

  matrix<float> keys(std::size_t layer, std::size_t head) noexcept { return part(layer, 0, head); }
  matrix<float> values(std::size_t layer, std::size_t head) noexcept {
    return part(layer, 1, head);
  }

  /// Copies the key and value columns of (rows, query | key | value) to the positions from
  /// `position` on. `wipe` clears no position beyond the farthest that was stored.
  void store(std::size_t layer, std::size_t position, matrix<const float> qkv) noexcept {
    touched_ = std::max(touched_, position + qkv.rows());
    for (std::size_t head = 0; head != M::heads; ++head) {
      const std::size_t column = head * head_size;
      for (std::size_t i = 0; i != qkv.rows(); ++i) {
        const std::span<const float> row = qkv.row(i);
        std::ranges::copy(row.subspan(M::hidden + column, head_size),
                          keys(layer, head).row(position + i).begin());
        std::ranges::copy(row.subspan(2 * M::hidden + column, head_size),
                          values(layer, head).row(position + i).begin());
      }
    }
  }

  /// Empties it; what was stored is overwritten with zeros in a way that the compiler keeps.
  void wipe() noexcept {
    for (std::size_t plane = 0; plane != planes; ++plane)
      ::explicit_bzero(data() + plane * plane_size, touched_ * head_size * sizeof(float));
    touched_ = 0;
    length_ = 0;
  }

 private:
  static constexpr std::size_t planes = Layers * 2 * M::heads;
  static constexpr std::size_t plane_size = M::context * head_size;
  static constexpr std::size_t floats = planes * plane_size;

  float* data() noexcept { return reinterpret_cast<float*>(buffer_.bytes(0, 0).data()); }

  matrix<float> part(std::size_t layer, std::size_t which, std::size_t head) noexcept {
    const std::size_t plane = (layer * 2 + which) * M::heads + head;
    return {data() + plane * plane_size, M::context, head_size};
  }

  detail::aligned_buffer buffer_;
  std::size_t length_ = 0;
  std::size_t touched_ = 0;
};

}  // namespace enfilade
