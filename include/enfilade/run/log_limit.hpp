// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <utility>

namespace enfilade {

/// How many lines a log gets in a second, and how many it did not get.
///
/// Whoever can connect can fail, and each failure is a line: without a limit, strangers fill the
/// disk. It has no clock: the caller says what time it is, from any beginning.
class log_limit {
 public:
  static constexpr std::chrono::nanoseconds window = std::chrono::seconds{1};

  explicit log_limit(std::size_t lines_per_window) : most_(lines_per_window) {}

  /// Whether one more line may be written. One that may not is counted.
  bool admit(std::chrono::nanoseconds now) noexcept {
    if (!begun_ || now - begin_ >= window) {
      begun_ = true;
      begin_ = now;
      written_ = 0;
    }
    if (written_ < most_) {
      ++written_;
      return true;
    }
    ++left_out_;
    return false;
  }

  /// When the next line may be written, after one that might not.
  std::chrono::nanoseconds next() const noexcept { return begin_ + window; }

  /// How many lines were left out since this was asked last.
  std::size_t take_left_out() noexcept { return std::exchange(left_out_, 0); }

 private:
  std::size_t most_;
  std::size_t written_ = 0;
  std::size_t left_out_ = 0;
  std::chrono::nanoseconds begin_{};
  bool begun_ = false;
};

}  // namespace enfilade
