// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/endorsements.hpp>
#include <enfilade/attest/evidence_bundle.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/nitro/extended_pcr.hpp>
#include <enfilade/attest/nitro/nitro_claims.hpp>
#include <enfilade/attest/nitro/nitro_verifier.hpp>
#include <enfilade/attest/nvidia/hopper_claims.hpp>
#include <enfilade/attest/nvidia/hopper_verifier.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/snp/snp_claims.hpp>
#include <enfilade/attest/snp/snp_report.hpp>
#include <enfilade/attest/snp/snp_selection.hpp>
#include <enfilade/attest/snp/snp_verifier.hpp>
#include <enfilade/attest/tdx/extended_rtmr.hpp>
#include <enfilade/attest/tdx/tdx_claims.hpp>
#include <enfilade/attest/tdx/tdx_collateral.hpp>
#include <enfilade/attest/tdx/tdx_verifier.hpp>
#include <enfilade/attest/told_registers.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/verify/evidence_report.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// Whose evidence it is.
enum class platform : std::uint8_t {
  nitro,   ///< the COSE message of the Nitro hypervisor
  snp,     ///< the report of AMD's secure processor
  tdx,     ///< a quote
  nvidia,  ///< the report of a Hopper GPU
};

/// The platform that a command line calls so; nothing where it is none.
constexpr std::optional<platform> platform_of(std::string_view name) noexcept {
  if (name == "nitro") return platform::nitro;
  if (name == "snp") return platform::snp;
  if (name == "tdx") return platform::tdx;
  if (name == "nvidia") return platform::nvidia;
  return std::nullopt;
}

/// What somebody asks of evidence that lies in a file.
struct evidence_question {
  explicit evidence_question(platform whose) : tee(whose) {}

  platform tee;
  appraisal terms;
  /// What the evidence must have been made for: Nitro's nonce; the report data (64 bytes) of SNP and
  /// TDX, and in a bundle that of the link; the nonce (32 bytes) of a GPU, which cannot do without.
  std::optional<std::vector<std::byte>> nonce;
  /// Expectations are compared afterwards: what they judge themselves is then left to them, which is
  /// migration and the status that Intel gives a platform.
  bool expectations_follow = false;
};

namespace detail {

/// The verifiers under the roots that the library knows. Tests have others, under roots of theirs.
struct known_verifiers {
  static nitro_verification nitro(byte_span document, const appraisal& terms,
                                  const nitro_options& options) {
    return verify_nitro(document, terms.now, options, terms.known);
  }
  static snp_verification snp(byte_span report, const snp_endorsements& given,
                              const appraisal& terms, const snp_options& options) {
    return verify_snp(report, given, terms.now, options, terms.known);
  }
  static tdx_verification tdx(byte_span quote, const tdx_endorsements* given,
                              const appraisal& terms, const tdx_options& options) {
    return verify_tdx(quote, given, terms.now, options, terms.known);
  }
  static hopper_verification nvidia(byte_span report, std::span<const byte_span> certificates,
                                    std::span<const std::byte, hopper_report::nonce_size> nonce,
                                    const appraisal& terms) {
    return verify_hopper(report, certificates, nonce, terms.now, terms.known);
  }
};

/// Names that are the platforms' own: what a program tells must not pass for what was measured.
inline bool is_platform_name(std::string_view name) noexcept {
  for (const std::string_view start : {"pcr", "rtmr", "mr"})
    if (name.starts_with(start)) return true;
  for (const std::string_view own :
       {"module", "measurement", "host_data", "id_key_digest", "author_key_digest", "chip_id",
        "report_id", "family_id", "image_id", "fmspc", "ppid"})
    if (name == own) return true;
  return false;
}

/// Judges evidence of one platform; what each does alike is here once.
template <class Verifiers = known_verifiers>
class evidence_judge {
 public:
  explicit evidence_judge(const evidence_question& question, Verifiers verify = {})
      : ask_(question), terms_(question.terms), verify_(std::move(verify)) {}

  evidence_report judge(byte_span evidence) {
    const std::optional<byte_span> own = unwrap(evidence);
    if (!own) return std::move(out_);
    switch (ask_.tee) {
      case platform::nitro:
        nitro(*own);
        break;
      case platform::snp:
        snp(*own);
        break;
      case platform::tdx:
        tdx(*own);
        break;
      case platform::nvidia:
        nvidia(*own);
        break;
    }
    if (out_.says) out_.says->judged_at = terms_.now;
    return std::move(out_);
  }

 private:
  /// The evidence as the platform made it; nothing where it is in a bundle that cannot be read.
  std::optional<byte_span> unwrap(byte_span evidence) {
    const bool may_be_bundle = ask_.tee == platform::snp || ask_.tee == platform::tdx;
    if (!may_be_bundle || !evidence_bundle::is_one(evidence)) return evidence;
    auto parsed = evidence_bundle::parse(evidence);
    if (!out_.steps.check("bundle", parsed)) return std::nullopt;
    auto told = parse_told(parsed->told);
    if (told && std::ranges::any_of(*told, is_platform_name, &registers::value_type::first))
      told = refusal{errc::attest_malformed, "evidence.told_name"};
    if (!out_.steps.check("told", told)) return std::nullopt;
    bundle_ = *std::move(parsed);
    told_ = *std::move(told);
    return bundle_->report;
  }

