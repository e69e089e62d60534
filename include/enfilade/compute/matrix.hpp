// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace enfilade {

/// A view of rows that lie `stride` elements apart: what a compute policy reads and writes.
///
/// It owns nothing. `matrix<const float>` is read only, and every `matrix<float>` converts to it.
/// A stride above the number of columns picks one head out of a wider row without a copy.
template <class T>
class matrix {
 public:
  constexpr matrix() noexcept = default;
  constexpr matrix(T* data, std::size_t rows, std::size_t columns) noexcept
      : matrix(data, rows, columns, columns) {}
  constexpr matrix(T* data, std::size_t rows, std::size_t columns, std::size_t stride) noexcept
      : data_(data), rows_(rows), columns_(columns), stride_(stride) {}

  constexpr operator matrix<const T>() const noexcept requires(!std::is_const_v<T>) {
    return {data_, rows_, columns_, stride_};
  }

  constexpr T* data() const noexcept { return data_; }
  constexpr std::size_t rows() const noexcept { return rows_; }
  constexpr std::size_t columns() const noexcept { return columns_; }
  constexpr std::size_t stride() const noexcept { return stride_; }

  /// One row: (columns).
  constexpr std::span<T> row(std::size_t i) const noexcept {
    return {data_ + i * stride_, columns_};
  }

  /// `count` rows from `first` on: (count, columns).
  constexpr matrix some_rows(std::size_t first, std::size_t count) const noexcept {
    return {data_ + first * stride_, count, columns_, stride_};
  }

  /// `count` columns from `first` on: (rows, count).
  constexpr matrix some_columns(std::size_t first, std::size_t count) const noexcept {
    return {data_ + first, rows_, count, stride_};
  }

 private:
  T* data_ = nullptr;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::size_t stride_ = 0;
};

}  // namespace enfilade
