// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/agree.hpp>
#include <enfilade/cipher/cipher.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/cipher/hkdf.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/cipher/wipe.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

// Hybrid public key encryption (RFC 9180): sealing to a key whose holder need not be there.
namespace enfilade {

class AesGcm;
class ChaChaPoly;

/// The number of a cipher in HPKE (RFC 9180 §7.3); 0 where it has none.
template <class C>
inline constexpr std::uint16_t hpke_number = 0;
template <>
inline constexpr std::uint16_t hpke_number<AesGcm> = 2;
template <>
inline constexpr std::uint16_t hpke_number<ChaChaPoly> = 3;

/// A cipher that HPKE knows: `AesGcm` or `ChaChaPoly`. Both make their nonces as §5.2 says.
template <class C>
concept hpke_cipher = cipher<C> &&(hpke_number<C> != 0);

/// What sender and recipient agree on beforehand: both pass the same, or nothing opens.
///
/// `info` says what the sealed messages are for, so that they open nowhere else. With a pre-shared
/// key (mode PSK) only somebody who knows that key can have sealed; without one (mode Base) anybody
/// can. `psk_id` names the key and is not empty. `messages` is how many messages one context may
/// seal: 2^32, after which AES-GCM wears out (SP 800-38D §8), or fewer.
///
/// Holds references: what it is made of must live as long as the call that it is passed to.
struct hpke_terms {
  explicit hpke_terms(std::span<const std::byte> purpose) noexcept : info(purpose) {}
  hpke_terms(std::span<const std::byte> purpose, const Key<32>& key,
             std::span<const std::byte> key_id) noexcept
      : info(purpose), psk(&key), psk_id(key_id) {}

  std::span<const std::byte> info;
  const Key<32>* psk = nullptr;
  std::span<const std::byte> psk_id;
  std::uint64_t messages = std::uint64_t{1} << 32;
};

namespace detail {

/// LabeledExtract and LabeledExpand of RFC 9180 §4 with HKDF-SHA-256: every input names the
/// algorithm that it is an input of.
template <std::size_t Size>
class labeled_kdf {
 public:
  explicit labeled_kdf(const std::array<std::byte, Size>& suite) noexcept : suite_(suite) {}

  Key<32> extract(byte_span salt, std::string_view label, byte_span input) const noexcept {
    return hmac_sha256(salt, bytes_of("HPKE-v1"), suite_, bytes_of(label), input);
  }

  template <std::size_t N>
  Key<N> expand(const Key<32>& key, std::string_view label, byte_span info) const noexcept {
    static_assert(N <= 255 * 32);
    const std::array<std::byte, 2> size{static_cast<std::byte>(N >> 8),
                                        static_cast<std::byte>(N & 0xFF)};
    Key<N> out;
    hkdf_expand_into(key.view(), out.fill(), size, bytes_of("HPKE-v1"), suite_, bytes_of(label),
                     info);
    return out;
  }

 private:
  std::array<std::byte, Size> suite_;
};

/// ExtractAndExpand of §4.1 for DHKEM(X25519, HKDF-SHA-256).
inline Key<32> hpke_shared_secret(const Key<32>& agreed, std::span<const std::byte, 32> enc,
                                  std::span<const std::byte, 32> recipient) noexcept {
  constexpr std::array<std::byte, 5> suite{std::byte{'K'}, std::byte{'E'}, std::byte{'M'},
                                           std::byte{0x00}, std::byte{0x20}};
  const labeled_kdf<5> kdf{suite};
  std::array<std::byte, 64> context;  // kem_context
  std::memcpy(context.data(), enc.data(), 32);
  std::memcpy(context.data() + 32, recipient.data(), 32);
  return kdf.template expand<32>(kdf.extract({}, "eae_prk", agreed.view()), "shared_secret",
                                 context);
}

/// What both roles of §5.2 have: a cipher under a key of this context, a count, an exporter.
template <hpke_cipher C>
class hpke_context {
 public:
  hpke_context(const Key<32>& shared_secret, const hpke_terms& terms) : left_(terms.messages) {
    const auto mode = static_cast<std::byte>(terms.psk != nullptr ? 1 : 0);
    const Key<32> psk_id_hash = kdf_.extract({}, "psk_id_hash", terms.psk_id);
    const Key<32> info_hash = kdf_.extract({}, "info_hash", terms.info);
    std::array<std::byte, 65> context{mode};  // key_schedule_context
    std::memcpy(context.data() + 1, psk_id_hash.view().data(), 32);
    std::memcpy(context.data() + 33, info_hash.view().data(), 32);
    const byte_span psk = terms.psk != nullptr ? byte_span{terms.psk->view()} : byte_span{};
    const Key<32> secret = kdf_.extract(shared_secret.view(), "secret", psk);
    exporter_ = kdf_.template expand<32>(secret, "exp", context);
    const Key<12> nonce = kdf_.template expand<12>(secret, "base_nonce", context);
    cipher_ = std::make_unique<C>(kdf_.template expand<32>(secret, "key", context), nonce.view());
  }

  result<void> seal(byte_span header, std::span<std::byte> body,
                    std::span<std::byte, 16> tag) noexcept {
    if (left_ == 0) return errc::crypto_key_exhausted;
    cipher_->seal(sequence_, header, body, tag);
    count();
    return {};
  }

  result<void> open(byte_span header, std::span<std::byte> body,
                    std::span<const std::byte, 16> tag) noexcept {
    if (left_ == 0) {
      wipe(body);
      return errc::crypto_key_exhausted;
    }
    if (!cipher_->open(sequence_, header, body, tag)) return errc::crypto_auth_failed;
    count();
    return {};
  }

