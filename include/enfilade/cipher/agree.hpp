// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/compare.hpp>
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

/// An X25519 key pair (RFC 7748): agrees on a secret with the holder of another one.
///
/// One pair per handshake, never stored: whoever later learns everything else about both ends still
/// cannot open what was recorded.
///
/// | expression             | is                       | meaning                               |
/// |------------------------|--------------------------|---------------------------------------|
/// | `generate()`           | `result<AgreementKey>`   | a new pair of the kernel's randomness |
/// | `AgreementKey{secret}` |                          | a known pair, for test vectors        |
/// | `a.public_key()`       | `array<std::byte, 32>`   | goes to the peer                      |
/// | `a.agree(peer)`        | `result<Key<32>>`        | the shared secret                     |
///
/// `agree` refuses, with `errc::crypto_low_order_point`, a peer whose key forces an all-zero secret
/// whatever ours is (RFC 7748 §6.1): such a secret is known to everybody.
class AgreementKey {
 public:
  explicit AgreementKey(Key<32> secret) noexcept : secret_(std::move(secret)) {
    CryptoPP::Donna::curve25519_mult(detail::octets(public_key_.data()),
                                     detail::octets(secret_.view().data()));
  }

  static result<AgreementKey> generate() noexcept {
    Key<32> secret;
    if (const result<void> random = random_bytes(secret.fill()); !random) return random.error();
    return AgreementKey{std::move(secret)};
  }

  const std::array<std::byte, 32>& public_key() const noexcept { return public_key_; }

  result<Key<32>> agree(std::span<const std::byte, 32> peer) const noexcept {
    Key<32> shared;
    CryptoPP::Donna::curve25519_mult(detail::octets(shared.fill().data()),
                                     detail::octets(secret_.view().data()),
                                     detail::octets(peer.data()));
    constexpr std::array<std::byte, 32> zeros{};
    if (equal(shared.view(), zeros)) return errc::crypto_low_order_point;
    return shared;
  }

 private:
  Key<32> secret_;
  std::array<std::byte, 32> public_key_{};
};

}  // namespace enfilade
