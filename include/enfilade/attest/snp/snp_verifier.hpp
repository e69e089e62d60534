// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/snp/snp_certificate.hpp>
#include <enfilade/attest/snp/snp_report.hpp>
#include <enfilade/attest/snp/snp_roots.hpp>
#include <enfilade/attest/snp/snp_tcb.hpp>
#include <enfilade/attest/verdict.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_chain.hpp>
#include <enfilade/attest/x509/x509_crl.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/cipher/curve.hpp>
#include <enfilade/cipher/ecdsa.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace enfilade {

/// What comes with a report, or was fetched from AMD's key service for it. A view: the bytes must
/// outlive it.
struct snp_endorsements {
  /// In DER and in any order: the certificate of the VCEK or VLEK, that of its issuer (ASK), and, if
  /// one likes, that of AMD's root, which is only compared with ours. At most 8.
  std::span<const detail::byte_span> certificates;
  /// Lists of revoked certificates, in DER; at most 4. Those by others than the issuers of these
  /// certificates are left alone.
  std::span<const detail::byte_span> revocation_lists;
};

/// What a caller of `verify_snp` may choose.
struct snp_options {
  /// Accept a guest whose memory its host may read and write.
  bool allow_debug = false;
  /// Accept a guest that a migration agent may move: then whoever runs that agent is trusted, too.
  bool allow_migration = false;
  /// Accept a guest that may share a core with somebody else's thread.
  bool allow_smt = true;
  /// What the machine's firmware must at least be: all that it runs, and all that its host could go
  /// back to.
  std::optional<snp_tcb> minimum_tcb = std::nullopt;
  /// How little privileged in the guest the asker may be; nothing: any. With 0 it must be what was
  /// measured at launch, and not what that let in later at a lower level.
  std::optional<std::uint8_t> max_vmpl = std::nullopt;
  /// Refuse where AMD's list of revoked certificates was not given.
  bool require_revocation = false;
};

/// The four versions of a machine that a report names.
struct snp_tcbs {
  snp_tcb reported;   ///< what the signing key was derived for; cannot be invented upwards
  snp_tcb current;    ///< what runs
  snp_tcb committed;  ///< what the host cannot go back behind
  snp_tcb launch;     ///< what ran when the guest was launched, maybe on another machine
};

/// What a genuine report says. Whether that is the program, the keys and the machine that one wants
/// is the caller's question; compare with `equal` or as `Measurement`s.
struct snp_claims {
  std::uint32_t version = 0;  ///< of the report: 2, 3 or 4
  snp_product product{};
  snp_signer signer{};
  std::chrono::sys_seconds valid_until;  ///< when the first certificate of the chain ends
  bool revocation_checked = false;       ///< whether AMD's own list was looked at

  Measurement measurement;  ///< SHA-384 of what the guest was launched with
  std::array<std::byte, 64> report_data{};
  Measurement host_data;      ///< 32 bytes, the host's own words; proven is only that it said so
  Measurement id_key_digest;  ///< empty where the launch was not signed
  Measurement author_key_digest;  ///< empty where nobody signed that key
  Measurement family_id;          ///< 16 bytes
  Measurement image_id;           ///< 16 bytes
  std::uint32_t guest_svn = 0;
  Measurement report_id;        ///< 32 bytes
  Measurement migration_agent;  ///< its report id; empty where there is none
  std::uint8_t vmpl = 0;
  snp_policy policy;

  Measurement chip_id;      ///< 64 bytes; empty where the host masks it
  Measurement hardware_id;  ///< of the VCEK's certificate, 64 bytes or 8; empty for a VLEK
  std::string provider;     ///< of the VLEK's certificate; empty for a VCEK
  snp_platform platform;
  snp_tcbs tcb;
  snp_firmware current;
  snp_firmware committed;
};

/// The outcome of `verify_snp`.
struct snp_verification {
  verdict steps;
  std::optional<snp_claims> claims;  ///< there if, and only if, `steps.accepted()`
};

namespace detail {

/// A root for each product, in the order of `snp_product`.
using snp_root_set = std::array<byte_span, 3>;

inline snp_root_set amd_roots() noexcept {
  return {snp_root(snp_product::milan), snp_root(snp_product::genoa), snp_root(snp_product::turin)};
}

class snp_verifier {
 public:
  static constexpr std::size_t max_certificates = 8;
  static constexpr std::size_t max_lists = 4;

  snp_verifier(const snp_root_set& roots, std::chrono::sys_seconds now, const snp_options& options)
      : roots_(roots), now_(now), options_(options) {}

