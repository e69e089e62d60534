// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/curve.hpp>

#include <cryptopp/integer.h>

#include <algorithm>
#include <cstddef>
#include <span>

namespace enfilade {

/// Whether `signature` is an ECDSA signature (FIPS 186-5 §6.4.2) that the holder of `key` made for
/// a message with this digest.
///
/// `signature` is r and s one after the other, big-endian, each as long as a coordinate: the form of
/// IEEE P1363 that COSE has; `read_der_signature` makes it from that of X.509. Of a digest that is
/// longer than a coordinate the first bytes count (§6.4.1). All three are public, so the time that
/// this takes tells nothing.
///
/// The formula is written out over Crypto++'s arithmetic: Crypto++'s own verifier computes the two
/// multiples together and takes twice as long (P-384: 2.8 ms).
template <class Curve>
bool verify_digest(const curve_point<Curve>& key, std::span<const std::byte> digest,
                   std::span<const std::byte, 2 * Curve::size> signature) {
  const detail::curve_arithmetic<Curve> curve;
  const CryptoPP::Integer n = curve.order();
  const CryptoPP::Integer r = detail::integer(signature.template first<Curve::size>());
  const CryptoPP::Integer s = detail::integer(signature.template last<Curve::size>());
  // Outside of 1 ... n - 1 one could choose r = 0, s = 0, or one of many encodings of one number.
  if (!curve.is_scalar(r) || !curve.is_scalar(s)) return false;
  const CryptoPP::Integer e = detail::integer(digest.first(std::min(digest.size(), Curve::size)));
  const CryptoPP::Integer w = s.InverseMod(n);
  const auto point =
      curve.sum(curve.multiple(curve.base(), e * w % n), curve.multiple(key.affine(), r * w % n));
  return !point.identity && point.x % n == r;
}

/// Whether `signature` is one for `message`, hashed as the curve is used with: SHA-256 for `P256`,
/// SHA-384 for `P384`.
template <class Curve>
bool verify_signature(const curve_point<Curve>& key, std::span<const std::byte> message,
                      std::span<const std::byte, 2 * Curve::size> signature) {
  typename Curve::hash hash;
  hash.update(message);
  return verify_digest(key, hash.finish(), signature);
}

}  // namespace enfilade
