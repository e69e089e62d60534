// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/cose/cose.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/nitro/nitro_document.hpp>
#include <enfilade/attest/nitro/nitro_root.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/verdict.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_chain.hpp>
#include <enfilade/cipher/curve.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace enfilade {

/// What a caller of `verify_nitro` may choose.
struct nitro_options {
  /// Accept an enclave in debug mode, whose console its parent instance reads.
  bool allow_debug = false;
  /// How long ago the document may have been made; nothing: as long as its certificates live, which
  /// is three hours for the last of them.
  std::optional<std::chrono::seconds> max_age = std::nullopt;
};

/// What a genuine document says. Whether that is the program, the nonce, the user data and the key
/// that one wants is the caller's question; compare with `equal`.
struct nitro_claims {
  std::string module_id;  ///< the instance and the enclave on it: what instance pinning pins
  std::chrono::sys_time<std::chrono::milliseconds> made_at;
  std::chrono::sys_seconds valid_until;  ///< when the first certificate of the chain ends
  bool debug = false;
  std::array<Measurement, nitro_document::registers> pcrs;  ///< empty where there is none
  // Nothing where the enclave gave none.
  std::optional<std::vector<std::byte>> public_key;
  std::optional<std::vector<std::byte>> user_data;
  std::optional<std::vector<std::byte>> nonce;
};

/// The outcome of `verify_nitro`.
struct nitro_verification {
  verdict steps;
  std::optional<nitro_claims> claims;  ///< there if, and only if, `steps.accepted()`
};

namespace detail {

class nitro_verifier {
 public:
  // The longest real one, with all fields as long as they may be, has 7539 bytes.
  static constexpr std::size_t max_size = 32 * 1024;
  // What a verifier's clock may be behind that of the hypervisor.
  static constexpr std::chrono::minutes skew{5};

  nitro_verifier(byte_span root, std::optional<std::chrono::sys_seconds> now,
                 const nitro_options& options)
      : root_(root), now_(now), options_(options) {}

  /// Step by step, the cheap ones first: five signatures cost a thousand times as much as the rest.
  /// `check` is asked for each signature of the chain, as `x509_chain` says.
  template <class Check>
  nitro_verification verify(byte_span evidence, Check&& check) {
    nitro_verification out;
    verdict& steps = out.steps;
    if (!steps.check("size", !evidence.empty() && evidence.size() <= max_size,
                     {errc::attest_malformed, "nitro.size"}))
      return skip_rest(std::move(out));

    const auto message = read_message(evidence);
    if (!steps.check("message", message)) return skip_rest(std::move(out));
    const auto document = read_nitro_document(message->payload);
    if (!steps.check("document", document)) return skip_rest(std::move(out));

    if (!document->is_debug()) {
      steps.pass("debug");
    } else if (options_.allow_debug) {
      steps.skip("debug", "the enclave is in debug mode, and that was allowed");
    } else {
      steps.fail("debug", {errc::attest_debug_enabled, "nitro.debug"});
      return skip_rest(std::move(out));
    }
    if (!check_age(*document, steps)) return skip_rest(std::move(out));

    // Compared, then dropped: trust is in our own copy only.
    if (!steps.check("root", std::ranges::equal(document->cabundle().front(), root_),
                     {errc::attest_chain_invalid, "nitro.root"}))
      return skip_rest(std::move(out));
    const auto chain = verify_chain(*document, std::forward<Check>(check));
    if (!steps.check("chain", chain)) return skip_rest(std::move(out));

    const auto* key = std::get_if<curve_point<P384>>(&chain->leaf().public_key());
    if (!steps.check("signature", key != nullptr && verify_cose(*message, *key),
                     {errc::attest_bad_signature, "cose.not_signed_by_leaf"}))
      return out;
    out.claims = claims_of(*document, *chain);
    return out;
  }

 private:
  // In the order of `verify`.
  static constexpr std::array<std::string_view, 8> names{
      "size", "message", "document", "debug", "age", "root", "chain", "signature"};

  static nitro_verification skip_rest(nitro_verification out) {
    for (std::size_t i = out.steps.steps().size(); i != names.size(); ++i)
      out.steps.skip(names[i], "an earlier step failed");
    return out;
  }

  /// The COSE message, which for Nitro has no choices: ES384 and nothing else in its headers.
  static judged<cose_sign1> read_message(byte_span evidence) {
    auto message = read_cose_sign1(evidence);
    if (!message) return message;
    using namespace std::string_view_literals;
    if (message->algorithm != cose_algorithm::es384)
      return refusal{errc::attest_unsupported_format, "nitro.algorithm"};
    if (!std::ranges::equal(message->protected_header, bytes_of("\xA1\x01\x38\x22"sv)))
      return refusal{errc::attest_malformed, "nitro.protected_header"};
    if (!std::ranges::equal(message->unprotected, bytes_of("\xA0"sv)))
      return refusal{errc::attest_malformed, "nitro.unprotected_header"};
    return message;
  }

