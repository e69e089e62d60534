// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace fuzz {

/// What a fuzz target promises; the fuzzer keeps the input that breaks it.
inline void require(bool holds) {
  if (!holds) std::abort();
}

/// The fuzzer's input as a list of decisions: bytes never get past an AEAD, but a script of what
/// real ends do and of what happens to their records on the way goes as deep as it likes.
class script {
 public:
  script(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  bool empty() const noexcept { return left_.empty(); }

  /// The next byte; 0 where the script has ended.
  std::uint8_t byte() noexcept {
    if (left_.empty()) return 0;
    const std::uint8_t first = left_.front();
    left_ = left_.subspan(1);
    return first;
  }

  /// A number below `end`, which is not 0.
  std::size_t below(std::size_t end) noexcept {
    std::size_t number = byte();
    if (end > 256) number = number << 8 | byte();
    return number % end;
  }

  /// At most `most` bytes, their number first.
  std::vector<std::byte> bytes(std::size_t most) {
    const std::size_t count = std::min(below(most + 1), left_.size());
    const auto taken = std::as_bytes(left_.first(count));
    left_ = left_.subspan(count);
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const std::uint8_t> left_;
};

}  // namespace fuzz
