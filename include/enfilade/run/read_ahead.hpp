// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>

namespace enfilade::detail {

/// Bytes of a stream that came with those that were asked for, in their order.
///
/// As sealed as they came: nothing looks at them here, and whoever takes them has bounded their
/// number before, as if they had been read from the stream at that moment.
class read_ahead {
 public:
  /// Enough for five records of 1.5 KiB, or two of 3 KiB; a longer body goes past it.
  static constexpr std::size_t capacity = std::size_t{8} << 10;

  /// Moves as much of it to `into`, from `got` on, as there is and fits. Whether `into` is full.
  bool fill(std::span<std::byte> into, std::size_t& got) noexcept {
    const std::size_t taken = std::min(into.size() - got, end_ - begin_);
    if (taken != 0) std::memcpy(into.data() + got, bytes_.data() + begin_, taken);
    begin_ += taken;
    got += taken;
    return got == into.size();
  }

  /// Where a read puts what was not asked for. Only where everything was taken.
  boost::asio::mutable_buffer room() noexcept { return {bytes_.data(), bytes_.size()}; }

  /// Says how much a read has put into `room()`.
  void holds(std::size_t size) noexcept {
    begin_ = 0;
    end_ = size;
  }

 private:
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::array<std::byte, capacity> bytes_;
};

}  // namespace enfilade::detail
