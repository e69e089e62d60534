// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/endorsements.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/snp/snp_certificate.hpp>
#include <enfilade/attest/snp/snp_report.hpp>
#include <enfilade/attest/snp/snp_tcb.hpp>
#include <enfilade/attest/snp/snp_verifier.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_crl.hpp>
#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace enfilade {

/// The endorsements that belong to one report, out of all that lie around. Views: what they were
/// chosen from must outlive them.
struct snp_selection {
  std::vector<detail::byte_span> certificates;
  std::vector<detail::byte_span> revocation_lists;

  snp_endorsements endorsements() const noexcept { return {certificates, revocation_lists}; }
};

namespace detail {

class snp_selector {
 public:
  explicit snp_selector(const snp_report& report) : report_(report) {}

  judged<snp_selection> select(std::span<const byte_span> shown, const endorsements* given) {
    // The operator's first: of two authorities of one name it is he who can take one away.
    if (given != nullptr)
      for (const auto& der : given->certificates)
        if (const auto why = add(der, false)) return *why;
    for (const byte_span der : shown)
      if (const auto why = add(der, true)) return *why;

    snp_selection out;
    out.certificates = roots_;
    const std::optional<x509_certificate>& key = right_key_ ? right_key_ : shown_key_;
    if (!key) return out;
    out.certificates.push_back(key->der());
    const auto issuer = std::ranges::find_if(authorities_, [&key](const x509_certificate& one) {
      return std::ranges::equal(one.subject(), key->issuer());
    });
    if (issuer == authorities_.end()) return out;
    out.certificates.push_back(issuer->der());
    if (given == nullptr) return out;
    for (const auto& der : given->revocation_lists) {
      const auto list = x509_crl::parse(der);
      // What cannot be read must not be passed over: it may be the list that matters.
      if (!list || std::ranges::equal(list->issuer(), issuer->subject()) ||
          std::ranges::equal(list->issuer(), issuer->issuer()))
        out.revocation_lists.push_back(der);
    }
    return out;
  }

 private:
  std::optional<refusal> add(byte_span der, bool is_shown) {
    const auto one = x509_certificate::parse(der);
    if (!one) return one.error();
    if (one->is_self_issued()) {
      // Of the peer's, to be compared with ours; the operator may have roots of several products.
      if (is_shown) roots_.push_back(one->der());
    } else if (one->is_authority()) {
      authorities_.push_back(*one);
    } else if (!right_key_ && is_of_report(*one)) {
      right_key_ = *one;
    } else if (is_shown && !shown_key_) {
      shown_key_ = *one;
    }
    return std::nullopt;
  }

  bool is_of_report(const x509_certificate& leaf) const {
    if (report_.signer == snp_signer::vlek) {
      const auto vlek = read_snp_vlek(leaf);
      return vlek && is_of_report(vlek->product, vlek->tcb);
    }
    const auto vcek = read_snp_vcek(leaf);
    if (!vcek || !is_of_report(vcek->product, vcek->tcb)) return false;
    const bool masked =
        std::ranges::all_of(report_.chip_id, [](std::byte b) { return b == std::byte{0}; });
    return masked ||
           std::ranges::equal(report_.chip_id.first(vcek->hardware_id.size()), vcek->hardware_id);
  }

  bool is_of_report(snp_product product, const snp_tcb& tcb) const {
    if (report_.product && *report_.product != product) return false;
    const auto reported = snp_tcb::read(report_.reported_tcb, product);
    return reported && *reported == tcb;
  }

  const snp_report& report_;
  std::optional<x509_certificate> right_key_;
  std::optional<x509_certificate> shown_key_;  // what the peer says it is, right or not
  std::vector<x509_certificate> authorities_;
  std::vector<byte_span> roots_;
};

}  // namespace detail

/// Chooses what `verify_snp` should be given for `report`: of the certificates that came with it
/// (`shown`) and those that an operator has fetched for his machines, the key of this report, its
/// issuer, and the lists of revocations by those two's issuers.
///
/// It chooses by what certificates say and proves nothing of it. Where no key is right, it is the
/// one that was shown, so that the verifier names the difference. A certificate that cannot be read
/// is refused by the rule of `x509_certificate`; a list that cannot be read is passed on, not over.
inline judged<snp_selection> select_snp_endorsements(const snp_report& report,
                                                     std::span<const detail::byte_span> shown,
                                                     const endorsements* given) {
  return detail::snp_selector{report}.select(shown, given);
}

}  // namespace enfilade
