// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/tdx/pck_extension.hpp>
#include <enfilade/attest/tdx/tdx_claims.hpp>
#include <enfilade/attest/tdx/tdx_endorsements.hpp>
#include <enfilade/attest/tdx/tdx_quote.hpp>
#include <enfilade/attest/tdx/tdx_root.hpp>
#include <enfilade/attest/tdx/tdx_tcb.hpp>
#include <enfilade/attest/verdict.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/attest/x509/pem.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_chain.hpp>
#include <enfilade/attest/x509/x509_crl.hpp>
#include <enfilade/attest/x509/x509_name.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/cipher/curve.hpp>
#include <enfilade/cipher/ecdsa.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// What a caller of `verify_tdx` may choose.
struct tdx_options {
  bool allow_debug = false;          ///< a guest whose memory its host reads
  bool allow_migration = false;      ///< a guest that another guest may move to another machine
  bool allow_trailing_bytes = true;  ///< such as the rest of the kernel's buffer
  bool require_collateral = false;   ///< refuse where there is none
  /// Of a platform; `revoked` is never taken.
  std::vector<tdx_tcb_status> accepted_statuses{tdx_tcb_status::up_to_date};
  /// Every advisory that stands for why a platform is not up to date must be among these: who takes
  /// an old platform says which holes he knows of.
  std::vector<std::string> accepted_advisories{};
};

/// The outcome of `verify_tdx`.
struct tdx_verification {
  verdict steps;
  std::optional<tdx_claims> claims;  ///< there if, and only if, `steps.accepted()`
  std::optional<tdx_tcb> tcb;        ///< what the step `tcb` found, refused or not
};

namespace detail {

/// The DER of an ECDSA signature that came as r and s, for a check that takes that of certificates.
inline std::vector<std::byte> der_of_signature(byte_span halves) {
  const auto integer = [](byte_span digits, std::vector<std::byte>& out) {
    while (digits.size() > 1 && digits[0] == std::byte{0}) digits = digits.subspan(1);
    const bool sign_byte = (digits[0] & std::byte{0x80}) != std::byte{0};
    out.push_back(std::byte{0x02});
    out.push_back(static_cast<std::byte>(digits.size() + (sign_byte ? 1 : 0)));
    if (sign_byte) out.push_back(std::byte{0});
    out.insert(out.end(), digits.begin(), digits.end());
  };
  std::vector<std::byte> out{std::byte{0x30}, std::byte{0}};
  integer(halves.first(halves.size() / 2), out);
  integer(halves.last(halves.size() / 2), out);
  out[1] = static_cast<std::byte>(out.size() - 2);
  return out;
}

class tdx_verifier {
 public:
  static constexpr std::size_t max_size = 16 * 1024;  // the kernel's buffers have 8000 and less

  tdx_verifier(byte_span root, const tdx_endorsements* given, std::chrono::sys_seconds now,
               const tdx_options& options)
      : root_der_(root), given_(given), now_(now), options_(options) {}

  /// Step by step, the cheap ones first. `check` is asked for each signature but the last, which is
  /// of the quote itself and never seen twice.
  template <class Check>
  tdx_verification verify(byte_span evidence, Check&& check) {
    tdx_verification out;
    run(evidence, check, out);
    for (std::size_t i = out.steps.steps().size(); i != names.size(); ++i)
      out.steps.skip(names[i], "an earlier step failed");
    return out;
  }

 private:
  // In the order of `verify`.
  static constexpr std::array<std::string_view, 14> names{
      "size",       "quote",      "debug", "attributes",   "dates",           "qe_identity",
      "module",     "qe_binding", "chain", "qe_signature", "quote_signature", "collateral",
      "revocation", "tcb"};
  static constexpr std::string_view no_collateral = "no collateral was given";

  // TDX module specification, "ATTRIBUTES" and "XFAM".
  static constexpr std::uint64_t attribute_debug = 1U << 0;
  static constexpr std::uint64_t attribute_migratable = 1U << 29;
  // ICSSD, LASS, SEPT_VE_DISABLE, PKS, KL and PERFMON. The bits below 8 beside DEBUG are the
  // specification's "TD under debug" too: they let the host profile the guest.
  static constexpr std::uint64_t attributes_known = attribute_debug | 1U << 16 | 1U << 27 |
                                                    1U << 28 | attribute_migratable | 1U << 30 |
                                                    std::uint64_t{1} << 31 | std::uint64_t{1} << 63;
  static constexpr std::uint64_t xfam_always = 0x3;  // x87, SSE
  static constexpr std::uint64_t xfam_known = 0xEDBE7;