  template <std::size_t N>
  Key<N> export_key(byte_span context) const noexcept {
    return kdf_.template expand<N>(exporter_, "sec", context);
  }

 private:
  void count() noexcept {
    ++sequence_;
    --left_;
  }

  static constexpr std::array<std::byte, 10> suite{
      std::byte{'H'},  std::byte{'P'},           std::byte{'K'},  std::byte{'E'},
      std::byte{0x00}, std::byte{0x20},          std::byte{0x00}, std::byte{0x01},
      std::byte{0x00}, std::byte{hpke_number<C>}};

  labeled_kdf<10> kdf_{suite};
  Key<32> exporter_;
  std::unique_ptr<C> cipher_;
  std::uint64_t sequence_ = 0;
  std::uint64_t left_;
};

/// `errc::internal` for terms that RFC 9180 §5.1 (VerifyPSKInputs) calls inconsistent.
inline result<void> check(const hpke_terms& terms) noexcept {
  if ((terms.psk != nullptr) == terms.psk_id.empty()) return errc::internal;
  return {};
}

}  // namespace detail

/// Seals messages to the holder of an X25519 key (RFC 9180: DHKEM(X25519, HKDF-SHA256),
/// HKDF-SHA256, and the cipher `C`; modes Base and PSK).
///
/// | expression                   | is                   | meaning                                   |
/// |------------------------------|----------------------|-------------------------------------------|
/// | `S::to(recipient, terms)`    | `result<S>`          | a fresh context, for this public key      |
/// | `s.encapsulated_key()`       | 32 bytes             | goes to the recipient, once               |
/// | `s.seal(header, body, tag)`  | `result<void>`       | the next message, in place                |
/// | `s.export_key<N>(context)`   | `Key<N>`             | a secret that only the two ends know      |
///
/// Errors: `crypto_low_order_point` where the recipient's key makes every secret zero;
/// `crypto_random_failed`; `crypto_key_exhausted` after `terms.messages` messages; `internal` where
/// a pre-shared key has no name. `header` is authenticated and not encrypted.
///
/// Whoever gets the recipient's secret key later can open what was sealed to it before: a link,
/// whose both ends are there, has keys that nobody has afterwards.
template <hpke_cipher C>
class hpke_sender {
 public:
  static result<hpke_sender> to(std::span<const std::byte, 32> recipient, const hpke_terms& terms) {
    const result<AgreementKey> ephemeral = AgreementKey::generate();
    if (!ephemeral) return ephemeral.error();
    return to(recipient, terms, *ephemeral);
  }

  /// With a known ephemeral key, for test vectors. In a program each must be fresh.
  static result<hpke_sender> to(std::span<const std::byte, 32> recipient, const hpke_terms& terms,
                                const AgreementKey& ephemeral) {
    if (const result<void> good = detail::check(terms); !good) return good.error();
    const result<Key<32>> agreed = ephemeral.agree(recipient);
    if (!agreed) return agreed.error();
    const auto& enc = ephemeral.public_key();
    return hpke_sender{detail::hpke_shared_secret(*agreed, enc, recipient), terms, enc};
  }

  const std::array<std::byte, 32>& encapsulated_key() const noexcept { return enc_; }

  result<void> seal(std::span<const std::byte> header, std::span<std::byte> body,
                    std::span<std::byte, 16> tag) noexcept {
    return context_.seal(header, body, tag);
  }

  template <std::size_t N>
  Key<N> export_key(std::span<const std::byte> context) const noexcept {
    return context_.template export_key<N>(context);
  }

 private:
  hpke_sender(const Key<32>& shared_secret, const hpke_terms& terms,
              const std::array<std::byte, 32>& enc)
      : context_(shared_secret, terms), enc_(enc) {}

  detail::hpke_context<C> context_;
  std::array<std::byte, 32> enc_;
};

/// Opens what an `hpke_sender` sealed, in the order in which it was sealed.
///
/// | expression                   | is             | meaning                                         |
/// |------------------------------|----------------|-------------------------------------------------|
/// | `R::from(key, enc, terms)`   | `result<R>`    | our key pair, the sender's `encapsulated_key()` |
/// | `r.open(header, body, tag)`  | `result<void>` | the next message, in place                      |
/// | `r.export_key<N>(context)`   | `Key<N>`       | as the sender's                                 |
///
/// Errors: as the sender's, and `crypto_auth_failed` where a message is not authentic, is not the
/// next one, or was sealed under other terms or to another key: `body` then holds zeros, and the
/// message that is next stays next (RFC 9180 §5.2).
template <hpke_cipher C>
class hpke_recipient {
 public:
  static result<hpke_recipient> from(const AgreementKey& key, std::span<const std::byte, 32> enc,
                                     const hpke_terms& terms) {
    if (const result<void> good = detail::check(terms); !good) return good.error();
    const result<Key<32>> agreed = key.agree(enc);
    if (!agreed) return agreed.error();
    return hpke_recipient{detail::hpke_shared_secret(*agreed, enc, key.public_key()), terms};
  }

  result<void> open(std::span<const std::byte> header, std::span<std::byte> body,
                    std::span<const std::byte, 16> tag) noexcept {
    return context_.open(header, body, tag);
  }

  template <std::size_t N>
  Key<N> export_key(std::span<const std::byte> context) const noexcept {
    return context_.template export_key<N>(context);
  }

 private:
  hpke_recipient(const Key<32>& shared_secret, const hpke_terms& terms)
      : context_(shared_secret, terms) {}

  detail::hpke_context<C> context_;
};

}  // namespace enfilade
