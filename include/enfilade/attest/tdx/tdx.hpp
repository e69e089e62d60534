// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/register_lock.hpp>
#include <enfilade/attest/device/rtmr.hpp>
#include <enfilade/attest/device/tdx_guest_device.hpp>
#include <enfilade/attest/device/tsm_report.hpp>
#include <enfilade/attest/evidence_bundle.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/tdx/extended_rtmr.hpp>
#include <enfilade/attest/tdx/tdx_claims.hpp>
#include <enfilade/attest/tdx/tdx_collateral.hpp>
#include <enfilade/attest/tdx/tdx_endorsements.hpp>
#include <enfilade/attest/tdx/tdx_quote.hpp>
#include <enfilade/attest/tdx/tdx_root.hpp>
#include <enfilade/attest/tdx/tdx_tcb.hpp>
#include <enfilade/attest/tdx/tdx_verifier.hpp>
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

/// `Tdx` over any machine and any root. Tests make classes of their own of it; that a program
/// trusts none of their roots is then seen in its types.
template <system_calls Kernel, class Root>
class tdx_attester {
 public:
  using policy_role = role::attester;
  static constexpr std::string_view name = "tdx";
  static constexpr std::uint16_t format = 3;
  static constexpr bool takes_time = true;
  static constexpr bool takes_endorsements = true;

  explicit tdx_attester(registers told = {}, Kernel machine = {})
      : told_(std::move(told)), machine_(std::forward<Kernel>(machine)) {}

  /// Has RTMR3 hold what was told and has a place there, where the kernel lets a program write it.
  result<void> prepare() const {
    if (!encoded()) return errc::internal;
    if (!tdx_guest_device<Kernel>{machine_}.exists() && !tsm_report<Kernel>{machine_}.exists())
      return errc::attest_device_unavailable;
    const std::vector<byte_span> values = in_order(told_);
    if (values.empty()) return {};
    rtmr<Kernel> register3{machine_};
    const auto locked = lock_registers(register3, values, patience);
    return locked ? result<void>{} : result<void>{locked.error().code};
  }

  result<std::vector<std::byte>> attest(report_data_view data) const {
    const auto told = encoded();
    if (!told) return told.error();
    tdx_guest_device<Kernel> device{machine_};
    const auto quote = device.quote(bound_report_data(data, *told), patience);
    if (!quote) return quote.error().code;
    evidence_bundle out;
    out.told = *told;
    out.report = *quote;
    return out.encode();
  }

