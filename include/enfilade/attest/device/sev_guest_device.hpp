// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/device_file.hpp>
#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/pace.hpp>
#include <enfilade/attest/device/time_budget.hpp>
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
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace enfilade {

/// What an SEV-SNP guest has of its own: the report, and what its host gave along.
struct snp_reply {
  std::vector<std::byte> report;        ///< 1184 bytes
  std::vector<std::byte> certificates;  ///< for `read_snp_certificate_table`; may be empty
};

namespace detail {

// <linux/sev-guest.h>, field by field, so that no byte of the padding is left to chance.
struct snp_guest_request {
  std::uint8_t message_version = 1;
  std::array<std::byte, 7> padding{};
  std::uint64_t request_address = 0;
  std::uint64_t response_address = 0;
  std::uint64_t exitinfo2 = 0;  // low half: of the firmware; high half: of the host

  std::uint32_t firmware_error() const noexcept { return static_cast<std::uint32_t>(exitinfo2); }
  std::uint32_t host_error() const noexcept { return static_cast<std::uint32_t>(exitinfo2 >> 32); }
};
struct snp_report_request {
  std::array<std::byte, 64> user_data{};
  std::uint32_t vmpl = 0;
  std::array<std::byte, 28> reserved{};
};
struct snp_extended_request {
  snp_report_request report;
  std::uint64_t certificates_address = 0;
  std::uint32_t certificates_size = 0;
  std::array<std::byte, 4> padding{};
};
inline constexpr unsigned long snp_get_report = 0xC0205300;
inline constexpr unsigned long snp_get_extended_report = 0xC0205302;

inline constexpr std::size_t snp_response_size = 4000;
inline constexpr std::size_t snp_response_header = 32;
inline constexpr std::size_t snp_report_size = 0x4A0;
inline constexpr std::size_t snp_report_data_offset = 0x50;

/// Whether that is a report of the known size about `data`. Who believes it, verifies it.
inline bool is_snp_report_of(byte_span report, std::span<const std::byte, 64> data) noexcept {
  return report.size() == snp_report_size &&
         equal(report.subspan(snp_report_data_offset, 64), data);
}

}  // namespace detail

/// The firmware's guest device, `/dev/sev-guest`: makes SEV-SNP reports where configfs-tsm is not
/// (`snp_device` knows which to take).
///
/// **Every call may block**, up to a minute where the host throttles: call it off the executor.
/// Requests are `sev_guest_pace()` apart, by all of this process; a host that is busy or wants more
/// room for its certificates is asked anew a few times, all within `budget`.
///
/// | error                             | where                                                       |
/// |-----------------------------------|-------------------------------------------------------------|
/// | `errc::attest_device_unavailable` | no such guest, or no right to open the device               |
/// | `errc::attest_device_throttled`   | the host is busy, or the next turn is after the budget      |
/// | `errc::attest_device_failed`      | an error of host or firmware, a reply that is none, late    |
template <system_calls Kernel = kernel>
class sev_guest_device {
 public:
  static constexpr const char* path = "/dev/sev-guest";

  explicit sev_guest_device(Kernel machine = {}, pace& turns = sev_guest_pace())
      : machine_(std::forward<Kernel>(machine)), turns_(turns) {}

  /// Whether this machine has the device; it may still refuse to work.
  bool exists() const { return machine_.exists(path); }

  /// A report about `data`, for privilege level `vmpl` (0 to 3; not below the guest's own).
  judged<snp_reply> report(std::span<const std::byte, 64> data, std::uint32_t vmpl,
                           std::chrono::nanoseconds budget) {
    return ask(data, vmpl, 0, budget);
  }

  /// As `report`, with the certificates that the host has for it.
  judged<snp_reply> extended_report(std::span<const std::byte, 64> data, std::uint32_t vmpl,
                                    std::chrono::nanoseconds budget) {
    return ask(data, vmpl, first_certificates_size, budget);
  }

 private:
  using machine_type = std::remove_reference_t<Kernel>;

  // What today's kernels take at most (SEV_FW_BLOB_MAX_SIZE), and what we take at most.
  static constexpr std::uint32_t first_certificates_size = 16 * 1024;
  static constexpr std::uint32_t max_certificates_size = 64 * 1024;
  static constexpr int max_attempts = 5;

  static constexpr std::uint32_t no_firmware_call = 0xFF;  // nobody wrote the field
  static constexpr std::uint32_t host_wants_more_room = 1;
  static constexpr std::uint32_t host_busy = 2;

  static refusal failed(std::string_view rule) { return {errc::attest_device_failed, rule}; }
  static refusal throttled(std::string_view rule) { return {errc::attest_device_throttled, rule}; }

  judged<snp_reply> ask(std::span<const std::byte, 64> data, std::uint32_t vmpl,
                        std::uint32_t certificates_size, std::chrono::nanoseconds budget) {
    const time_budget<machine_type> time{machine_, budget};
    if (time.spent()) return failed("sev_guest.late");
    detail::device_file<machine_type> file{machine_, path, O_RDWR};
    if (!file)
      return detail::open_failure(file.opened(),
                                  {"sev_guest.absent", "sev_guest.denied", "sev_guest.open"});

    refusal last = throttled("sev_guest.busy");
    for (int i = 0; i != max_attempts; ++i) {
      if (!turns_.take_turn(machine_, time)) return throttled("sev_guest.turn_after_budget");
      snp_reply out;
      out.certificates.resize(certificates_size);
      std::array<std::byte, detail::snp_response_size> response{};
      detail::snp_extended_request request;
      std::ranges::copy(data, request.report.user_data.begin());
      request.report.vmpl = vmpl;
      request.certificates_address = reinterpret_cast<std::uintptr_t>(out.certificates.data());
      request.certificates_size = certificates_size;
      detail::snp_guest_request call;
      call.request_address = reinterpret_cast<std::uintptr_t>(&request);
      call.response_address = reinterpret_cast<std::uintptr_t>(response.data());
      // An extended request begins with a plain one.
      const int answer = file.ioctl(
          certificates_size == 0 ? detail::snp_get_report : detail::snp_get_extended_report, &call);
      if (time.spent()) return failed("sev_guest.late");

      if (answer >= 0) {
        if (const auto bad = read_response(response, data, out)) return *bad;
        return out;
      }
      if (call.host_error() == host_wants_more_room && certificates_size != 0) {
        const std::uint32_t wanted = request.certificates_size;
        if (wanted <= certificates_size || wanted > max_certificates_size || wanted % 4096 != 0)
          return failed("sev_guest.certificates_size");
        certificates_size = wanted;
        last = failed("sev_guest.certificates_grow");
        continue;
      }
      const refusal why = failure_of(-answer, call);
      if (why.rule != "sev_guest.busy") return why;
      last = why;
    }
    return last;
  }

  static refusal failure_of(int number, const detail::snp_guest_request& call) {
    if (call.host_error() == host_busy) return throttled("sev_guest.busy");
    if (call.host_error() != 0) return failed("sev_guest.host_error");
    if (call.firmware_error() != 0 && call.firmware_error() != no_firmware_call)
      return failed("sev_guest.firmware_error");
    switch (number) {
      case EAGAIN:
      case EBUSY:
        return throttled("sev_guest.busy");
      case ETIMEDOUT:
        return throttled("sev_guest.timed_out");
      case EINVAL:
        return failed("sev_guest.invalid_argument");
      // The kernel has destroyed its key, after an answer that it could not trust.
      case ENOTTY:
        return failed("sev_guest.key_disabled");
      case EINTR:
        return failed("sev_guest.interrupted");
      case EACCES:
      case EPERM:
        return {errc::attest_device_unavailable, "sev_guest.denied"};
      default:
        return failed("sev_guest.ioctl");
    }
  }

  static std::optional<refusal> read_response(detail::byte_span response,
                                              std::span<const std::byte, 64> data, snp_reply& out) {
    switch (detail::load_le<std::uint32_t>(response.data())) {
      case 0:
        break;
      case 0x16:
        return failed("sev_guest.invalid_parameter");
      case 0x27:
        return failed("sev_guest.invalid_key");
      default:
        return failed("sev_guest.status");
    }
    const std::uint32_t size = detail::load_le<std::uint32_t>(response.data() + 4);
    if (size != detail::snp_report_size) return failed("sev_guest.report_size");
    const auto report = response.subspan(detail::snp_response_header, size);
    if (!detail::is_snp_report_of(report, data)) return failed("sev_guest.report_data");
    out.report.assign(report.begin(), report.end());
    return std::nullopt;
  }

  Kernel machine_;
  pace& turns_;
};

template <class Kernel>
sev_guest_device(Kernel&&) -> sev_guest_device<Kernel>;
template <class Kernel>
sev_guest_device(Kernel&&, pace&) -> sev_guest_device<Kernel>;
sev_guest_device()->sev_guest_device<kernel>;

}  // namespace enfilade
