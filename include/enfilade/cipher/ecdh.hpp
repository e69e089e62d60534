// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/curve.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/cipher/random.hpp>
#include <enfilade/error.hpp>

#include <cryptopp/integer.h>

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace enfilade {

/// A key pair on `P256` or `P384` that agrees once on a secret with the holder of another one (SP
/// 800-56A §5.7.1.2).
///
/// For peers that cannot do X25519; a link does not use it. **Not constant in time**: Crypto++'s
/// arithmetic takes longer for some scalars than for others. Therefore `agree` uses the pair up: an
/// attacker who measures has one measurement of each scalar, of which he learns a length and a few
/// bits, and never a second one.
///
/// | expression               | is                     | meaning                               |
/// |--------------------------|------------------------|---------------------------------------|
/// | `K::generate()`          | `result<K>`            | a new pair of the kernel's randomness |
/// | `K::from_scalar(secret)` | `optional<K>`          | of a known scalar in 1 ... n - 1      |
/// | `k.public_key()`         | `curve_point<Curve>`   | goes to the peer                      |
/// | `move(k).agree(peer)`    | `Key<Curve::size>`     | the shared point's x, big-endian      |
///
/// The secret is no uniform key: it goes through `hkdf_extract`. `agree` cannot fail, because a
/// `curve_point` is on the curve and its multiples are not infinity.
template <class Curve>
class CurveAgreementKey {
 public:
  static std::optional<CurveAgreementKey> from_scalar(Key<Curve::size> secret) {
    const detail::curve_arithmetic<Curve> curve;
    const CryptoPP::Integer scalar = detail::integer(secret.view());
    if (!curve.is_scalar(scalar)) return std::nullopt;
    const auto point = curve.multiple(curve.base(), scalar);
    const auto x = encoded(point.x);
    const auto y = encoded(point.y);
    const auto checked = curve_point<Curve>::from_coordinates(x.view(), y.view());
    if (!checked) return std::nullopt;
    return CurveAgreementKey{std::move(secret), *checked};
  }

  static result<CurveAgreementKey> generate() {
    while (true) {  // one draw in 2^32 is not below the order
      Key<Curve::size> secret;
      if (const result<void> random = random_bytes(secret.fill()); !random) return random.error();
      if (auto key = from_scalar(std::move(secret))) return *std::move(key);
    }
  }

  const curve_point<Curve>& public_key() const noexcept { return public_key_; }

  Key<Curve::size> agree(const curve_point<Curve>& peer) && {
    const detail::curve_arithmetic<Curve> curve;
    const auto shared = curve.multiple(peer.affine(), detail::integer(secret_.view()));
    secret_.wipe();
    return encoded(shared.x);
  }

 private:
  CurveAgreementKey(Key<Curve::size> secret, const curve_point<Curve>& public_key) noexcept
      : secret_(std::move(secret)), public_key_(public_key) {}

  static Key<Curve::size> encoded(const CryptoPP::Integer& coordinate) {
    Key<Curve::size> out;
    coordinate.Encode(detail::octets(out.fill().data()), Curve::size);
    return out;
  }

  Key<Curve::size> secret_;
  curve_point<Curve> public_key_;
};

}  // namespace enfilade
