// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/snp_certificate_table.hpp>
#include <enfilade/attest/device/snp_device.hpp>
#include <enfilade/attest/evidence_bundle.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/snp/snp_claims.hpp>
#include <enfilade/attest/snp/snp_report.hpp>
#include <enfilade/attest/snp/snp_selection.hpp>
#include <enfilade/attest/snp/snp_verifier.hpp>
#include <enfilade/attest/told_registers.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/compose/role.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

namespace detail {

/// `SevSnp` over any machine and any roots. Tests make classes of their own of it; that a program
/// trusts none of their roots is then seen in its types.
template <system_calls Kernel, class Roots>
class snp_attester {
 public:
  using policy_role = role::attester;
  static constexpr std::string_view name = "sev-snp";
  static constexpr std::uint16_t format = 2;
  static constexpr bool takes_time = true;
  static constexpr bool takes_endorsements = true;

  explicit snp_attester(registers told = {}, Kernel machine = {})
      : told_(std::move(told)), machine_(std::forward<Kernel>(machine)) {}

  /// There is no register that a guest could write: looks for the device, and at what was told.
  result<void> prepare() const {
    if (!encoded()) return errc::internal;
    if (!snp_device<Kernel>{machine_}.exists()) return errc::attest_device_unavailable;
    return {};
  }

  result<std::vector<std::byte>> attest(report_data_view data) const {
    const auto told = encoded();
    if (!told) return told.error();
    snp_device<Kernel> device{machine_};
    // The privilege level that the program has, and no other.
    const auto made = device.report(bound_report_data(data, *told), std::nullopt, patience);
    if (!made) return made.error().code;
    evidence_bundle out;
    out.told = *told;
    out.report = made->report;
    // A host that gives nonsense is a host without certificates: the peer may have its own.
    if (const auto table = read_snp_certificate_table(made->certificates))
      for (const byte_span der : {table->vcek, table->vlek, table->ask, table->ark})
        if (!der.empty()) out.certificates.push_back(der);
    return out.encode();
  }

  static judged<claims> verify(byte_span evidence, report_data_view data, const appraisal& terms) {
    const auto bundle = evidence_bundle::parse(evidence);
    if (!bundle) return bundle.error();
    auto told = parse_told(bundle->told);
    if (!told) return told.error();
    if (has_own_name(*told)) return refusal{errc::attest_malformed, "snp.told_name"};
    const auto report = read_snp_report(bundle->report);
    if (!report) return report.error();
    // Before any signature: it costs nothing, and genuine evidence of another session is refused.
    if (!equal(report->report_data, bound_report_data(data, bundle->told)))
      return refusal{errc::attest_binding_mismatch, "snp.report_data"};
    const auto chosen = select_snp_endorsements(*report, bundle->certificates, terms.given);
    if (!chosen) return chosen.error();

    snp_options options;
    options.allow_debug = terms.allow_debug;
    options.allow_migration = true;  // which expectations refuse, unless they allow it
    remembering_check check{terms.known};
    const snp_verification found = snp_verifier{Roots::all(), terms.now, options}.verify(
        bundle->report, chosen->endorsements(), check);
    if (!found.claims) {
      const verdict_step failed = *found.steps.failure();
      return refusal{failed.code, failed.reason};
    }
    claims out = to_claims(*found.claims);
    for (auto& one : *told) out.values.push_back(std::move(one));
    out.judged_at = terms.now;
    return out;
  }

 private:
  // Below what `desk_limits` give a piece of evidence: a host that throttles is asked again and
  // again.
  static constexpr std::chrono::seconds patience{4};

  /// Names that are the platform's, used or not: what a program tells must not be taken for what
  /// was measured.
  static bool has_own_name(const registers& told) noexcept {
    constexpr std::array<std::string_view, 10> own{
        "measurement", "host_data", "id_key_digest", "author_key_digest", "chip_id",
        "report_id",   "family_id", "image_id",      "product",           "provider"};
    return std::ranges::any_of(
        told, [&own](const auto& one) { return std::ranges::find(own, one.first) != own.end(); });
  }

  result<std::vector<std::byte>> encoded() const {
    if (has_own_name(told_)) return errc::internal;
    return encode_told(told_);
  }

  registers told_;
  Kernel machine_;
};

/// AMD's roots.
struct snp_roots_of_amd {
  static snp_root_set all() noexcept { return amd_roots(); }
};

}  // namespace detail

/// A guest of AMD SEV-SNP: the processor vouches for what the guest was launched with.
///
/// Model of `attester`. Evidence is an `evidence_bundle` of the report, what the program told, and
/// the certificates that the host has for it, if any; the report's data are bound to the session
/// and to all that was told (`bound_report_data`). A guest has no registers to write: `prepare`
/// writes nothing.
///
/// Registers: those of `to_claims(snp_claims)`, then what was told. Verifying needs no device; it
/// needs the certificate of the processor's key and its issuer, from the evidence or from
/// `appraisal::given`, and AMD's list of revocations for the strength `collateral`.
///
/// | rule              | refused                                                                  |
/// |-------------------|--------------------------------------------------------------------------|
/// | `snp.told_name`   | told under a name of the platform's own                                  |
/// | `snp.report_data` | of another session, or told something else (`attest_binding_mismatch`)   |
///
/// They come before any signature, after the rules of `evidence_bundle`, `parse_told` and
/// `read_snp_report`; those of `verify_snp` come last. What the guest's policy lets the host do is
/// among the claims, for `expectations` to judge.
class SevSnp : public detail::snp_attester<kernel, detail::snp_roots_of_amd> {
 public:
  explicit SevSnp(registers told = {}) : snp_attester(std::move(told)) {}
};

static_assert(attester<SevSnp>);

}  // namespace enfilade
