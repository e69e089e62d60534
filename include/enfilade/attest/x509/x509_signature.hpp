// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/x509/der.hpp>
#include <enfilade/cipher/curve.hpp>
#include <enfilade/cipher/der_signature.hpp>
#include <enfilade/cipher/ecdsa.hpp>
#include <enfilade/cipher/rsa.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

namespace enfilade {

/// How a certificate or a list of revocations is signed: Intel and AWS by ECDSA, AMD by RSA.
enum class x509_algorithm { ecdsa_sha256, ecdsa_sha384, rsa_pss_sha384 };

/// A key that a certificate speaks of.
using x509_public_key = std::variant<curve_point<P256>, curve_point<P384>, rsa_key>;

namespace detail {

inline refusal x509_malformed(std::string_view rule) noexcept {
  return {errc::attest_malformed, rule};
}
inline refusal x509_unsupported(std::string_view rule) noexcept {
  return {errc::attest_unsupported_format, rule};
}

struct algorithm_encoding {
  x509_algorithm algorithm;
  std::string_view der;  ///< the whole AlgorithmIdentifier
};

using namespace std::string_view_literals;

// RFC 5758 §3.2 and RFC 4055 §3.1; the second form of the last spells out the default trailer field,
// which DER does not do but AMD's certificates do (their lists of revocations have the first).
inline constexpr std::array algorithm_encodings{
    algorithm_encoding{x509_algorithm::ecdsa_sha256,
                       "\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02"sv},
    algorithm_encoding{x509_algorithm::ecdsa_sha384,
                       "\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x03"sv},
    algorithm_encoding{x509_algorithm::rsa_pss_sha384,
                       "\x30\x41\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0A\x30\x34"
                       "\xA0\x0F\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
                       "\xA1\x1C\x30\x1A\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x08"
                       "\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
                       "\xA2\x03\x02\x01\x30"sv},
    algorithm_encoding{x509_algorithm::rsa_pss_sha384,
                       "\x30\x46\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0A\x30\x39"
                       "\xA0\x0F\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
                       "\xA1\x1C\x30\x1A\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x08"
                       "\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00"
                       "\xA2\x03\x02\x01\x30\xA3\x03\x02\x01\x01"sv},
};

inline constexpr object_identifier ec_public_key{1, 2, 840, 10045, 2, 1};
inline constexpr object_identifier rsa_encryption{1, 2, 840, 113549, 1, 1, 1};
inline constexpr object_identifier named_p256{1, 2, 840, 10045, 3, 1, 7};
inline constexpr object_identifier named_p384{1, 3, 132, 0, 34};

inline judged<x509_public_key> read_rsa_key(byte_span bits) noexcept {
  der_reader outer{bits};
  auto numbers = outer.sequence();
  if (!numbers) return numbers.error();
  const auto modulus = numbers->magnitude();
  if (!modulus) return modulus.error();
  const auto exponent = numbers->magnitude();
  if (!exponent) return exponent.error();
  if (!numbers->end() || !outer.end()) return x509_malformed("x509.rsa_key");
  const auto key = rsa_key::from(*modulus, *exponent);
  if (!key) return x509_unsupported("x509.rsa_key_out_of_range");
  return x509_public_key{*key};
}

}  // namespace detail

/// Which algorithm an AlgorithmIdentifier, given whole, names: one of three, in the encodings that
/// exist of them. `errc::attest_unsupported_format` for every other, MD5 and SHA-1 among them.
inline judged<x509_algorithm> read_x509_algorithm(detail::byte_span identifier) noexcept {
  for (const auto& known : detail::algorithm_encodings)
    if (std::ranges::equal(detail::bytes_of(known.der), identifier)) return known.algorithm;
  return detail::x509_unsupported("x509.algorithm");
}

/// The key in a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), given whole.
///
/// A point on P-256 or P-384, named, uncompressed; or an RSA key that `rsa_key` takes. Other
/// algorithms, other curves, curves given by their parameters (where an attacker may choose the
/// generator: CVE-2020-0601), compressed points and RSA keys out of range are
/// `errc::attest_unsupported_format`; a point off the curve, and bytes that are no key info at all,
/// `errc::attest_malformed`.
inline judged<x509_public_key> read_x509_key(detail::byte_span key_info) {
  der_reader outer{key_info};
  auto info = outer.sequence();
  if (!info) return info.error();
  auto algorithm = info->sequence();
  if (!algorithm) return algorithm.error();
  const auto name = algorithm->oid();
  if (!name) return name.error();
  const bool is_rsa = detail::rsa_encryption == *name;
  // Those of others, Ed25519 among them, may have no parameters.
  if (!is_rsa && !(detail::ec_public_key == *name))
    return detail::x509_unsupported("x509.key_algorithm");
  const auto parameters = algorithm->any();
  if (!parameters) return parameters.error();
  const auto bits = info->bit_string();
  if (!bits) return bits.error();
  if (!algorithm->end() || !info->end() || !outer.end())
    return detail::x509_malformed("x509.key_info");

  if (is_rsa) {
    if (parameters->tag != der_tag::null || !parameters->content.empty())
      return detail::x509_malformed("x509.key_info");
    return detail::read_rsa_key(*bits);
  }
  if (parameters->tag != der_tag::object_identifier)
    return detail::x509_unsupported("x509.curve_by_parameters");
  if (bits->empty() || bits->front() != std::byte{4})
    return detail::x509_unsupported("x509.point_form");
  if (detail::named_p256 == parameters->content) {
    if (const auto key = curve_point<P256>::from_key_info(key_info)) return x509_public_key{*key};
    return detail::x509_malformed("x509.point");
  }
  if (detail::named_p384 == parameters->content) {
    if (const auto key = curve_point<P384>::from_key_info(key_info)) return x509_public_key{*key};
    return detail::x509_malformed("x509.point");
  }
  return detail::x509_unsupported("x509.curve");
}

/// Whether such a key makes such signatures: a curve with the hash of its own strength, RSA by PSS.
inline bool signs_with(const x509_public_key& key, x509_algorithm algorithm) noexcept {
  // In the order of the variant and of the enumeration.
  static_assert(std::is_same_v<std::variant_alternative_t<2, x509_public_key>, rsa_key>);
  return key.index() == static_cast<std::size_t>(algorithm);
}

/// Whether `signature`, as it stands in a certificate, is one of `key` for `message` by `algorithm`.
inline bool verify_x509_signature(const x509_public_key& key, x509_algorithm algorithm,
                                  detail::byte_span message, detail::byte_span signature) {
  if (!signs_with(key, algorithm)) return false;
  if (const auto* rsa = std::get_if<rsa_key>(&key))
    return verify_pss_sha384(*rsa, message, signature);
  if (const auto* point = std::get_if<curve_point<P256>>(&key)) {
    const auto halves = read_der_signature<P256::size>(signature);
    return halves && verify_signature(*point, message, *halves);
  }
  const auto halves = read_der_signature<P384::size>(signature);
  return halves && verify_signature(std::get<curve_point<P384>>(key), message, *halves);
}

}  // namespace enfilade
