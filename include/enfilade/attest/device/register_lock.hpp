// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/nsm_device.hpp>
#include <enfilade/attest/device/rtmr.hpp>
#include <enfilade/attest/device/time_budget.hpp>
#include <enfilade/attest/nitro/extended_pcr.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/tdx/extended_rtmr.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <array>
#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace enfilade {

/// What one register of an enclave is to hold.
struct pcr_value {
  std::uint16_t index = 0;  ///< 16 to 31: those below are the hypervisor's
  detail::byte_span value;  ///< a digest, 32 to 64 bytes
};

/// What became of values that hardware was to hold.
enum class register_outcome : std::uint8_t {
  held,           ///< the registers hold them, whoever has put them there
  not_available,  ///< this kernel has no way to write them
};

namespace detail {

inline refusal registers_taken(std::string_view rule) {
  return {errc::attest_registers_taken, rule};
}

inline bool is_digest_size(byte_span value) noexcept {
  return value.size() >= 32 && value.size() <= 64;
}

/// Whether the register holds `value` and nothing else; no error where it still can.
inline judged<bool> pcr_holds(const nsm_register& found, byte_span value) noexcept {
  constexpr std::array<std::byte, 48> zero{};
  if (found.value == expected_pcr(value)) return true;
  if (found.value != zero) return registers_taken("registers.other_value");
  if (found.locked) return registers_taken("registers.locked_empty");
  return false;
}

inline std::optional<refusal> bad_arguments(std::span<const pcr_value> values) noexcept {
  std::bitset<32> seen;
  for (const pcr_value& each : values) {
    if (each.index < 16 || each.index >= seen.size() || seen.test(each.index))
      return refusal{errc::internal, "registers.index"};
    if (!is_digest_size(each.value)) return refusal{errc::internal, "registers.value_size"};
    seen.set(each.index);
  }
  return std::nullopt;
}

}  // namespace detail

/// Has the registers of an enclave hold `expected_pcr(value)` each, and locks them: nobody changes
/// them before the enclave ends, and every attestation document shows them.
///
/// Once and for all, and again after the program was started anew: a register that already holds its
/// value stays as it is, and is locked if that is still to be done. Nothing is written unless all
/// registers are free or right; all are read once more in the end. **May block**, as `nsm_device`.
///
/// `errc::attest_registers_taken` where a register holds something else, the errors of `nsm_device`,
/// and `errc::internal` for an index below 16 or twice, or a value that is no digest.
template <system_calls Kernel>
judged<void> lock_registers(nsm_device<Kernel>& nsm, std::span<const pcr_value> values,
                            std::chrono::nanoseconds budget) {
  if (const auto why = detail::bad_arguments(values)) return *why;
  const time_budget<std::remove_reference_t<Kernel>> time{nsm.machine(), budget};
  for (const pcr_value& each : values) {
    const auto found = nsm.describe_register(each.index, time.left());
    if (!found) return found.error();
    if (const auto holds = detail::pcr_holds(*found, each.value); !holds) return holds.error();
  }
  for (const pcr_value& each : values) {
    const auto found = nsm.describe_register(each.index, time.left());
    if (!found) return found.error();
    const auto holds = detail::pcr_holds(*found, each.value);
    if (!holds) return holds.error();
    if (!*holds) {
      const auto extended = nsm.extend_register(each.index, each.value, time.left());
      if (!extended) return extended.error();
    }
    if (!found->locked) {
      if (const auto locked = nsm.lock_register(each.index, time.left()); !locked)
        return locked.error();
    }
  }
  for (const pcr_value& each : values) {
    const auto found = nsm.describe_register(each.index, time.left());
    if (!found) return found.error();
    const auto holds = detail::pcr_holds(*found, each.value);
    if (!holds) return holds.error();
    if (!*holds || !found->locked)
      return refusal{errc::attest_device_failed, "registers.not_written"};
  }
  return {};
}

/// Has RTMR3 of a trust domain hold `expected_rtmr(values)`: every quote then shows it. There is no
/// lock; what is written later shows as another value.
///
/// Once and for all, and again after the program was started anew: where the register holds the
/// first of the values already, the others are added. **May block**, as `rtmr`.
///
/// `not_available` where the kernel has no interface for it; `errc::attest_registers_taken` where
/// the register holds something else, the errors of `rtmr`, and `errc::internal` for a value that
/// is no digest.
template <system_calls Kernel>
judged<register_outcome> lock_registers(rtmr<Kernel>& register3,
                                        std::span<const detail::byte_span> values,
                                        std::chrono::nanoseconds budget) {
  for (const detail::byte_span value : values)
    if (!detail::is_digest_size(value)) return refusal{errc::internal, "registers.value_size"};
  const time_budget<std::remove_reference_t<Kernel>> time{register3.machine(), budget};
  const auto found = register3.read(time.left());
  if (!found) {
    if (found.error().rule == "rtmr.absent") return register_outcome::not_available;
    return found.error();
  }
  std::size_t done = 0;
  while (done != values.size() && *found != expected_rtmr(values.first(done))) ++done;
  if (*found != expected_rtmr(values.first(done)))
    return detail::registers_taken("registers.other_value");

  for (const detail::byte_span value : values.subspan(done))
    if (const auto extended = register3.extend(sha384(value), time.left()); !extended)
      return extended.error();
  const auto now = register3.read(time.left());
  if (!now) return now.error();
  if (*now != expected_rtmr(values)) return detail::registers_taken("registers.other_value");
  return register_outcome::held;
}

}  // namespace enfilade