  /// Step by step, the cheap ones first. `check` is asked for each signature of certificates and
  /// lists, as `x509_chain` says.
  template <class Check>
  snp_verification verify(byte_span evidence, const snp_endorsements& given, Check&& check) const {
    snp_verification out;
    verdict& steps = out.steps;
    if (!steps.check("size", evidence.size() == snp_report::size,
                     {errc::attest_malformed, "snp.size"}))
      return skip_rest(std::move(out));
    const auto report = read_snp_report(evidence);
    if (!steps.check("report", report)) return skip_rest(std::move(out));
    if (!steps.check("signer", signed_by_machine(*report))) return skip_rest(std::move(out));

    if (!report->policy.debug) {
      steps.pass("debug");
    } else if (options_.allow_debug) {
      steps.skip("debug", "the guest may be debugged, and that was allowed");
    } else {
      steps.fail("debug", {errc::attest_debug_enabled, "snp.debug"});
      return skip_rest(std::move(out));
    }
    if (!steps.check("policy", allowed(*report))) return skip_rest(std::move(out));

    const auto key = choose(*report, given.certificates);
    if (!steps.check("certificates", key)) return skip_rest(std::move(out));
    const auto chain = verify_chain(*key, check);
    if (!steps.check("chain", chain)) return skip_rest(std::move(out));
    const auto revocation = check_lists(*chain, given.revocation_lists, check);
    if (!revocation || *revocation) {
      if (!steps.check("revocation", revocation)) return skip_rest(std::move(out));
    } else {
      steps.skip("revocation", "no list of AMD's was given");
    }

    if (!check_hardware(*report, *key, steps)) return skip_rest(std::move(out));
    const auto tcb = read_tcbs(*report, *key);
    if (!steps.check("tcb", tcb)) return skip_rest(std::move(out));
    if (!options_.minimum_tcb) {
      steps.skip("floor", "no minimum was given");
    } else if (!steps.check("floor", above_floor(*tcb, *options_.minimum_tcb))) {
      return skip_rest(std::move(out));
    }

    const auto* point = std::get_if<curve_point<P384>>(&chain->leaf().public_key());
    if (!steps.check("signature",
                     point != nullptr &&
                         verify_signature<P384>(*point, report->signed_part, report->signature),
                     {errc::attest_bad_signature, "snp.not_signed_by_key"}))
      return out;
    out.claims = claims_of(*report, *key, *tcb, *chain);
    out.claims->revocation_checked = *revocation;
    return out;
  }

 private:
  // In the order of `verify`.
  static constexpr std::array<std::string_view, 12> names{
      "size",  "report",     "signer",   "debug", "policy", "certificates",
      "chain", "revocation", "hardware", "tcb",   "floor",  "signature"};

  /// The certificates that belong to a report, and what they say; nothing of it is proven yet.
  struct chosen {
    x509_certificate leaf;
    byte_span issuer;
    snp_product product;
    snp_tcb tcb;
    byte_span hardware_id;
    std::string_view provider;
  };

  static snp_verification skip_rest(snp_verification out) {
    for (std::size_t i = out.steps.steps().size(); i != names.size(); ++i)
      out.steps.skip(names[i], "an earlier step failed");
    return out;
  }

  static bool is_zero(byte_span bytes) noexcept {
    return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
  }

  static judged<void> signed_by_machine(const snp_report& report) noexcept {
    if (report.signer == snp_signer::none)
      return refusal{errc::attest_bad_signature, "snp.not_signed"};
    // Both cannot be: with the VCEK forbidden, the firmware signs with the VLEK or not at all.
    if (report.signer == snp_signer::vcek && report.chip_key_masked)
      return refusal{errc::attest_bad_signature, "snp.masked_key"};
    return {};
  }

  // Firmware writes ones where there is no agent.
  static bool has_migration_agent(const snp_report& report) noexcept {
    return !is_zero(report.migration_agent) &&
           !std::ranges::all_of(report.migration_agent,
                                [](std::byte b) { return b == std::byte{0xFF}; });
  }

  judged<void> allowed(const snp_report& report) const noexcept {
    const auto refused = [](std::string_view rule) {
      return refusal{errc::attest_guest_policy, rule};
    };
    if (!options_.allow_migration && report.policy.migration) return refused("snp.migration");
    if (!options_.allow_migration && has_migration_agent(report))
      return refused("snp.migration_agent");
    if (!options_.allow_smt && report.policy.smt) return refused("snp.smt");
    if (options_.max_vmpl && report.vmpl > *options_.max_vmpl) return refused("snp.max_vmpl");
    return {};
  }