  template <class Check>
  void run(byte_span evidence, Check& check, tdx_verification& out) {
    verdict& steps = out.steps;
    if (!steps.check("size", !evidence.empty() && evidence.size() <= max_size,
                     {errc::attest_malformed, "tdx.size"}))
      return;
    const auto quote = read(evidence);
    if (!steps.check("quote", quote)) return;
    if (!check_debug(*quote, steps)) return;
    if (!steps.check("attributes", check_attributes(*quote))) return;
    if (!check_dates(steps)) return;
    if (!steps.check("qe_identity", given_ != nullptr
                                        ? check_tdx_qe(quote->qe, given_->qe_info.identity)
                                        : check_tdx_qe(quote->qe)))
      return;
    if (!steps.check("module", check_tdx_module(*quote, given_ ? &given_->tcb_info : nullptr)))
      return;
    if (!steps.check("qe_binding", check_binding(*quote))) return;

    const auto root = x509_certificate::parse(root_der_);
    const auto certificates = read_pem(quote->certificates, pem_label::certificate);
    const auto chain = verify_chain(root, certificates, check);
    if (!steps.check("chain", chain)) return;
    const auto platform = read_pck_extension(chain->leaf());  // which verify_chain has seen
    if (!steps.check("qe_signature", verify_raw(chain->leaf(), quote->qe.whole, quote->qe_signature,
                                                check, "tdx.qe_signature")))
      return;
    if (!steps.check("quote_signature", is_signed(*quote),
                     {errc::attest_bad_signature, "tdx.quote_signature"}))
      return;
    if (given_ == nullptr) {
      for (const std::string_view name : {"collateral", "revocation", "tcb"})
        steps.skip(name, no_collateral);
      out.claims = claims_of(*quote, *chain, *platform);
      return;
    }
    const auto signer = verify_collateral(*platform, *root, check);
    if (!steps.check("collateral", signer)) return;
    const auto until = check_revocations(*chain, *signer, check);
    if (!steps.check("revocation", until)) return;
    const auto tcb = evaluate_tdx_tcb(*platform, *quote, given_->tcb_info, given_->qe_info);
    if (tcb) out.tcb = *tcb;
    if (!steps.check("tcb", accept(tcb))) return;
    out.claims = claims_of(*quote, *chain, *platform);
    complete(*out.claims, *tcb, std::min(*until, end_of(*signer)));
  }

  judged<tdx_quote> read(byte_span evidence) const {
    auto quote = read_tdx_quote(evidence);
    if (quote && !options_.allow_trailing_bytes && quote->trailing_bytes != 0)
      return refusal{errc::attest_malformed, "tdx.trailing_bytes"};
    return quote;
  }

  bool check_debug(const tdx_quote& quote, verdict& steps) const {
    if ((quote.td_attributes & attribute_debug) == 0) {
      steps.pass("debug");
    } else if (options_.allow_debug) {
      steps.skip("debug", "the guest is in debug mode, and that was allowed");
    } else {
      steps.fail("debug", {errc::attest_debug_enabled, "tdx.debug"});
      return false;
    }
    return true;
  }

  judged<void> check_attributes(const tdx_quote& quote) const {
    if ((quote.td_attributes & ~attributes_known) != 0)
      return refusal{errc::attest_unsupported_format, "tdx.attributes_reserved"};
    if ((quote.td_attributes & attribute_migratable) != 0 && !options_.allow_migration)
      return refusal{errc::attest_guest_policy, "tdx.migratable"};
    if ((quote.xfam & xfam_always) != xfam_always)
      return refusal{errc::attest_malformed, "tdx.xfam"};
    if ((quote.xfam & ~xfam_known) != 0)
      return refusal{errc::attest_unsupported_format, "tdx.xfam_reserved"};
    if (load_le<std::uint64_t>(quote.seam_attributes.data()) != 0)
      return refusal{errc::attest_unsupported_format, "tdx.seam_attributes"};
    return {};
  }

  bool check_dates(verdict& steps) const {
    if (given_ == nullptr) {
      if (options_.require_collateral) {
        steps.fail("dates", {errc::attest_endorsement_missing, "tdx.no_collateral"});
        return false;
      }
      steps.skip("dates", no_collateral);
      return true;
    }
    return steps.check("dates", check_dates());
  }

