// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/hash.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/cipher/random.hpp>
#include <enfilade/error.hpp>

#include <cryptopp/donna.h>

#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace enfilade {

/// An Ed25519 key pair (RFC 8032): signs bytes so that everybody can check who did.
///
/// | expression           | is                     | meaning                               |
/// |----------------------|------------------------|---------------------------------------|
/// | `generate()`         | `result<SigningKey>`   | a new pair of the kernel's randomness |
/// | `SigningKey{seed}`   |                        | the pair of a known seed              |
/// | `k.public_key()`     | `array<std::byte, 32>` | for whoever verifies                  |
/// | `k.sign(message)`    | `array<std::byte, 64>` | the signature, always the same        |
class SigningKey {
 public:
  explicit SigningKey(Key<32> seed) noexcept : seed_(std::move(seed)) {
    CryptoPP::Donna::ed25519_publickey(detail::octets(public_key_.data()),
                                       detail::octets(seed_.view().data()));
  }

  static result<SigningKey> generate() noexcept {
    Key<32> seed;
    if (const result<void> random = random_bytes(seed.fill()); !random) return random.error();
    return SigningKey{std::move(seed)};
  }

  const std::array<std::byte, 32>& public_key() const noexcept { return public_key_; }

  std::array<std::byte, 64> sign(std::span<const std::byte> message) const noexcept {
    std::array<std::byte, 64> signature{};
    CryptoPP::Donna::ed25519_sign(
        detail::octets(message.data()), message.size(), detail::octets(seed_.view().data()),
        detail::octets(public_key_.data()), detail::octets(signature.data()));
    return signature;
  }

 private:
  Key<32> seed_;
  std::array<std::byte, 32> public_key_{};
};

namespace detail {

/// Whether the second half of a signature is below the group order (RFC 8032 §5.1.7). Crypto++
/// looks at three bits only, and so takes a second signature that anybody can make from the first.
inline bool canonical_scalar(std::span<const std::byte, 32> scalar) noexcept {
  constexpr std::array<unsigned char, 32> order{0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58,
                                                0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
                                                0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                                0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10};
  for (std::size_t i = order.size(); i-- != 0;) {
    const auto digit = std::to_integer<unsigned char>(scalar[i]);
    if (digit != order[i]) return digit < order[i];
  }
  return false;
}

}  // namespace detail

/// Whether `signature` is the one that the holder of `public_key` made for `message`.
///
/// All three are public, so the time this takes tells nothing.
inline bool verify_signature(std::span<const std::byte, 32> public_key,
                             std::span<const std::byte> message,
                             std::span<const std::byte, 64> signature) noexcept {
  return detail::canonical_scalar(signature.subspan<32, 32>()) &&
         CryptoPP::Donna::ed25519_sign_open(detail::octets(message.data()), message.size(),
                                            detail::octets(public_key.data()),
                                            detail::octets(signature.data())) == 0;
}

}  // namespace enfilade
