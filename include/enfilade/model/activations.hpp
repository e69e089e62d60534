// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compute/matrix.hpp>
#include <enfilade/detail/aligned_buffer.hpp>
#include <enfilade/model/shape.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace enfilade {

/// What a block needs beside its input: intermediate results, for as many rows as a sequence has.
///
/// One for all layers and slots of a stage, allocated once; a row's memory is first touched when
/// that many rows are processed together. Each part begins at a multiple of 64 bytes.
template <model M>
class activations {
 public:
  /// Rows of attention scores that are computed together; more would multiply more masked keys.
  static constexpr std::size_t score_rows = 64;

  activations() { buffer_.at_least(floats * sizeof(float)); }

  matrix<float> normed(std::size_t rows) noexcept { return part(0, rows, M::hidden); }
  matrix<float> qkv(std::size_t rows) noexcept { return part(normed_end, rows, 3 * M::hidden); }
  matrix<float> attended(std::size_t rows) noexcept { return part(qkv_end, rows, M::hidden); }
  matrix<float> update(std::size_t rows) noexcept { return part(attended_end, rows, M::hidden); }
  matrix<float> widened(std::size_t rows) noexcept {
    return part(update_end, rows, M::intermediate);
  }
  matrix<float> scores() noexcept { return part(widened_end, score_rows, M::context); }

  /// To be told before `rows` rows are processed, so that `wipe` knows how far to go.
  void touch(std::size_t rows) noexcept { touched_ = std::max(touched_, rows); }

  /// Overwrites what was computed so far with zeros.
  void wipe() noexcept {
    for (const matrix<float> m : {normed(touched_), qkv(touched_), attended(touched_),
                                  update(touched_), widened(touched_), scores()})
      ::explicit_bzero(m.data(), m.rows() * m.stride() * sizeof(float));
    touched_ = 0;
  }

 private:
  static constexpr std::size_t rounded(std::size_t count) { return (count + 15) / 16 * 16; }
  static constexpr std::size_t one = rounded(M::context * M::hidden);
  static constexpr std::size_t normed_end = one;
  static constexpr std::size_t qkv_end = normed_end + rounded(3 * M::context * M::hidden);
  static constexpr std::size_t attended_end = qkv_end + one;
  static constexpr std::size_t update_end = attended_end + one;
  static constexpr std::size_t widened_end = update_end + rounded(M::context * M::intermediate);
  static constexpr std::size_t floats = widened_end + score_rows * M::context;

  matrix<float> part(std::size_t offset, std::size_t rows, std::size_t columns) noexcept {
    return {reinterpret_cast<float*>(buffer_.bytes(0, 0).data()) + offset, rows, columns};
  }

  detail::aligned_buffer buffer_;
  std::size_t touched_ = 0;
};

}  // namespace enfilade
