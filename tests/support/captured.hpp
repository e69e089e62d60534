// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>  // memfd_create
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace test {

/// While it lives, what the process writes to stdout or stderr goes here instead.
class captured {
 public:
  explicit captured(std::FILE* stream) : stream_(stream) {
    std::fflush(stream_);
    memory_ = ::memfd_create("captured", MFD_CLOEXEC);
    before_ = ::dup(::fileno(stream_));
    if (memory_ < 0 || before_ < 0 || ::dup2(memory_, ::fileno(stream_)) < 0)
      throw std::runtime_error{"cannot redirect a stream"};
  }
  captured(const captured&) = delete;
  captured& operator=(const captured&) = delete;
  ~captured() {
    std::fflush(stream_);
    ::dup2(before_, ::fileno(stream_));
    ::close(before_);
    ::close(memory_);
  }

  /// All that was written so far.
  std::string text() const {
    std::fflush(stream_);
    std::string all(static_cast<std::size_t>(::lseek(memory_, 0, SEEK_END)), '\0');
    if (::pread(memory_, all.data(), all.size(), 0) != static_cast<ssize_t>(all.size()))
      throw std::runtime_error{"cannot read what was written"};
    return all;
  }

 private:
  std::FILE* stream_;
  int memory_ = -1;
  int before_ = -1;
};

}  // namespace test
