// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace enfilade {

/// Shows how far a long job is: in place on a terminal, a line every few seconds elsewhere, and
/// nothing at all for a job that is done within half a second.
class progress_line {
 public:
  progress_line(std::string_view who, std::string_view what) : who_(who), what_(what) {}

  /// `done` of `all` bytes are behind us.
  void operator()(std::uint64_t done, std::uint64_t all) {
    const auto now = clock::now();
    if (now < next_ && !(shown_ && done == all)) return;
    next_ = now + (terminal_ ? std::chrono::milliseconds{100} : std::chrono::milliseconds{5000});
    shown_ = true;
    const std::uint64_t per_cent = all == 0 ? 100 : done * 100 / all;
    std::string line = who_ + ": " + what_ + " " + std::to_string(per_cent) + " % of " +
                       std::to_string(all >> 20) + " MiB";
    if (terminal_) line = "\r" + line;
    if (!terminal_ || done == all) line += "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }

 private:
  using clock = std::chrono::steady_clock;

  std::string who_;
  std::string what_;
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
  clock::time_point next_ = clock::now() + std::chrono::milliseconds{500};
};

}  // namespace enfilade
