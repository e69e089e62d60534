// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/cose/cbor.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/cipher/curve.hpp>
#include <enfilade/cipher/ecdsa.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace enfilade {

/// How a COSE message says that it was signed (RFC 9053 §2.1): the curve, and the hash with it.
enum class cose_algorithm : std::int64_t {
  es256 = -7,   ///< P-256 and SHA-256
  es384 = -35,  ///< P-384 and SHA-384
};

/// The algorithm of this library's signatures over `Curve`.
template <class Curve>
inline constexpr cose_algorithm cose_algorithm_of = cose_algorithm::es256;
template <>
inline constexpr cose_algorithm cose_algorithm_of<P384> = cose_algorithm::es384;

/// A COSE_Sign1 message (RFC 9052 §4.2): a payload and one signature. Looks into the bytes that it
/// was read from. Nothing of it is proven until `verify_cose` said so, and `unprotected` never is.
struct cose_sign1 {
  detail::byte_span protected_header;  ///< the encoded map, as received: this is what is signed
  detail::byte_span unprotected;       ///< the encoded map
  detail::byte_span payload;
  detail::byte_span signature;  ///< r and s, big-endian (RFC 9053 §2.1)
  cose_algorithm algorithm{};
};

/// The parts of a COSE_Sign1 message, with tag 18 before it or without.
///
/// `errc::attest_malformed` where it is not CBOR as `cbor_document` has it or not of this form,
/// `attest_unsupported_format` where it asks for something that is not done here: an algorithm
/// other than ES256 and ES384, or an extension that must be understood (`crit`).
///
/// Stricter than RFC 9052: the array of four has its length before it, so that a message has one
/// encoding; the algorithm stands in the protected header, where nobody can change it; the payload
/// is inside. A label in both headers is refused, as §3 says.
inline judged<cose_sign1> read_cose_sign1(detail::byte_span message,
                                          const cbor_limits& limits = {}) {
  const auto malformed = [](std::string_view rule) {
    return refusal{errc::attest_malformed, rule};
  };
  const auto unsupported = [](std::string_view rule) {
    return refusal{errc::attest_unsupported_format, rule};
  };
  constexpr std::byte tag18{0xD2};
  if (!message.empty() && message.front() == tag18) message = message.subspan(1);
  const auto outer = cbor_document::read(message, limits);
  if (!outer) return outer.error();
  const cbor_value root = outer->root();
  if (root.kind() != cbor_kind::array || root.size() != 4 || root.is_indefinite())
    return malformed("cose.not_an_array_of_four");
  auto part = root.elements().begin();
  const cbor_value header = *part++;
  const cbor_value unprotected = *part++;
  const cbor_value payload = *part++;
  const cbor_value signature = *part;
  if (!header.bytes()) return malformed("cose.protected_header");
  if (unprotected.kind() != cbor_kind::map) return malformed("cose.unprotected_header");
  if (payload.is_null()) return unsupported("cose.detached_payload");
  if (!payload.bytes()) return malformed("cose.payload");
  if (!signature.bytes()) return malformed("cose.signature");

  constexpr std::int64_t label_algorithm = 1;
  constexpr std::int64_t label_critical = 2;
  // An empty header is written as no bytes at all (§3), and then there is no algorithm in it.
  if (header.bytes()->empty()) return malformed("cose.algorithm_missing");
  const auto inner = cbor_document::read(*header.bytes(), limits);
  if (!inner) return inner.error();
  const cbor_value protected_map = inner->root();
  if (protected_map.kind() != cbor_kind::map) return malformed("cose.protected_header");
  for (const cbor_value map : {protected_map, unprotected})
    for (const auto& [label, value] : map.entries())
      if (!label.number() && !label.text()) return malformed("cose.label");
  for (const auto& [label, value] : unprotected.entries())
    if (label.number() ? protected_map.find(*label.number()) : protected_map.find(*label.text()))
      return malformed("cose.label_in_both_headers");
  if (protected_map.find(label_critical) || unprotected.find(label_critical))
    return unsupported("cose.critical_header");
  const std::optional<cbor_value> algorithm = protected_map.find(label_algorithm);
  if (!algorithm) return malformed("cose.algorithm_missing");

  cose_sign1 out{*header.bytes(), unprotected.encoding(), *payload.bytes(), *signature.bytes()};
  if (algorithm->number() == static_cast<std::int64_t>(cose_algorithm::es256)) {
    out.algorithm = cose_algorithm::es256;
    if (out.signature.size() != 2 * P256::size) return malformed("cose.signature_size");
  } else if (algorithm->number() == static_cast<std::int64_t>(cose_algorithm::es384)) {
    out.algorithm = cose_algorithm::es384;
    if (out.signature.size() != 2 * P384::size) return malformed("cose.signature_size");
  } else {
    return unsupported("cose.algorithm_unknown");
  }
  return out;
}

/// Calls `take(bytes)` with the pieces of what the signature is for (RFC 9052 §4.4), in order: the
/// CBOR array of "Signature1", the protected header, `external` and the payload.
///
/// Piece by piece, so that a hash can take them where they lie.
template <class Take>
void cose_signed_bytes(const cose_sign1& message, detail::byte_span external, Take take) {
  const auto byte_string = [&](detail::byte_span bytes) {
    const auto size = static_cast<std::uint64_t>(bytes.size());
    std::array<std::byte, 9> head{};
    std::size_t used = 1;
    if (size < 24) {
      head[0] = static_cast<std::byte>(0x40 | size);
    } else {
      // 0x58 and one byte of length, 0x59 and two, 0x5A and four, 0x5B and eight.
      unsigned kind = 0;
      while (kind != 3 && size >> (8U << kind) != 0) ++kind;
      head[0] = static_cast<std::byte>(0x58 + kind);
      for (std::size_t left = std::size_t{1} << kind; left != 0; --left)
        head[used++] = static_cast<std::byte>(size >> (8 * (left - 1)));
    }
    take(std::span{head}.first(used));
    take(bytes);
  };
  using namespace std::string_view_literals;
  take(detail::bytes_of("\x84\x6ASignature1"sv));
  byte_string(message.protected_header);
  byte_string(external);
  byte_string(message.payload);
}

/// Whether the holder of `key` signed the message, and `external` with it: bytes that both ends
/// know and that do not travel in it.
///
/// False too where the message names another algorithm than that of the key's curve.
template <class Curve>
bool verify_cose(const cose_sign1& message, const curve_point<Curve>& key,
                 detail::byte_span external = {}) {
  if (message.algorithm != cose_algorithm_of<Curve> || message.signature.size() != 2 * Curve::size)
    return false;
  typename Curve::hash hash;
  cose_signed_bytes(message, external, [&](detail::byte_span piece) { hash.update(piece); });
  return verify_digest(key, hash.finish(), message.signature.template first<2 * Curve::size>());
}

}  // namespace enfilade
