// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/cipher.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/cipher/iv_parameter.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/cipher/wipe.hpp>
#include <enfilade/compose/role.hpp>
#include <enfilade/detail/bytes.hpp>

#include <cryptopp/chacha.h>
#include <cryptopp/poly1305.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace enfilade {

/// ChaCha20-Poly1305 (RFC 8439): the suite where AES has no instructions of its own.
///
/// Model of `cipher`. Put together from Crypto++'s stream cipher and its authenticator as in §2.8,
/// because Crypto++'s own combination allocates memory for every record.
class ChaChaPoly {
 public:
  using policy_role = role::cipher;
  static constexpr std::string_view name = "chacha20-poly1305";
  static constexpr std::uint16_t suite = 2;
  static constexpr std::size_t key_size = 32;
  static constexpr std::size_t iv_size = 12;
  static constexpr std::size_t tag_size = 16;

  ChaChaPoly(const Key<32>& key, std::span<const std::byte, 12> iv) noexcept : nonce_(iv) {
    stream_.SetKey(detail::octets(key.view().data()), key_size, detail::iv_parameter{iv});
  }
  ChaChaPoly(const ChaChaPoly&) = delete;
  ChaChaPoly& operator=(const ChaChaPoly&) = delete;

  void seal(std::uint64_t sequence, std::span<const std::byte> header, std::span<std::byte> body,
            std::span<std::byte, 16> tag) noexcept {
    const Key<32> one_time_key = begin(sequence);
    apply_keystream(body);
    authenticate(one_time_key, header, body, tag);
  }

  bool open(std::uint64_t sequence, std::span<const std::byte> header, std::span<std::byte> body,
            std::span<const std::byte, 16> tag) noexcept {
    const Key<32> one_time_key = begin(sequence);
    std::array<std::byte, 16> expected;
    authenticate(one_time_key, header, body, expected);
    if (!equal(expected, tag)) {
      wipe(body);
      return false;
    }
    apply_keystream(body);
    return true;
  }

 private:
  // §2.6: the first half of keystream block 0 keys the authenticator. The other half is thrown away
  // here, so that the body begins with block 1 (§2.4).
  Key<32> begin(std::uint64_t sequence) noexcept {
    const auto nonce = nonce_.at(sequence);
    stream_.Resynchronize(detail::octets(nonce.data()), iv_size);
    Key<64> block;
    apply_keystream(block.fill());
    return Key<32>{block.view().first<32>()};
  }

  void apply_keystream(std::span<std::byte> bytes) noexcept {
    stream_.ProcessData(detail::octets(bytes.data()), detail::octets(bytes.data()), bytes.size());
  }

  // §2.8: header and body each padded to 16 bytes, then both lengths.
  static void authenticate(const Key<32>& one_time_key, std::span<const std::byte> header,
                           std::span<const std::byte> body, std::span<std::byte, 16> tag) noexcept {
    CryptoPP::Poly1305TLS mac{detail::octets(one_time_key.view().data()), key_size};
    const auto padded = [&mac](std::span<const std::byte> bytes) {
      constexpr std::array<std::byte, 16> zeros{};
      mac.Update(detail::octets(bytes.data()), bytes.size());
      mac.Update(detail::octets(zeros.data()), (16 - bytes.size() % 16) % 16);
    };
    padded(header);
    padded(body);
    std::array<std::byte, 16> lengths;
    detail::store_le<std::uint64_t>(lengths.data(), header.size());
    detail::store_le<std::uint64_t>(lengths.data() + 8, body.size());
    padded(lengths);
    mac.TruncatedFinal(detail::octets(tag.data()), tag_size);
  }

  detail::record_nonce nonce_;
  CryptoPP::ChaChaTLS::Encryption stream_;
};

static_assert(cipher<ChaChaPoly>);

}  // namespace enfilade
