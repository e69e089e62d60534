// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/curve.hpp>
#include <enfilade/cipher/hash.hpp>

#include <cryptopp/integer.h>
#include <cryptopp/modarith.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace enfilade {

/// An RSA public key that signatures may be checked with: a view of its modulus, and its exponent.
///
/// | expression                      | is                 | meaning                               |
/// |---------------------------------|--------------------|---------------------------------------|
/// | `rsa_key::from(n, e)`           | `optional<rsa_key>`| big-endian, without zeros in front    |
/// | `k.modulus()`, `k.exponent()`   | span, number       | 2048 to 4096 bits, odd; above 65536   |
///
/// Only what AMD's certificates need: a modulus of 2048 to 4096 bits (whole bytes), an exponent that
/// is odd, above 2^16 (FIPS 186-5 §5.1) and below 2^32, so that a stranger's key costs no more than
/// one of AMD's. Whether the modulus is the product of two primes nobody can see: trust comes from
/// the certificate.
class rsa_key {
 public:
  static constexpr std::size_t min_size = 2048 / 8;
  static constexpr std::size_t max_size = 4096 / 8;

  static std::optional<rsa_key> from(std::span<const std::byte> modulus,
                                     std::span<const std::byte> exponent) noexcept {
    if (modulus.size() < min_size || modulus.size() > max_size) return std::nullopt;
    if ((modulus.front() & std::byte{0x80}) == std::byte{0}) return std::nullopt;
    if ((modulus.back() & std::byte{1}) == std::byte{0}) return std::nullopt;
    if (exponent.size() < 3 || exponent.size() > 4 || exponent.front() == std::byte{0})
      return std::nullopt;
    std::uint32_t e = 0;
    for (const std::byte digit : exponent) e = e << 8 | std::to_integer<std::uint32_t>(digit);
    if (e <= 65536 || e % 2 == 0) return std::nullopt;
    return rsa_key{modulus, e};
  }

  std::span<const std::byte> modulus() const noexcept { return modulus_; }
  std::uint32_t exponent() const noexcept { return exponent_; }

  friend bool operator==(const rsa_key& a, const rsa_key& b) noexcept {
    return a.exponent_ == b.exponent_ && std::ranges::equal(a.modulus_, b.modulus_);
  }

 private:
  rsa_key(std::span<const std::byte> modulus, std::uint32_t exponent) noexcept
      : modulus_(modulus), exponent_(exponent) {}

  std::span<const std::byte> modulus_;
  std::uint32_t exponent_;
};

/// Whether `signature` is one by RSASSA-PSS (RFC 8017 §8.1.2) with SHA-384, MGF1 with SHA-384 and 48
/// bytes of salt, that the holder of `key` made for `message`.
///
/// AMD's root and intermediate keys sign so. Everything here is public, so the time that it takes
/// tells nothing. From Crypto++ comes the power modulo n and nothing above it, as for the curves
/// (docs/design/decisions/012-curves.md); the encoding of §9.1.2 is written out.
inline bool verify_pss_sha384(const rsa_key& key, std::span<const std::byte> message,
                              std::span<const std::byte> signature) {
  constexpr std::size_t hash_size = Sha384::size;
  const std::size_t size = key.modulus().size();
  if (signature.size() != size) return false;
  const CryptoPP::Integer n = detail::integer(key.modulus());
  const CryptoPP::Integer s = detail::integer(signature);
  // s + n would be the same number again, and so a second signature.
  if (s >= n) return false;
  const CryptoPP::Integer e{static_cast<long>(key.exponent())};
  const CryptoPP::MontgomeryRepresentation modulo{n};  // n is odd: rsa_key saw to that
  const CryptoPP::Integer power = modulo.ConvertOut(modulo.Exponentiate(modulo.ConvertIn(s), e));

  // The encoded message: masked block, hash, BC. The modulus has all its bits, so it is as long as
  // the modulus and its top bit is unused.
  std::array<std::byte, rsa_key::max_size> encoded_bytes;
  const std::span encoded = std::span{encoded_bytes}.first(size);
  power.Encode(detail::octets(encoded.data()), size);
  if (encoded.back() != std::byte{0xBC}) return false;
  const std::span block = encoded.first(size - hash_size - 1);
  const auto hash = encoded.subspan(block.size(), hash_size);
  if ((block[0] & std::byte{0x80}) != std::byte{0}) return false;

  std::uint8_t counter = 0;
  for (std::size_t at = 0; at < block.size(); at += hash_size, ++counter) {
    // The counter has four bytes, of which only the last is ever used: eleven rounds at most.
    const std::array<std::byte, 4> number{{{}, {}, {}, static_cast<std::byte>(counter)}};
    const auto mask = sha384(hash, number);
    const std::size_t here = std::min(hash_size, block.size() - at);
    for (std::size_t i = 0; i != here; ++i) block[at + i] ^= mask[i];
  }
  block[0] &= std::byte{0x7F};

  // Zeros, 01, and a salt of exactly 48 bytes.
  const auto salt = block.last(hash_size);
  const auto padding = block.first(block.size() - hash_size);
  if (padding.back() != std::byte{1}) return false;
  if (std::ranges::any_of(padding.first(padding.size() - 1),
                          [](std::byte b) { return b != std::byte{0}; }))
    return false;
  const std::array<std::byte, 8> zeros{};
  return std::ranges::equal(sha384(zeros, sha384(message), salt), hash);
}

}  // namespace enfilade