  static judged<claims> verify(byte_span evidence, report_data_view data, const appraisal& terms) {
    const auto bundle = evidence_bundle::parse(evidence);
    if (!bundle) return bundle.error();
    // The certificates of a quote are inside of it.
    if (!bundle->certificates.empty()) return refusal{errc::attest_malformed, "tdx.certificates"};
    auto told = parse_told(bundle->told);
    if (!told) return told.error();
    if (has_own_name(*told)) return refusal{errc::attest_malformed, "tdx.told_name"};
    const auto quote = read_tdx_quote(bundle->report);
    if (!quote) return quote.error();
    // Before any signature: it costs nothing, and genuine evidence of another session is refused.
    if (!equal(quote->report_data, bound_report_data(data, bundle->told)))
      return refusal{errc::attest_binding_mismatch, "tdx.report_data"};
    if (differs(*quote, *told))
      return refusal{errc::attest_measurement_mismatch, "tdx.register_differs"};

    std::optional<tdx_endorsements> collateral;
    if (terms.given != nullptr && !terms.given->tdx_collateral.empty()) {
      auto read = read_tdx_collateral(terms.given->tdx_collateral);
      if (!read) return read.error();
      collateral = *std::move(read);
    }
    const tdx_verification found =
        verify_quote(bundle->report, collateral ? &*collateral : nullptr, terms);
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
  // The first quote of a machine may take so long, at the start of a program. Nothing is asked
  // again and again for longer than a few seconds.
  static constexpr std::chrono::seconds patience{25};

  /// Names that are the platform's, used or not: what a program tells must not be taken for what
  /// was measured.
  static bool is_own_name(std::string_view called) noexcept {
    return called.starts_with("mr") || called.starts_with("rtmr") || called == "fmspc" ||
           called == "ppid";
  }
  static bool has_own_name(const registers& told) noexcept {
    return std::ranges::any_of(told, is_own_name, &registers::value_type::first);
  }

  /// Views of what has a place in RTMR3, in the order in which it is put there.
  static std::vector<byte_span> in_order(const registers& told) {
    std::vector<byte_span> values;
    for (const std::string_view called : {"plan", "weights", "tokenizer", "next"})
      for (const auto& [name_told, value] : told)
        if (name_told == called) values.push_back(value.bytes());
    return values;
  }

  static bool differs(const tdx_quote& quote, const registers& told) {
    constexpr std::array<std::byte, 48> zero{};
    const byte_span held = quote.rtmrs[3];
    if (std::ranges::equal(held, zero)) return false;  // a kernel without the interface
    return !equal(held, expected_rtmr(in_order(told)));
  }

  result<std::vector<std::byte>> encoded() const {
    if (has_own_name(told_)) return errc::internal;
    return encode_told(told_);
  }

  /// Genuine, up to Intel's judgement of the platform: unless it is revoked, that is a claim like
  /// others, and for expectations to accept.
  static tdx_verification verify_quote(byte_span quote, const tdx_endorsements* collateral,
                                       const appraisal& terms) {
    known_signatures of_this_call;  // what is looked at twice here is computed once
    known_signatures* const known = terms.known != nullptr ? terms.known : &of_this_call;
    tdx_options options;
    options.allow_debug = terms.allow_debug;
    options.allow_migration = true;  // which expectations refuse, unless they allow it
    const auto verified = [&] {
      return tdx_verifier{Root::der(), collateral, terms.now, options}.verify(
          quote, remembering_check{known});
    };
    tdx_verification found = verified();
    if (found.claims || !found.tcb) return found;  // one that is revoked is refused again
    options.accepted_statuses = {found.tcb->status};
    options.accepted_advisories = found.tcb->advisories;
    return verified();
  }

  registers told_;
  Kernel machine_;
};

/// Intel's root.
struct tdx_root_of_intel {
  static byte_span der() noexcept { return intel_sgx_root(); }
};

}  // namespace detail

/// A trust domain of Intel TDX: the module vouches for the firmware that the domain was built with,
/// and for what that measured since.
///
/// Model of `attester`. Evidence is an `evidence_bundle` of the quote and what the program told;
/// the quote's report data are bound to the session and to all that was told (`bound_report_data`).
/// `prepare` extends RTMR3 with `plan`, `weights`, `tokenizer` and `next`, as far as they were
/// told, in this order; a kernel before Linux 6.16 has no way to do so, and the register stays
/// zero.
///
/// Registers: those of `to_claims(tdx_claims)`, then what was told. Verifying needs no device; for
/// the strength `collateral`, which is the usual one, it needs Intel's statements about the kind of
/// platform from `appraisal::given`.
///
/// | rule                   | refused                                                            |
/// |------------------------|--------------------------------------------------------------------|
/// | `tdx.certificates`     | certificates beside the quote, which has its own                   |
/// | `tdx.told_name`        | told under a name of the platform's own                            |
/// | `tdx.report_data`      | of another session, or told otherwise (`attest_binding_mismatch`)  |
/// | `tdx.register_differs` | told something else than RTMR3 holds, where it holds anything      |
///
/// They come before any signature, after the rules of `evidence_bundle`, `parse_told` and
/// `read_tdx_quote`; those of `verify_tdx` come last. What Intel says of the platform is among the
/// claims, for `expectations` to judge; a revoked one is refused here.
class Tdx : public detail::tdx_attester<kernel, detail::tdx_root_of_intel> {
 public:
  explicit Tdx(registers told = {}) : tdx_attester(std::move(told)) {}
};

static_assert(attester<Tdx>);

}  // namespace enfilade
