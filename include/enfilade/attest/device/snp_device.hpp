// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/pace.hpp>
#include <enfilade/attest/device/sev_guest_device.hpp>
#include <enfilade/attest/device/time_budget.hpp>
#include <enfilade/attest/device/tsm_report.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace enfilade {

/// Where an SEV-SNP guest gets its reports: configfs-tsm where the kernel has it, since that keeps
/// concurrent requests apart and knows the privilege level, else `/dev/sev-guest`.
///
/// **Every call may block**: call it off the executor. Errors are those of the two; the second is
/// asked only where the first is not there (`errc::attest_device_unavailable`).
template <system_calls Kernel = kernel>
class snp_device {
 public:
  explicit snp_device(Kernel machine = {}, pace& turns = sev_guest_pace())
      : machine_(std::forward<Kernel>(machine)), turns_(turns) {}

  /// Whether this machine may have either.
  bool exists() {
    return tsm_report<machine_type&>{machine_}.exists() ||
           sev_guest_device<machine_type&>{machine_, turns_}.exists();
  }

  /// A report about `data` with the host's certificates, if it has any. `privilege` as in
  /// `tsm_report::make`.
  judged<snp_reply> report(std::span<const std::byte, 64> data, std::optional<unsigned> privilege,
                           std::chrono::nanoseconds budget) {
    const time_budget<machine_type> time{machine_, budget};
    tsm_report<machine_type&> tsm{machine_};
    auto made = tsm.make("sev_guest", data, privilege, budget);
    if (made) {
      if (made->out.size() != detail::snp_report_size)
        return refusal{errc::attest_device_failed, "snp_device.report_size"};
      if (!detail::is_snp_report_of(made->out, data))
        return refusal{errc::attest_device_failed, "snp_device.report_data"};
      return snp_reply{std::move(made->out), std::move(made->aux)};
    }
    if (made.error().code != errc::attest_device_unavailable) return made.error();

    sev_guest_device<machine_type&> device{machine_, turns_};
    return device.extended_report(data, privilege.value_or(0), time.left());
  }

 private:
  using machine_type = std::remove_reference_t<Kernel>;

  Kernel machine_;
  pace& turns_;
};

template <class Kernel>
snp_device(Kernel&&) -> snp_device<Kernel>;
template <class Kernel>
snp_device(Kernel&&, pace&) -> snp_device<Kernel>;
snp_device()->snp_device<kernel>;

}  // namespace enfilade
