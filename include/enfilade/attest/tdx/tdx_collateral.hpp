// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/tdx/tdx_collateral_json.hpp>
#include <enfilade/attest/tdx/tdx_endorsements.hpp>
#include <enfilade/attest/x509/pem.hpp>
#include <enfilade/detail/bounded_json.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

namespace detail {

class endorsements_reader {
 public:
  judged<tdx_endorsements> read(std::string_view json) {
    constexpr json_limits limits{.max_bytes = 1U << 20, .max_depth = 8, .max_values = 1000};
    const auto root = parse_bounded(json, errc::attest_malformed, limits);
    if (!root || !root->is_object()) return collateral_malformed("collateral.json");
    tdx_endorsements out;
    if (const auto read = signed_text(*root, "tcb_info", out.tcb_text); !read) return read.error();
    if (const auto read = signed_text(*root, "qe_identity", out.qe_text); !read)
      return read.error();
    auto info = tcb_info_reader{}.read(out.tcb_text.text);
    if (!info) return info.error();
    out.tcb_info = std::move(*info);
    const auto qe = qe_info_reader{}.read(out.qe_text.text);
    if (!qe) return qe.error();
    out.qe_info = *qe;
    if (const auto read = list(*root, "pck_crl", out.pck_crl); !read) return read.error();
    if (const auto read = list(*root, "root_ca_crl", out.root_crl); !read) return read.error();
    return out;
  }

 private:
  static judged<void> signed_text(const nlohmann::json& root, const std::string& name,
                                  tdx_signed_json& out) {
    const auto text = json_text(json_member(&root, name.c_str()));
    const auto issuers = json_text(json_member(&root, (name + "_issuer_chain").c_str()));
    const auto* signature = json_member(&root, (name + "_signature").c_str());
    if (!text || !issuers || signature == nullptr)
      return collateral_malformed("collateral.member_missing");
    if (!json_hex(signature, out.signature)) return collateral_malformed("collateral.signature");
    auto certificates = read_pem(*issuers, pem_label::certificate);
    if (!certificates) return certificates.error();
    out.text = *text;
    out.issuers = std::move(*certificates);
    return {};
  }

  /// A list of revocations, in hexadecimal or PEM.
  static judged<void> list(const nlohmann::json& root, const char* name,
                           std::vector<std::byte>& out) {
    const auto text = json_text(json_member(&root, name));
    if (!text) return collateral_malformed("collateral.member_missing");
    if (text->starts_with("-----BEGIN ")) {
      auto blocks = read_pem(*text, pem_label::revocation_list, 1);
      if (!blocks) return blocks.error();
      out = std::move(blocks->front());
      return {};
    }
    auto bytes = from_hex(*text);
    if (!bytes || bytes->empty()) return collateral_malformed("collateral.list");
    out = std::move(*bytes);
    return {};
  }
};

}  // namespace detail

/// The two members of a response of Intel's PCS, `{"tcbInfo":{...},"signature":"..."}`, where `name`
/// is the first: the text that is signed, byte for byte, and the signature. The certificates come in
/// a header of the response and are not in it.
///
/// `errc::attest_malformed` by `collateral.response` where it is written otherwise.
inline judged<tdx_signed_json> split_pcs_response(std::string_view response,
                                                  std::string_view name) {
  const refusal refused = detail::collateral_malformed("collateral.response");
  while (response.ends_with('\n')) response.remove_suffix(1);
  const std::string begin = "{\"" + std::string{name} + "\":";
  constexpr std::string_view between = ",\"signature\":\"";
  constexpr std::string_view end = "\"}";
  tdx_signed_json out;
  const std::size_t behind = between.size() + 2 * out.signature.size() + end.size();
  if (!response.starts_with(begin) || !response.ends_with(end) ||
      response.size() < begin.size() + behind)
    return refused;
  response.remove_prefix(begin.size());
  const std::string_view tail = response.substr(response.size() - behind);
  if (!tail.starts_with(between)) return refused;
  const auto signature = detail::from_hex(tail.substr(between.size(), 2 * out.signature.size()));
  if (!signature) return refused;
  std::ranges::copy(*signature, out.signature.begin());
  out.text = response.substr(0, response.size() - behind);
  return out;
}

/// Reads Intel's collateral for TDX from one JSON object with these members, all texts:
///
/// | member                                           | is                                         |
/// |--------------------------------------------------|--------------------------------------------|
/// | `tcb_info`, `qe_identity`                        | the JSON that is signed, as a text         |
/// | `tcb_info_signature`, `qe_identity_signature`    | 128 hexadecimal digits                     |
/// | `tcb_info_issuer_chain`, `qe_identity_issuer_chain` | PEM, the signer first                   |
/// | `pck_crl`, `root_ca_crl`                         | lists of revocations, hexadecimal or PEM   |
///
/// Others are left alone, `pck_crl_issuer_chain` among them: the list must be by the authority in
/// the quote. Up to 1 MiB. Nothing is verified here but the form; `verify_tdx` does that.
inline judged<tdx_endorsements> read_tdx_collateral(std::string_view json) {
  return detail::endorsements_reader{}.read(json);
}

}  // namespace enfilade