  judged<void> check_dates() const {
    const tdx_issue& tcb = given_->tcb_info.issue;
    const tdx_issue& qe = given_->qe_info.issue;
    if (now_ < tcb.issued) return refusal{errc::attest_not_yet_valid, "tcb_info.not_yet_valid"};
    if (now_ > tcb.next_update) return refusal{errc::attest_expired, "tcb_info.expired"};
    if (now_ < qe.issued) return refusal{errc::attest_not_yet_valid, "qe_identity.not_yet_valid"};
    if (now_ > qe.next_update) return refusal{errc::attest_expired, "qe_identity.expired"};
    return {};
  }

  /// Without it, whoever has any key of any enclave's could sign quotes.
  static judged<void> check_binding(const tdx_quote& quote) {
    const auto digest = sha256(quote.attestation_key, quote.qe_authentication);
    if (!equal(quote.qe.report_data.first(digest.size()), digest))
      return refusal{errc::attest_bad_signature, "tdx.qe_binding"};
    const byte_span rest = quote.qe.report_data.subspan(digest.size());
    if (!std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; }))
      return refusal{errc::attest_malformed, "tdx.qe_report_data"};
    return {};
  }

  /// The platform's certificate, the authority for such, the root, and nothing else.
  template <class Check>
  judged<x509_chain> verify_chain(const judged<x509_certificate>& root,
                                  const judged<std::vector<std::vector<std::byte>>>& certificates,
                                  Check& check) const {
    if (!root) return root.error();
    if (!certificates) return certificates.error();
    if (certificates->size() != 3) return refusal{errc::attest_chain_invalid, "tdx.chain_size"};
    // Compared, then dropped: trust is in our own copy only.
    if (!std::ranges::equal(certificates->back(), root_der_))
      return refusal{errc::attest_chain_invalid, "tdx.root"};
    const std::array<byte_span, 2> path{(*certificates)[0], (*certificates)[1]};
    // What is cheap, before the signatures: the chain reads both again, in 40 microseconds.
    const auto leaf = x509_certificate::parse(path[0]);
    if (!leaf) return leaf.error();
    if (!has_common_name(leaf->subject(), "Intel SGX PCK Certificate"))
      return refusal{errc::attest_chain_invalid, "tdx.pck_name"};
    if (!has_common_name(leaf->issuer(), "Intel SGX PCK Platform CA") &&
        !has_common_name(leaf->issuer(), "Intel SGX PCK Processor CA"))
      return refusal{errc::attest_chain_invalid, "tdx.pck_issuer"};
    if (const auto extension = read_pck_extension(*leaf); !extension) return extension.error();
    return x509_chain::verify(path, x509_order::leaf_first, *root, now_, check);
  }

  template <class Check>
  static judged<void> verify_raw(const x509_certificate& signer, byte_span message,
                                 byte_span signature, Check& check, std::string_view rule) {
    if (!signs_with(signer.public_key(), x509_algorithm::ecdsa_sha256))
      return refusal{errc::attest_chain_invalid, "tdx.key"};
    const judged<void> checked =
        check(signer, x509_algorithm::ecdsa_sha256, message, der_of_signature(signature));
    // By the name of what was signed, unless it is the limit that was reached.
    if (!checked && checked.error().code == errc::attest_bad_signature)
      return refusal{errc::attest_bad_signature, rule};
    return checked;
  }

  static bool is_signed(const tdx_quote& quote) {
    const auto key = curve_point<P256>::from_coordinates(quote.attestation_key.first<32>(),
                                                         quote.attestation_key.last<32>());
    return key && verify_signature(*key, quote.signed_part, quote.signature.first<64>());
  }

  /// The collateral is about this kind of platform, and Intel signed it; returns who did.
  template <class Check>
  judged<x509_chain> verify_collateral(const pck_extension& platform, const x509_certificate& root,
                                       Check& check) const {
    if (given_->tcb_info.fmspc != platform.fmspc)
      return refusal{errc::attest_endorsement_missing, "tdx.collateral_of_another_fmspc"};
    if (given_->tcb_info.pceid != platform.pceid)
      return refusal{errc::attest_endorsement_missing, "tdx.collateral_of_another_pceid"};
    auto chain = verify_text(given_->tcb_text, root, check, "tdx.tcb_info_signature");
    if (!chain) return chain;
    // One certificate signs both in all that Intel has published: one to look up, not two.
    if (given_->qe_text.issuers != given_->tcb_text.issuers)
      return refusal{errc::attest_chain_invalid, "tdx.collateral_of_two_signers"};
    const auto checked = verify_raw(chain->leaf(), bytes_of(given_->qe_text.text),
                                    given_->qe_text.signature, check, "tdx.qe_identity_signature");
    if (!checked) return checked.error();
    return chain;
  }

  template <class Check>
  judged<x509_chain> verify_text(const tdx_signed_json& text, const x509_certificate& root,
                                 Check& check, std::string_view rule) const {
    // The signer, directly below the root; the root itself may be there and is dropped.
    if (text.issuers.empty() || text.issuers.size() > 2)
      return refusal{errc::attest_chain_invalid, "tdx.signer_chain_size"};
    if (text.issuers.size() == 2 && !std::ranges::equal(text.issuers[1], root_der_))
      return refusal{errc::attest_chain_invalid, "tdx.signer_root"};
    const std::array<byte_span, 1> path{text.issuers[0]};
    auto chain = x509_chain::verify(path, x509_order::leaf_first, root, now_, check);
    if (!chain) return chain;
    if (!has_common_name(chain->leaf().subject(), "Intel SGX TCB Signing"))
      return refusal{errc::attest_chain_invalid, "tdx.signer_name"};
    const auto checked =
        verify_raw(chain->leaf(), bytes_of(text.text), text.signature, check, rule);
    if (!checked) return checked.error();
    return chain;
  }

  /// Every certificate but the root is looked up; returns until when the lists are to be used.
  template <class Check>
  judged<std::chrono::sys_seconds> check_revocations(const x509_chain& chain,
                                                     const x509_chain& signer, Check& check) const {
    const auto of_platforms = x509_crl::parse(given_->pck_crl);
    if (!of_platforms) return of_platforms.error();
    const auto of_root = x509_crl::parse(given_->root_crl);
    if (!of_root) return of_root.error();
    if (!std::ranges::equal(of_platforms->issuer(), chain[1].subject()))
      return refusal{errc::attest_endorsement_missing, "tdx.pck_list_of_another_issuer"};
    if (!std::ranges::equal(of_root->issuer(), chain.root().subject()))
      return refusal{errc::attest_endorsement_missing, "tdx.root_list_of_another_issuer"};
    const std::array<x509_crl, 2> lists{*of_platforms, *of_root};
    const auto looked_up = check_revocation(chain, lists, now_, check);
    if (!looked_up) return looked_up.error();
    const auto also = check_revocation(signer, lists, now_, check);
    if (!also) return also.error();
    return std::min(of_platforms->next_update(), of_root->next_update());
  }

  judged<void> accept(const judged<tdx_tcb>& tcb) const {
    if (!tcb) return tcb.error();
    if (tcb->status == tdx_tcb_status::revoked) return refusal{errc::attest_revoked, "tcb.revoked"};
    if (std::ranges::find(options_.accepted_statuses, tcb->status) ==
        options_.accepted_statuses.end())
      return tdx_out_of_date(rule_of(tcb->status));
    for (const std::string& advisory : tcb->advisories)
      if (std::ranges::find(options_.accepted_advisories, advisory) ==
          options_.accepted_advisories.end())
        return tdx_out_of_date("tcb.advisory");
    return {};
  }

  static std::string_view rule_of(tdx_tcb_status status) noexcept {
    switch (status) {
      case tdx_tcb_status::up_to_date:
        return "tcb.up_to_date";
      case tdx_tcb_status::sw_hardening_needed:
        return "tcb.sw_hardening_needed";
      case tdx_tcb_status::configuration_needed:
        return "tcb.configuration_needed";
      case tdx_tcb_status::configuration_and_sw_hardening_needed:
        return "tcb.configuration_and_sw_hardening_needed";
      case tdx_tcb_status::out_of_date:
        return "tcb.out_of_date";
      case tdx_tcb_status::out_of_date_configuration_needed:
        return "tcb.out_of_date_configuration_needed";
      case tdx_tcb_status::revoked:
        break;
    }
    return "tcb.revoked";
  }

  static std::chrono::sys_seconds end_of(const x509_chain& chain) {
    auto end = chain.root().not_after();
    for (std::size_t i = 0; i != chain.size(); ++i) end = std::min(end, chain[i].not_after());
    return end;
  }

  static tdx_claims claims_of(const tdx_quote& quote, const x509_chain& chain,
                              const pck_extension& platform) {
    const auto measurement = [](byte_span bytes) { return *Measurement::from(bytes); };
    tdx_claims out;
    out.quote_version = quote.version;
    out.mrtd = measurement(quote.mrtd);
    std::ranges::transform(quote.rtmrs, out.rtmrs.begin(), measurement);
    out.mrseam = measurement(quote.mrseam);
    out.mrsignerseam = measurement(quote.mrsignerseam);
    out.mrconfigid = measurement(quote.mrconfigid);
    out.mrowner = measurement(quote.mrowner);
    out.mrownerconfig = measurement(quote.mrownerconfig);
    std::ranges::copy(quote.report_data, out.report_data.begin());
    out.td_attributes = quote.td_attributes;
    out.seam_attributes = load_le<std::uint64_t>(quote.seam_attributes.data());
    out.xfam = quote.xfam;
    out.debug = (quote.td_attributes & attribute_debug) != 0;
    std::ranges::copy(quote.tee_tcb_svn, out.tee_tcb_svn.begin());
    if (quote.is_tdx_15) {
      out.mrservicetd = measurement(quote.mrservicetd);
      std::ranges::copy(quote.tee_tcb_svn2, out.tee_tcb_svn2.emplace().begin());
    }
    out.fmspc = platform.fmspc;
    out.ppid = platform.ppid;
    out.valid_until = end_of(chain);
    return out;
  }

  void complete(tdx_claims& claims, const tdx_tcb& tcb, std::chrono::sys_seconds until) const {
    const tdx_issue& info = given_->tcb_info.issue;
    const tdx_issue& qe = given_->qe_info.issue;
    claims.strength = tdx_strength::collateral;
    claims.tcb = tcb;
    claims.evaluation_number = std::min(info.evaluation_number, qe.evaluation_number);
    claims.valid_until = std::min({claims.valid_until, until, info.next_update, qe.next_update});
  }

  byte_span root_der_;
  const tdx_endorsements* given_;  // null: strength `signatures`
  std::chrono::sys_seconds now_;
  const tdx_options& options_;
};

}  // namespace detail