  judged<chosen> choose(const snp_report& report, std::span<const byte_span> certificates) const {
    const auto missing = [](std::string_view rule) {
      return refusal{errc::attest_endorsement_missing, rule};
    };
    const auto wrong = [](std::string_view rule) {
      return refusal{errc::attest_chain_invalid, rule};
    };
    if (certificates.empty()) return missing("snp.certificates_missing");
    if (certificates.size() > max_certificates)
      return refusal{errc::attest_malformed, "snp.too_many_certificates"};

    std::array<std::optional<x509_certificate>, max_certificates> authorities;
    std::size_t authority_count = 0;
    std::optional<x509_certificate> leaf;
    for (const byte_span der : certificates) {
      const auto one = x509_certificate::parse(der);
      if (!one) return one.error();
      if (one->is_self_issued() || one->is_authority()) {
        authorities[authority_count++] = *one;
      } else if (leaf) {
        return refusal{errc::attest_malformed, "snp.two_keys"};
      } else {
        leaf = *one;
      }
    }
    if (!leaf) return missing("snp.key_missing");

    auto key = describe(report.signer, *leaf);
    if (!key) return key.error();
    if (report.product && *report.product != key->product) return wrong("snp.product");
    if (!is_snp_issuer(leaf->issuer(), key->product, report.signer)) return wrong("snp.key_issuer");
    bool has_issuer = false;
    for (const auto& one : std::span{authorities}.first(authority_count)) {
      if (one->is_self_issued()) {
        // Compared, then dropped: trust is in our own copy only.
        if (!std::ranges::equal(one->der(), root_of(key->product))) return wrong("snp.root");
      } else if (std::ranges::equal(one->subject(), leaf->issuer())) {
        if (has_issuer) return refusal{errc::attest_malformed, "snp.two_issuers"};
        has_issuer = true;
        key->issuer = one->der();
      }
    }
    if (!has_issuer) return missing("snp.issuer_missing");
    return key;
  }

  static judged<chosen> describe(snp_signer signer, const x509_certificate& leaf) {
    if (signer == snp_signer::vcek) {
      const auto vcek = read_snp_vcek(leaf);
      if (!vcek) return vcek.error();
      return chosen{leaf, {}, vcek->product, vcek->tcb, vcek->hardware_id, {}};
    }
    const auto vlek = read_snp_vlek(leaf);
    if (!vlek) return vlek.error();
    return chosen{leaf, {}, vlek->product, vlek->tcb, {}, vlek->provider};
  }

  byte_span root_of(snp_product product) const noexcept {
    return roots_[static_cast<std::size_t>(product)];
  }

  template <class Check>
  judged<x509_chain> verify_chain(const chosen& key, Check& check) const {
    const auto root = x509_certificate::parse(root_of(key.product));
    if (!root) return root.error();
    const std::array path{key.leaf.der(), key.issuer};
    return x509_chain::verify(path, x509_order::leaf_first, *root, now_, check);
  }

  /// Whether the root's own list was among them, which is the one that names revoked ASKs.
  template <class Check>
  judged<bool> check_lists(const x509_chain& chain, std::span<const byte_span> given,
                           Check& check) const {
    if (given.size() > max_lists) return refusal{errc::attest_malformed, "snp.too_many_lists"};
    std::vector<x509_crl> lists;
    for (const byte_span der : given) {
      const auto list = x509_crl::parse(der);
      if (!list) return list.error();
      lists.push_back(*list);
    }
    const auto checked = check_revocation(chain, lists, now_, check);
    if (!checked) return checked.error();
    const bool by_root = std::ranges::any_of(lists, [&](const x509_crl& list) {
      return std::ranges::equal(list.issuer(), chain.root().subject());
    });
    if (!by_root && options_.require_revocation)
      return refusal{errc::attest_endorsement_missing, "snp.revocation_missing"};
    return by_root;
  }

  static bool check_hardware(const snp_report& report, const chosen& key, verdict& steps) {
    if (report.signer == snp_signer::vlek) {
      steps.skip("hardware", "a VLEK is not that of one machine");
      return true;
    }
    if (is_zero(report.chip_id)) {
      steps.skip("hardware", "the machine masks its chip id; its key is still its own");
      return true;
    }
    const std::size_t size = key.hardware_id.size();
    return steps.check(
        "hardware",
        equal(report.chip_id.first(size), key.hardware_id) && is_zero(report.chip_id.subspan(size)),
        {errc::attest_bad_signature, "snp.hardware_id"});
  }

