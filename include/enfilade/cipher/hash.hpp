// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/key.hpp>

#include <cryptopp/hmac.h>
#include <cryptopp/sha.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <span>

namespace enfilade {

namespace detail {

inline const CryptoPP::byte* octets(const std::byte* bytes) noexcept {
  return reinterpret_cast<const CryptoPP::byte*>(bytes);
}
inline CryptoPP::byte* octets(std::byte* bytes) noexcept {
  return reinterpret_cast<CryptoPP::byte*>(bytes);
}

template <class Hash, std::size_t Size>
class incremental_hash {
 public:
  static constexpr std::size_t size = Size;
  static_assert(Hash::DIGESTSIZE == Size);

  void update(std::span<const std::byte> bytes) noexcept {
    hash_.Update(octets(bytes.data()), bytes.size());
  }

  std::array<std::byte, Size> finish() noexcept {
    std::array<std::byte, Size> digest;
    hash_.Final(octets(digest.data()));
    return digest;
  }

 private:
  Hash hash_;
};

}  // namespace detail

/// SHA-256 (FIPS 180-4) of bytes that come piece by piece, such as a mapped file.
///
/// `update(bytes)` any number of times, then `finish()`, which also makes it ready for the next.
class Sha256 : public detail::incremental_hash<CryptoPP::SHA256, 32> {};

/// SHA-384, as `Sha256`.
class Sha384 : public detail::incremental_hash<CryptoPP::SHA384, 48> {};

/// SHA-512, as `Sha256`.
class Sha512 : public detail::incremental_hash<CryptoPP::SHA512, 64> {};

/// SHA-256 of the parts one after the other.
template <std::convertible_to<std::span<const std::byte>>... Parts>
std::array<std::byte, 32> sha256(const Parts&... parts) noexcept {
  Sha256 hash;
  (hash.update(parts), ...);
  return hash.finish();
}

/// SHA-384 of the parts one after the other.
template <std::convertible_to<std::span<const std::byte>>... Parts>
std::array<std::byte, 48> sha384(const Parts&... parts) noexcept {
  Sha384 hash;
  (hash.update(parts), ...);
  return hash.finish();
}

/// SHA-512 of the parts one after the other.
template <std::convertible_to<std::span<const std::byte>>... Parts>
std::array<std::byte, 64> sha512(const Parts&... parts) noexcept {
  Sha512 hash;
  (hash.update(parts), ...);
  return hash.finish();
}

/// HMAC-SHA-256 (RFC 2104) of the parts one after the other. The result is a key: it is often one.
template <std::convertible_to<std::span<const std::byte>>... Parts>
Key<32> hmac_sha256(std::span<const std::byte> key, const Parts&... parts) noexcept {
  CryptoPP::HMAC<CryptoPP::SHA256> mac{detail::octets(key.data()), key.size()};
  (mac.Update(detail::octets(std::span<const std::byte>{parts}.data()),
              std::span<const std::byte>{parts}.size()),
   ...);
  Key<32> out;
  mac.Final(detail::octets(out.fill().data()));
  return out;
}

}  // namespace enfilade