/// Verifies a quote of a TDX guest as of `now`. No clock is asked, and nothing is looked at but the
/// bytes and `given`: Intel's collateral as `read_tdx_collateral` reads it, or null.
///
/// | step              | what holds when it passed                                                  |
/// |-------------------|----------------------------------------------------------------------------|
/// | `size`            | 1 byte to 16 KiB                                                           |
/// | `quote`           | it is as `read_tdx_quote` says; nothing stands behind it, if so asked      |
/// | `debug`           | the guest is not in debug mode; else `attest_debug_enabled`                |
/// | `attributes`      | no reserved bit is set, and the guest cannot be moved, unless allowed      |
/// | `dates`           | TCB info and identity of the quoting enclave are those for `now`       (c) |
/// | `qe_identity`     | the quoting enclave is that of the collateral; without it, one by Intel    |
/// | `module`          | so is the TDX module                                                       |
/// | `qe_binding`      | the quoting enclave's report is about the key that signed the quote        |
/// | `chain`           | the certificates lead from the platform's to Intel's root, valid at `now`  |
/// | `qe_signature`    | the platform signed the quoting enclave's report                           |
/// | `quote_signature` | the quoting enclave signed the quote                                       |
/// | `collateral`      | it is about this kind of platform, and Intel's TCB signer signed it    (c) |
/// | `revocation`      | no certificate is revoked, and there was a list for each               (c) |
/// | `tcb`             | the platform's status and advisories are accepted                      (c) |
///
/// (c): skipped without collateral; the claims then say `tdx_strength::signatures`. It stops at the
/// first step that fails. Unsigned is nothing but the bytes behind the quote, where allowed: no other
/// bit can be changed.
///
/// `known`, where given, spares the signatures that were found good before: all but that of the
/// quote, for the same platform and collateral.
inline tdx_verification verify_tdx(detail::byte_span quote, const tdx_endorsements* given,
                                   std::chrono::sys_seconds now, const tdx_options& options = {},
                                   known_signatures* known = nullptr) {
  known_signatures of_this_call;  // what is looked at twice here is computed once
  return detail::tdx_verifier{intel_sgx_root(), given, now, options}.verify(
      quote, remembering_check{known != nullptr ? known : &of_this_call});
}

}  // namespace enfilade
