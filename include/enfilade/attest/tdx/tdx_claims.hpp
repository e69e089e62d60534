// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/tdx/tdx_tcb.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace enfilade {

/// What a verification rests on.
enum class tdx_strength : std::uint8_t {
  /// Genuine hardware and a genuine quoting enclave, however old: nothing is known of security
  /// versions, and nothing of revocations.
  signatures,
  /// And Intel's collateral says that the platform is up to date and not revoked.
  collateral,
};

/// What a genuine quote says. Whether that is the program and the report data that one wants is the
/// caller's question; compare with `equal`.
struct tdx_claims {
  std::uint16_t quote_version = 0;
  Measurement mrtd;                  ///< the guest as it was built: its firmware
  std::array<Measurement, 4> rtmrs;  ///< what firmware, kernel and programs measured since
  Measurement mrseam;                ///< the TDX module
  Measurement mrsignerseam;
  Measurement mrconfigid;
  Measurement mrowner;
  Measurement mrownerconfig;
  std::optional<Measurement> mrservicetd;  ///< from TDX 1.5 on
  std::array<std::byte, 64> report_data{};
  std::uint64_t td_attributes = 0;
  std::uint64_t seam_attributes = 0;
  std::uint64_t xfam = 0;
  bool debug = false;
  std::array<std::byte, 16> tee_tcb_svn{};
  std::optional<std::array<std::byte, 16>> tee_tcb_svn2;  ///< from TDX 1.5 on
  std::array<std::byte, 6> fmspc{};
  std::array<std::byte, 16> ppid{};  ///< the platform: what instance pinning pins
  tdx_strength strength = tdx_strength::signatures;
  std::optional<tdx_tcb> tcb;                      ///< with collateral
  std::optional<std::uint32_t> evaluation_number;  ///< with collateral: the older of the two
  std::chrono::sys_seconds valid_until;  ///< when the first certificate, list or document ends
};

/// A genuine quote in the words of all platforms; what the program told is not among them, and when
/// it was judged is for the caller to add.
///
/// | claim         | of a quote                                                                     |
/// |---------------|--------------------------------------------------------------------------------|
/// | `values`      | `mrtd`, `rtmr0` to `rtmr3`; `mrconfigid`, `mrowner`, `mrownerconfig` and `mrservicetd` where not zero |
/// | `place`       | `mrseam` (the TDX module), `fmspc` (kind of platform), `ppid` (the platform)   |
/// | `numbers`     | `tee_tcb_svn.0` (of the module), `.1` (its kind), `.2` (its loader); with collateral `evaluation`, Intel's number of the assessment |
/// | `permissions` | `debug`, `migration`, `sept_ve` (the host can raise #VE by taking memory away) |
/// | `tcb_status`, `advisories` | Intel's judgement, with collateral                                |
inline claims to_claims(const tdx_claims& found) {
  claims out{"tdx", {}};
  const auto unless_zero = [&out](std::string_view name, const Measurement& value) {
    const bool is_zero =
        std::ranges::all_of(value.bytes(), [](std::byte b) { return b == std::byte{0}; });
    if (!is_zero) out.values.emplace_back(name, value);
  };
  out.values.emplace_back("mrtd", found.mrtd);
  for (std::size_t i = 0; i != found.rtmrs.size(); ++i)
    out.values.emplace_back("rtmr" + std::to_string(i), found.rtmrs[i]);
  unless_zero("mrconfigid", found.mrconfigid);
  unless_zero("mrowner", found.mrowner);
  unless_zero("mrownerconfig", found.mrownerconfig);
  if (found.mrservicetd) unless_zero("mrservicetd", *found.mrservicetd);
  out.place.emplace_back("mrseam", found.mrseam);
  out.place.emplace_back("fmspc", Measurement{found.fmspc});
  out.place.emplace_back("ppid", Measurement{found.ppid});

  constexpr std::array<std::string_view, 3> versions{"tee_tcb_svn.0", "tee_tcb_svn.1",
                                                     "tee_tcb_svn.2"};
  for (std::size_t i = 0; i != versions.size(); ++i)
    out.numbers.emplace_back(versions[i], std::to_integer<std::uint64_t>(found.tee_tcb_svn[i]));
  if (found.evaluation_number) out.numbers.emplace_back("evaluation", *found.evaluation_number);

  constexpr int sept_ve_disable = 28;  // TDX module specification, "ATTRIBUTES"
  constexpr int migratable = 29;
  out.says("debug", found.debug);
  out.says("migration", (found.td_attributes >> migratable & 1) != 0);
  out.says("sept_ve", (found.td_attributes >> sept_ve_disable & 1) == 0);

  out.usual_strength = evidence_strength::collateral;
  if (found.strength == tdx_strength::collateral) out.strength = evidence_strength::collateral;
  if (found.tcb) {
    out.tcb_status = name_of(found.tcb->status);
    out.advisories = found.tcb->advisories;
  }
  out.valid_until = found.valid_until;
  return out;
}

}  // namespace enfilade