  static std::vector<byte_span> views_of(const std::vector<std::vector<std::byte>>& all) {
    return {all.begin(), all.end()};
  }

  template <class Verification>
  bool take(const Verification& found) {
    append(out_.steps, found.steps);
    if (!found.claims) {
      if (ask_.tee != platform::nvidia) out_.steps.skip("binding", "an earlier step failed");
      return false;
    }
    out_.says = to_claims(*found.claims);
    return true;
  }

  void nitro(byte_span document) {
    nitro_options options;
    options.allow_debug = terms_.allow_debug;
    const auto found = verify_.nitro(document, terms_, options);
    if (!take(found)) return;
    const nitro_claims& claims = *found.claims;
    out_.besides.emplace_back("module id", claims.module_id);
    const auto shown = [this](std::string_view name,
                              const std::optional<std::vector<std::byte>>& value) {
      if (value) out_.besides.emplace_back(name, to_hex(*value));
    };
    shown("nonce", claims.nonce);
    shown("public key", claims.public_key);
    shown("user data", claims.user_data);
    // The hypervisor signed it, so what the program told is what this program told.
    if (auto told = parse_told(claims.user_data.value_or(std::vector<std::byte>{}))) {
      told_ = *std::move(told);
      compare_registers(hold_told(claims));
      believe();
    }
    if (!out_.says) {
      out_.steps.skip("binding", "an earlier step failed");
    } else if (!ask_.nonce) {
      not_bound();
    } else {
      bind(claims.nonce.value_or(std::vector<std::byte>{}), *ask_.nonce);
    }
  }

  void snp(byte_span report) {
    snp_options options;
    options.allow_debug = terms_.allow_debug;
    options.allow_migration = ask_.expectations_follow;
    std::vector<byte_span> certificates;
    std::vector<byte_span> lists;
    if (bundle_) certificates = bundle_->certificates;
    if (terms_.given != nullptr) {
      const auto named = views_of(terms_.given->certificates);
      certificates.insert(certificates.end(), named.begin(), named.end());
      lists = views_of(terms_.given->revocation_lists);
    }
    auto found = verify_.snp(report, {certificates, lists}, terms_, options);
    // The files may be those of a whole fleet; then, as a program does, only what belongs to this
    // report. First as they are: where that does not help, the rule that they break says more.
    if (const auto failed = found.steps.failure(); failed && failed->name == "certificates") {
      if (const auto chosen = chosen_for(report)) {
        auto again = verify_.snp(report, chosen->endorsements(), terms_, options);
        const auto why = again.steps.failure();
        const bool is_missing = why && why->code == errc::attest_endorsement_missing;
        if (!is_missing || failed->code == errc::attest_malformed) found = std::move(again);
      }
    }
    if (!take(found)) return;
    out_.besides.emplace_back("product", enfilade::name_of(found.claims->product));
    if (!found.claims->provider.empty()) out_.besides.emplace_back("VLEK", found.claims->provider);
    report_data(found.claims->report_data);
  }

  std::optional<snp_selection> chosen_for(byte_span report) const {
    const auto read = read_snp_report(report);
    if (!read) return std::nullopt;
    std::span<const byte_span> shown;
    if (bundle_) shown = bundle_->certificates;
    const auto chosen = select_snp_endorsements(*read, shown, terms_.given);
    return chosen ? std::optional{*chosen} : std::nullopt;
  }

  void tdx(byte_span quote) {
    std::optional<tdx_endorsements> collateral;
    if (terms_.given != nullptr && !terms_.given->tdx_collateral.empty()) {
      auto read = read_tdx_collateral(terms_.given->tdx_collateral);
      if (!out_.steps.check("collateral_file", read)) return;
      collateral = *std::move(read);
    }
    tdx_options options;
    options.allow_debug = terms_.allow_debug;
    options.allow_migration = ask_.expectations_follow;
    const tdx_endorsements* const given = collateral ? &*collateral : nullptr;
    auto found = verify_.tdx(quote, given, terms_, options);
    if (ask_.expectations_follow && found.tcb) {
      // Genuine up to Intel's judgement of the platform, which is then a claim like others; that a
      // platform is revoked is never taken.
      options.accepted_statuses = {found.tcb->status};
      options.accepted_advisories = found.tcb->advisories;
      found = verify_.tdx(quote, given, terms_, options);
    }
    if (!take(found)) return;
    if (bundle_) compare_registers(hold_told(*found.claims));
    report_data(found.claims->report_data);
  }

