// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/hash.hpp>
#include <enfilade/cipher/hkdf.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/wire/link_end.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

// The key schedule of efl/1, one function per line of docs/design/wire_format.md §6.
namespace enfilade::detail {

using digest = std::array<std::byte, 32>;

inline std::array<std::byte, 1> role_byte(link_end end) noexcept {
  return {static_cast<std::byte>(end)};
}

inline Key<32> derive(const Key<32>& secret, std::string_view label) noexcept {
  return hkdf_expand<32>(secret.view(), bytes_of(label));
}

/// Names this conversation: no two have the same, because each end adds a key and a nonce.
inline digest transcript_hash(byte_span hello_upstream, byte_span hello_downstream) noexcept {
  return sha256(bytes_of("efl/1 transcript"), hello_upstream, hello_downstream);
}

inline Key<32> first_secret(const Key<32>& shared, const digest& transcript) noexcept {
  return derive(hkdf_extract(transcript, shared.view()), "efl/1 secret 0");
}

/// What evidence is bound to besides the transcript: only the two ends know it, and it says nothing
/// about the keys it was derived beside.
inline Key<32> exporter(const Key<32>& first_secret) noexcept {
  return derive(first_secret, "efl/1 exporter");
}

/// The 64 bytes that the TEE of `end` signs.
inline std::array<std::byte, 64> report_data(link_end end, const Key<32>& exporter,
                                             const digest& transcript,
                                             std::span<const std::byte, 32> receipt_key) noexcept {
  return sha512(bytes_of("efl/1 report data"), role_byte(end), exporter.view(), transcript,
                receipt_key);
}

/// The ratchet: keys that only somebody has who saw the same evidence in both directions.
inline Key<32> second_secret(const Key<32>& first_secret, const digest& evidence_upstream,
                             const digest& evidence_downstream) noexcept {
  std::array<std::byte, 64> salt;
  std::memcpy(salt.data(), evidence_upstream.data(), 32);
  std::memcpy(salt.data() + 32, evidence_downstream.data(), 32);
  return hkdf_extract(salt, first_secret.view());
}

/// The secret of everything that `sender` sends.
inline Key<32> direction_secret(const Key<32>& secret, link_end sender) noexcept {
  return derive(secret, sender == link_end::upstream ? "efl/1 upstream to downstream"
                                                     : "efl/1 downstream to upstream");
}

inline Key<32> rekeyed(const Key<32>& direction_secret) noexcept {
  return derive(direction_secret, "efl/1 rekey");
}

/// 32 bytes of key, then 12 of IV.
inline Key<44> traffic_key(const Key<32>& direction_secret) noexcept {
  return hkdf_expand<44>(direction_secret.view(), bytes_of("efl/1 key"));
}

inline digest confirmation(link_end sender, const digest& transcript,
                           const digest& evidence_upstream,
                           const digest& evidence_downstream) noexcept {
  return sha256(bytes_of("efl/1 confirm"), role_byte(sender), transcript, evidence_upstream,
                evidence_downstream);
}

}  // namespace enfilade::detail