  static judged<snp_tcbs> read_tcbs(const snp_report& report, const chosen& key) noexcept {
    const auto reported = snp_tcb::read(report.reported_tcb, key.product);
    if (!reported) return reported.error();
    const auto current = snp_tcb::read(report.current_tcb, key.product);
    if (!current) return current.error();
    const auto committed = snp_tcb::read(report.committed_tcb, key.product);
    if (!committed) return committed.error();
    const auto launch = snp_tcb::read(report.launch_tcb, key.product);
    if (!launch) return launch.error();
    if (*reported != key.tcb) return refusal{errc::attest_bad_signature, "snp.certified_tcb"};
    if (!current->at_least(*reported)) return refusal{errc::attest_malformed, "snp.reported_tcb"};
    if (!current->at_least(*committed)) return refusal{errc::attest_malformed, "snp.committed_tcb"};
    return snp_tcbs{*reported, *current, *committed, *launch};
  }

  static judged<void> above_floor(const snp_tcbs& tcb, const snp_tcb& minimum) noexcept {
    if (!tcb.reported.at_least(minimum))
      return refusal{errc::attest_tcb_out_of_date, "snp.minimum_tcb"};
    // The host may go back to it at any time, with the guest running.
    if (!tcb.committed.at_least(minimum))
      return refusal{errc::attest_tcb_out_of_date, "snp.minimum_committed_tcb"};
    return {};
  }

  static Measurement unless_zero(byte_span bytes) noexcept {
    return bytes.empty() || is_zero(bytes) ? Measurement{} : *Measurement::from(bytes);
  }

  static snp_claims claims_of(const snp_report& report, const chosen& key, const snp_tcbs& tcb,
                              const x509_chain& chain) {
    snp_claims out;
    out.version = report.version;
    out.product = key.product;
    out.signer = report.signer;
    out.valid_until = chain.root().not_after();
    for (std::size_t i = 0; i != chain.size(); ++i)
      out.valid_until = std::min(out.valid_until, chain[i].not_after());
    out.measurement = *Measurement::from(report.measurement);
    std::ranges::copy(report.report_data, out.report_data.begin());
    out.host_data = *Measurement::from(report.host_data);
    out.id_key_digest = unless_zero(report.id_key_digest);
    if (report.has_author_key) out.author_key_digest = unless_zero(report.author_key_digest);
    out.family_id = *Measurement::from(report.family_id);
    out.image_id = *Measurement::from(report.image_id);
    out.guest_svn = report.guest_svn;
    out.report_id = *Measurement::from(report.report_id);
    if (has_migration_agent(report))
      out.migration_agent = *Measurement::from(report.migration_agent);
    out.vmpl = report.vmpl;
    out.policy = report.policy;
    out.chip_id = unless_zero(report.chip_id);
    out.hardware_id = unless_zero(key.hardware_id);
    out.provider = key.provider;
    out.platform = report.platform;
    out.tcb = tcb;
    out.current = report.current;
    out.committed = report.committed;
    return out;
  }

  snp_root_set roots_;
  std::chrono::sys_seconds now_;
  snp_options options_;
};

}  // namespace detail

/// Verifies an SEV-SNP attestation report, given as `/dev/sev-guest` or configfs-tsm hands it out, with
/// the certificates that endorse it, as of `now`. No clock is asked, nothing is fetched.
///
/// | step           | what holds when it passed                                                     |
/// |----------------|-------------------------------------------------------------------------------|
/// | `size`         | 1184 bytes                                                                    |
/// | `report`       | it is as `read_snp_report` says                                               |
/// | `signer`       | it is signed, and by a key that the machine may use                           |
/// | `debug`        | its host may not debug the guest; else `attest_debug_enabled`, unless allowed |
/// | `policy`       | migration, SMT, VMPL as the options say; else `attest_guest_policy`           |
/// | `certificates` | one key of the report's kind and product, and its issuer, of the right name   |
/// | `chain`        | they lead to AMD's root of that product, and are valid at `now`               |
/// | `revocation`   | no certificate below the root is in a list given; skipped without the root's  |
/// | `hardware`     | the key is that of this processor; skipped for a VLEK, or if the id is masked |
/// | `tcb`          | the key is that of the reported TCB, which the firmware that runs has reached |
/// | `floor`        | `minimum_tcb` is reached; else `attest_tcb_out_of_date`                       |
/// | `signature`    | the key signed the report                                                     |
///
/// It stops at the first step that fails. No bit of a report can be changed: what is not signed must
/// have the value that it has. `known` remembers the signatures of certificates and lists that were
/// found good; it may be null.
inline snp_verification verify_snp(detail::byte_span report, const snp_endorsements& given,
                                   std::chrono::sys_seconds now, const snp_options& options = {},
                                   known_signatures* known = nullptr) {
  remembering_check check{known};
  return detail::snp_verifier{detail::amd_roots(), now, options}.verify(report, given, check);
}

}  // namespace enfilade