  void nvidia(byte_span report) {
    std::array<std::byte, hopper_report::nonce_size> nonce{};
    if (ask_.nonce && ask_.nonce->size() == nonce.size())
      std::ranges::copy(*ask_.nonce, nonce.begin());
    const std::vector<byte_span> certificates =
        terms_.given == nullptr ? std::vector<byte_span>{} : views_of(terms_.given->certificates);
    const auto found = verify_.nvidia(report, certificates, nonce, terms_);
    if (!take(found)) return;
    out_.besides.emplace_back("driver", found.claims->driver_version);
    out_.besides.emplace_back("VBIOS", found.claims->vbios_version);
    out_.besides.emplace_back("chip", found.claims->chip_sku);
  }

  /// The binding of a report with 64 bytes of report data, and no room for more.
  void report_data(const std::array<std::byte, 64>& found) {
    out_.besides.emplace_back("report data", to_hex(found));
    if (!out_.says) {
      out_.steps.skip("binding", "an earlier step failed");
      return;
    }
    if (!ask_.nonce) {
      not_bound();
      out_.unproven = std::move(told_);
      return;
    }
    std::array<std::byte, 64> wanted{};
    const bool fits = ask_.nonce->size() == wanted.size();
    if (fits) std::ranges::copy(*ask_.nonce, wanted.begin());
    if (bundle_) wanted = bound_report_data(wanted, bundle_->told);
    bind(found, fits ? byte_span{wanted} : byte_span{});
    believe();
  }

  /// What the program told becomes claims, but never under a name that is the platform's.
  void believe() {
    if (!out_.says) return;
    for (const auto& [name, value] : told_)
      if (!is_platform_name(name)) out_.says->values.emplace_back(name, value);
  }

  const Measurement* find_told(std::string_view name) const {
    const auto at = std::ranges::find(told_, name, &registers::value_type::first);
    return at == told_.end() ? nullptr : &at->second;
  }

  static bool is_used(const Measurement& hardware) {
    return std::ranges::any_of(hardware.bytes(), [](std::byte b) { return b != std::byte{0}; });
  }

  /// Whether the registers that a stage writes hold what it told; nothing where it wrote none.
  std::optional<bool> hold_told(const nitro_claims& found) const {
    std::optional<bool> held;
    for (std::size_t i = 0; i != written.size(); ++i) {
      const Measurement& hardware = found.pcrs[16 + i];
      if (!is_used(hardware)) continue;
      const Measurement* const told = find_told(written[i]);
      held = held.value_or(true) && told != nullptr &&
             Measurement{expected_pcr(told->bytes())} == hardware;
    }
    return held;
  }
  std::optional<bool> hold_told(const tdx_claims& found) const {
    if (!is_used(found.rtmrs[3])) return std::nullopt;
    std::vector<byte_span> values;
    for (const std::string_view name : written)
      if (const Measurement* const told = find_told(name)) values.push_back(told->bytes());
    return Measurement{expected_rtmr(values)} == found.rtmrs[3];
  }

  void compare_registers(std::optional<bool> held) {
    if (!held) {
      out_.steps.skip("registers", "the program wrote none");
    } else if (!out_.steps.check(
                   "registers", *held,
                   {errc::attest_measurement_mismatch, "evidence.register_differs"})) {
      out_.says.reset();
    }
  }

  void not_bound() { out_.steps.skip("binding", "for which nonce it was made was not asked"); }

  /// Genuine evidence that was made for another session says nothing about this one.
  void bind(byte_span found, byte_span wanted) {
    if (!out_.steps.check("binding", equal(found, wanted),
                          {errc::attest_binding_mismatch, "evidence.nonce"}))
      out_.says.reset();
  }

  // What a stage puts into the registers that it may write, in their order: PCR16 and up, or one
  // after the other into RTMR3.
  static constexpr std::array<std::string_view, 4> written{"plan", "weights", "tokenizer", "next"};

  const evidence_question& ask_;
  const appraisal& terms_;
  Verifiers verify_;
  std::optional<evidence_bundle> bundle_;
  registers told_;
  evidence_report out_;
};

}  // namespace detail

/// Judges evidence as the platform makes it or, of SNP and TDX, in an `evidence_bundle`, by what is
/// asked of it. Never throws on evidence.
///
/// Around the steps of the platform's verifier stand these:
///
/// | step              | what holds when it passed                                                 |
/// |-------------------|---------------------------------------------------------------------------|
/// | `bundle`, `told`  | the bundle, and in it what the program told, can be read                  |
/// | `collateral_file` | Intel's collateral can be read                                            |
/// | `registers`       | the hardware's own hold what the program told; skipped where it wrote none |
/// | `binding`         | the evidence was made for the nonce; skipped where none was given         |
///
/// What a program told is among the claims where it is proven: of Nitro always, of the others where
/// the binding was checked. Without that it is `unproven`.
inline evidence_report judge_evidence(detail::byte_span evidence,
                                      const evidence_question& question) {
  return detail::evidence_judge<>{question}.judge(evidence);
}

}  // namespace enfilade
