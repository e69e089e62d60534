// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/device_file.hpp>
#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/time_budget.hpp>
#include <enfilade/attest/device/tsm_report.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace enfilade {

/// What the TDX module tells a trust domain about itself: a TDREPORT. Its code can be checked on
/// the same machine only; for others there are quotes.
struct td_report {
  std::array<std::byte, 1024> bytes{};

  /// MRTD: what the domain was started with.
  std::span<const std::byte, 48> measurement() const noexcept {
    return std::span{bytes}.subspan<528, 48>();
  }
  /// RTMR0 to RTMR3; `index` is 0 to 3.
  std::span<const std::byte, 48> runtime_register(std::size_t index) const noexcept {
    return std::span{bytes}.subspan(720 + 48 * index).first<48>();
  }
  /// What the domain gave.
  std::span<const std::byte, 64> report_data() const noexcept {
    return std::span{bytes}.subspan<128, 64>();
  }
};

namespace detail {

// <linux/tdx-guest.h>.
struct tdx_report_request {
  std::array<std::byte, 64> report_data{};
  std::array<std::byte, 1024> report{};
};
inline constexpr unsigned long tdx_cmd_get_report0 = 0xC4405401;

}  // namespace detail

/// The TDX module as a trust domain sees it: `/dev/tdx_guest` for what it measures, configfs-tsm for
/// quotes.
///
/// **Every call may block**, a quote up to half a minute: call it off the executor.
///
/// | error                             | where                                                       |
/// |-----------------------------------|-------------------------------------------------------------|
/// | `errc::attest_device_unavailable` | no trust domain, or no right to open the device             |
/// | `errc::attest_device_throttled`   | the quoting service is busy (`quote` only)                  |
/// | `errc::attest_device_failed`      | a refusal, a reply that is none, late                       |
template <system_calls Kernel = kernel>
class tdx_guest_device {
 public:
  static constexpr const char* path = "/dev/tdx_guest";

  explicit tdx_guest_device(Kernel machine = {}) : machine_(std::forward<Kernel>(machine)) {}

  /// Whether this machine has the device; it may still refuse to work, and have no quotes.
  bool exists() const { return machine_.exists(path); }

  /// What the module measures, by `TDX_CMD_GET_REPORT0`.
  judged<td_report> report(std::span<const std::byte, 64> data, std::chrono::nanoseconds budget) {
    const time_budget<machine_type> time{machine_, budget};
    if (time.spent()) return failed("tdx_guest.late");
    detail::device_file<machine_type> file{machine_, path, O_RDWR};
    if (!file)
      return detail::open_failure(file.opened(),
                                  {"tdx_guest.absent", "tdx_guest.denied", "tdx_guest.open"});
    detail::tdx_report_request request;
    std::ranges::copy(data, request.report_data.begin());
    const int answer = file.ioctl(detail::tdx_cmd_get_report0, &request);
    if (answer < 0) return failure_of(-answer);
    if (time.spent()) return failed("tdx_guest.late");
    const td_report out{request.report};
    if (out.bytes[0] != std::byte{0x81}) return failed("tdx_guest.report_type");
    if (!equal(out.report_data(), data)) return failed("tdx_guest.report_data");
    return out;
  }

  /// A quote about `data`, from configfs-tsm; 32 KiB at most.
  judged<std::vector<std::byte>> quote(std::span<const std::byte, 64> data,
                                       std::chrono::nanoseconds budget) {
    tsm_report<machine_type&> tsm{machine_};
    auto made = tsm.make("tdx_guest", data, std::nullopt, budget);
    if (!made) return made.error();
    return std::move(made->out);
  }

 private:
  using machine_type = std::remove_reference_t<Kernel>;

  static refusal failed(std::string_view rule) { return {errc::attest_device_failed, rule}; }

  static refusal failure_of(int number) {
    switch (number) {
      case ENOTTY:
        return failed("tdx_guest.other_device");
      case EINTR:
        return failed("tdx_guest.interrupted");
      case EACCES:
      case EPERM:
        return {errc::attest_device_unavailable, "tdx_guest.denied"};
      default:
        return failed("tdx_guest.ioctl");
    }
  }

  Kernel machine_;
};

template <class Kernel>
tdx_guest_device(Kernel&&) -> tdx_guest_device<Kernel>;
tdx_guest_device()->tdx_guest_device<kernel>;

}  // namespace enfilade