  static std::chrono::sys_time<std::chrono::milliseconds> made_at(const nitro_document& document) {
    return std::chrono::sys_time<std::chrono::milliseconds>{
        std::chrono::milliseconds{document.timestamp_ms}};
  }

  std::chrono::sys_seconds time_for(const nitro_document& document) const {
    return now_.value_or(std::chrono::floor<std::chrono::seconds>(made_at(document)));
  }

  bool check_age(const nitro_document& document, verdict& steps) const {
    if (!now_) {
      steps.skip("age", "verified at the document's own time");
      return true;
    }
    const auto age = *now_ - made_at(document);
    if (age < -skew) {
      steps.fail("age", {errc::attest_not_yet_valid, "nitro.timestamp_in_the_future"});
      return false;
    }
    if (!options_.max_age) {
      steps.skip("age", "no maximum age was given");
      return true;
    }
    return steps.check("age", age <= *options_.max_age,
                       {errc::attest_stale, "nitro.timestamp_old"});
  }

  template <class Check>
  judged<x509_chain> verify_chain(const nitro_document& document, Check&& check) const {
    const auto root = x509_certificate::parse(root_);
    if (!root) return root.error();
    std::array<byte_span, nitro_document::max_bundle> path{};
    const auto issuers = document.cabundle().subspan(1);
    const auto end = std::ranges::copy(issuers, path.begin()).out;
    *end = document.certificate;  // in the place of the root
    return x509_chain::verify(std::span{path}.first(document.cabundle().size()),
                              x509_order::root_first, *root, time_for(document),
                              std::forward<Check>(check));
  }

  static nitro_claims claims_of(const nitro_document& document, const x509_chain& chain) {
    nitro_claims out;
    out.module_id = document.module_id;
    out.made_at = made_at(document);
    out.valid_until = chain.root().not_after();
    for (std::size_t i = 0; i != chain.size(); ++i)
      out.valid_until = std::min(out.valid_until, chain[i].not_after());
    out.debug = document.is_debug();
    for (std::size_t i = 0; i != document.pcrs.size(); ++i)
      if (!document.pcrs[i].empty()) out.pcrs[i] = *Measurement::from(document.pcrs[i]);
    const auto copy = [](const std::optional<byte_span>& told) {
      return told ? std::optional{std::vector<std::byte>(told->begin(), told->end())}
                  : std::nullopt;
    };
    out.public_key = copy(document.public_key);
    out.user_data = copy(document.user_data);
    out.nonce = copy(document.nonce);
    return out;
  }

  byte_span root_;
  std::optional<std::chrono::sys_seconds> now_;  // nothing: the document's own time
  nitro_options options_;
};

}  // namespace detail

/// Verifies a Nitro attestation document, given as the COSE message that `/dev/nsm` hands out, as of
/// `now`. No clock is asked, and nothing but the bytes is looked at.
///
/// | step        | what holds when it passed                                                        |
/// |-------------|----------------------------------------------------------------------------------|
/// | `size`      | 1 byte to 32 KiB                                                                 |
/// | `message`   | a COSE_Sign1, tagged or not, of ES384, with no other header                      |
/// | `document`  | the payload is as `read_nitro_document` says                                     |
/// | `debug`     | PCR0 to PCR2 are not zero; else `attest_debug_enabled`, unless allowed           |
/// | `age`       | made at most 5 minutes after `now`, and not longer ago than `max_age`, if given  |
/// | `root`      | the first authority is AWS's root G1, byte for byte                              |
/// | `chain`     | the certificates lead from it to the document's own, and all are valid at `now`  |
/// | `signature` | the document's certificate signed it                                             |
///
/// It stops at the first step that fails. `known`, where given, remembers the authorities. Every byte of the message is looked at, signed or must
/// have the value that it has, so no bit of it can be changed.
inline nitro_verification verify_nitro(detail::byte_span evidence, std::chrono::sys_seconds now,
                                       const nitro_options& options = {},
                                       known_signatures* known = nullptr) {
  return detail::nitro_verifier{nitro_root_g1(), now, options}.verify(evidence,
                                                                      remembering_check{known});
}

/// As `verify_nitro`, at the time that the document itself names: it says that the document *was*
/// genuine, for evidence that was kept. It says nothing about today; never use it for a peer.
inline nitro_verification verify_nitro_at_its_own_time(detail::byte_span evidence,
                                                       const nitro_options& options = {}) {
  return detail::nitro_verifier{nitro_root_g1(), std::nullopt, options}.verify(
      evidence, x509_signature_check{});
}

}  // namespace enfilade
