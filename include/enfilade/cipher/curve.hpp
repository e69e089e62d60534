// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/hash.hpp>

#include <cryptopp/eccrypto.h>
#include <cryptopp/ecp.h>
#include <cryptopp/integer.h>
#include <cryptopp/oids.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

namespace enfilade {

/// NIST P-256 (SP 800-186 §3.2.1.3), whose signatures hash with SHA-256: Intel's certificates and
/// quotes.
struct P256 {
  static constexpr std::size_t size = 32;  ///< bytes of a coordinate, and of a scalar
  using hash = Sha256;

  /// What stands before the point in a SubjectPublicKeyInfo (RFC 5480 §2): id-ecPublicKey, the
  /// curve by its name, and the header of the bit string.
  static constexpr std::array<unsigned char, 26> key_info_prefix{
      0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
      0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
};

/// NIST P-384 (SP 800-186 §3.2.1.4), whose signatures hash with SHA-384: the evidence of AWS, AMD
/// and NVIDIA.
struct P384 {
  static constexpr std::size_t size = 48;
  using hash = Sha384;
  static constexpr std::array<unsigned char, 23> key_info_prefix{
      0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02,
      0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00};
};

namespace detail {

inline CryptoPP::Integer integer(std::span<const std::byte> big_endian) {
  return CryptoPP::Integer{octets(big_endian.data()), big_endian.size()};
}

/// The arithmetic of one curve. Made anew by each function that needs it (15 µs, where a signature
/// takes 700 or more), because Crypto++ keeps intermediate results inside of it: one that were
/// shared would be a race between threads.
template <class Curve>
class curve_arithmetic {
 public:
  using point = CryptoPP::ECP::Point;

  CryptoPP::Integer order() const { return parameters_.GetSubgroupOrder(); }
  point base() const { return parameters_.GetSubgroupGenerator(); }

  bool is_on_curve(const point& p) const { return parameters_.GetCurve().VerifyPoint(p); }
  point sum(const point& a, const point& b) const { return parameters_.GetCurve().Add(a, b); }
  point multiple(const point& p, const CryptoPP::Integer& times) const {
    return parameters_.GetCurve().ScalarMultiply(p, times);
  }

  /// Whether 0 < `scalar` < order: what a private key and both halves of a signature must be.
  bool is_scalar(const CryptoPP::Integer& scalar) const {
    return !scalar.IsZero() && !scalar.IsNegative() && scalar < order();
  }

 private:
  static CryptoPP::OID oid();

  CryptoPP::DL_GroupParameters_EC<CryptoPP::ECP> parameters_{oid()};
};

template <>
inline CryptoPP::OID curve_arithmetic<P256>::oid() {
  return CryptoPP::ASN1::secp256r1();
}
template <>
inline CryptoPP::OID curve_arithmetic<P384>::oid() {
  return CryptoPP::ASN1::secp384r1();
}

}  // namespace detail

/// A point of `P256` or `P384` that may be somebody's public key: on the curve, not infinity.
///
/// There is no other way to one than through the checks, so whoever is given a `curve_point` need
/// not repeat them. Both curves have prime order: a point on the curve has no smaller one.
///
/// | expression                      | is           | meaning                                     |
/// |---------------------------------|--------------|---------------------------------------------|
/// | `P::from_coordinates(x, y)`     | `optional<P>`| big-endian; nothing where it is no point    |
/// | `P::from_uncompressed(bytes)`   | `optional<P>`| 04, x, y (SEC 1 §2.3.3) and nothing else    |
/// | `P::from_key_info(der)`         | `optional<P>`| a SubjectPublicKeyInfo that names the curve |
/// | `p.x()`, `p.y()`                | spans        | big-endian                                  |
///
/// A key info must be the one DER encoding there is, byte for byte: Crypto++'s own reader takes
/// curves by their parameters, where an attacker may choose the generator, and lax lengths. Neither
/// it nor compressed points are read.
template <class Curve>
class curve_point {
 public:
  static constexpr std::size_t size = Curve::size;

  static std::optional<curve_point> from_coordinates(std::span<const std::byte, size> x,
                                                     std::span<const std::byte, size> y) {
    curve_point point;
    std::memcpy(point.coordinates_.data(), x.data(), size);
    std::memcpy(point.coordinates_.data() + size, y.data(), size);
    const detail::curve_arithmetic<Curve> curve;
    if (!curve.is_on_curve(point.affine())) return std::nullopt;
    return point;
  }

  static std::optional<curve_point> from_uncompressed(std::span<const std::byte> bytes) {
    if (bytes.size() != 1 + 2 * size || bytes[0] != std::byte{4}) return std::nullopt;
    return from_coordinates(bytes.template subspan<1, size>(),
                            bytes.template subspan<1 + size, size>());
  }

  static std::optional<curve_point> from_key_info(std::span<const std::byte> der) {
    constexpr auto& prefix = Curve::key_info_prefix;
    if (der.size() < prefix.size() || std::memcmp(der.data(), prefix.data(), prefix.size()) != 0)
      return std::nullopt;
    return from_uncompressed(der.subspan(prefix.size()));
  }

  std::span<const std::byte, size> x() const noexcept {
    return std::span{coordinates_}.template first<size>();
  }
  std::span<const std::byte, size> y() const noexcept {
    return std::span{coordinates_}.template last<size>();
  }

  /// As Crypto++ has it.
  CryptoPP::ECP::Point affine() const { return {detail::integer(x()), detail::integer(y())}; }

  friend bool operator==(const curve_point&, const curve_point&) = default;

 private:
  curve_point() = default;

  std::array<std::byte, 2 * size> coordinates_{};
};

}  // namespace enfilade
