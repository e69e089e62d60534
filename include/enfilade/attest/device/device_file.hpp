// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace enfilade::detail {

/// How a device calls its failures to open: rules as `refusal` has them.
struct open_rules {
  std::string_view absent;  ///< there is no such device on this machine
  std::string_view denied;  ///< this process may not open it
  std::string_view failed;  ///< anything else
};

/// Why `open` failed, of its negative answer.
inline refusal open_failure(std::int64_t answer, const open_rules& rules) noexcept {
  switch (-answer) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOTDIR:
      return {errc::attest_device_unavailable, rules.absent};
    case EACCES:
    case EPERM:
    case EROFS:
      return {errc::attest_device_unavailable, rules.denied};
    default:
      return {errc::attest_device_failed, rules.failed};
  }
}

/// A file of the kernel that closes itself. A signal interrupts none of its calls for good; the
/// calls are made anew a few times, not for ever.
template <system_calls Kernel>
class device_file {
 public:
  device_file(Kernel& machine, const char* path, int flags) : machine_(machine) {
    file_ = patiently([&] { return machine_.open(path, flags); });
  }
  ~device_file() { close(); }
  device_file(const device_file&) = delete;
  device_file& operator=(const device_file&) = delete;

  /// The descriptor, or the negative number of the error.
  int opened() const noexcept { return file_; }
  explicit operator bool() const noexcept { return file_ >= 0; }

  void close() {
    if (file_ >= 0) machine_.close(file_);
    file_ = -EBADF;
  }

  int ioctl(unsigned long number, void* argument) {
    return patiently([&] { return machine_.ioctl(file_, number, argument); });
  }
  std::int64_t write(byte_span bytes) {
    return patiently([&] { return machine_.write(file_, bytes); });
  }

  /// Reads until the end or until `room` is full. Returns the number of bytes, or the negative
  /// number of the error.
  std::int64_t read_all(std::span<std::byte> room) {
    std::size_t filled = 0;
    while (filled != room.size()) {
      const auto rest = room.subspan(filled);
      const std::int64_t got = patiently([&] { return machine_.read(file_, rest); });
      if (got < 0) return got;
      if (got == 0) break;
      if (static_cast<std::uint64_t>(got) > rest.size()) return -EIO;
      filled += static_cast<std::size_t>(got);
    }
    return static_cast<std::int64_t>(filled);
  }

 private:
  static constexpr int patience = 8;

  template <class Call>
  static auto patiently(Call call) {
    auto answer = call();
    for (int i = 1; i != patience && answer == -EINTR; ++i) answer = call();
    return answer;
  }

  Kernel& machine_;
  int file_;
};

}  // namespace enfilade::detail
