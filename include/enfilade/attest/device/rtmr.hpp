// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/device_file.hpp>
#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/time_budget.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace enfilade {

/// RTMR3, the run-time register of a trust domain that no firmware and no boot loader writes
/// (Linux 6.16 and later).
///
/// **Every call may block**, not for long: call it off the executor. A kernel without the interface
/// is `errc::attest_device_unavailable` by `rtmr.absent`, which says nothing about quotes.
template <system_calls Kernel = kernel>
class rtmr {
 public:
  static constexpr const char* path = "/sys/class/misc/tdx_guest/measurements/rtmr3:sha384";
  static constexpr std::size_t size = 48;

  explicit rtmr(Kernel machine = {}) : machine_(std::forward<Kernel>(machine)) {}

  /// Whether this kernel has the interface.
  bool exists() const { return machine_.exists(path); }

  /// The value now.
  judged<std::array<std::byte, size>> read(std::chrono::nanoseconds budget) {
    const time_budget<machine_type> time{machine_, budget};
    if (time.spent()) return failed("rtmr.late");
    detail::device_file<machine_type> file{machine_, path, O_RDONLY};
    if (!file) return cannot_open(file.opened());
    std::array<std::byte, size + 1> room;  // one more shows that there is more
    const std::int64_t got = file.read_all(room);
    if (got < 0) return failed("rtmr.read");
    if (got != size) return failed("rtmr.size");
    if (time.spent()) return failed("rtmr.late");
    std::array<std::byte, size> out;
    std::ranges::copy(std::span{room}.first<size>(), out.begin());
    return out;
  }

  /// Makes the value SHA-384 of itself and `digest`, once.
  judged<void> extend(std::span<const std::byte, size> digest, std::chrono::nanoseconds budget) {
    const time_budget<machine_type> time{machine_, budget};
    if (time.spent()) return failed("rtmr.late");
    detail::device_file<machine_type> file{machine_, path, O_WRONLY};
    if (!file) return cannot_open(file.opened());
    const std::int64_t written = file.write(digest);
    if (written == -EPERM || written == -EACCES)
      return refusal{errc::attest_device_unavailable, "rtmr.denied"};
    if (written != size) return failed("rtmr.write");
    if (time.spent()) return failed("rtmr.late");
    return {};
  }

  /// The kernel that it talks to.
  std::remove_reference_t<Kernel>& machine() { return machine_; }

 private:
  using machine_type = std::remove_reference_t<Kernel>;

  static refusal failed(std::string_view rule) { return {errc::attest_device_failed, rule}; }
  static refusal cannot_open(std::int64_t answer) {
    return detail::open_failure(answer, {"rtmr.absent", "rtmr.denied", "rtmr.open"});
  }

  Kernel machine_;
};

template <class Kernel>
rtmr(Kernel&&) -> rtmr<Kernel>;
rtmr()->rtmr<kernel>;

}  // namespace enfilade
