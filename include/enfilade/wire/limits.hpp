// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace enfilade {

// Sizes and bounds of efl/1. Every length that a peer names is compared with one of these before
// anything is allocated or read for it. docs/design/wire_format.md explains each.

inline constexpr std::uint16_t wire_version = 1;

inline constexpr std::size_t record_header_size = 16;
inline constexpr std::size_t record_tag_size = 16;
inline constexpr std::size_t record_prefix_size = record_header_size + record_tag_size;

inline constexpr std::size_t hello_size = 128;
inline constexpr std::size_t evidence_header_size = 40;
inline constexpr std::size_t max_evidence_body = std::size_t{64} << 10;
inline constexpr std::size_t max_evidence_size = max_evidence_body - evidence_header_size;
inline constexpr std::size_t confirm_size = 32;

/// The most that one record of an established link carries.
inline constexpr std::size_t max_record_body = std::size_t{1} << 20;
/// Chunks of one message but the last are multiples of this, so that every chunk lands aligned.
inline constexpr std::size_t chunk_alignment = 64;
/// How a long message is best cut: while one chunk travels, the next is sealed.
inline constexpr std::size_t preferred_chunk = std::size_t{128} << 10;

inline constexpr std::size_t message_header_size = 64;
/// Header and payload of one message, all chunks together.
inline constexpr std::size_t max_message_size = std::size_t{16} << 20;
inline constexpr std::size_t max_payload_size = max_message_size - message_header_size;
inline constexpr std::size_t max_failure_text = 512;

/// How much one key may seal, per direction.
///
/// After `rekey_records` records or `rekey_bytes` bytes a rekey is due; at `last_records` the key
/// is exhausted and the session ends. For AES-GCM, 2^32 records of 2^16 blocks keep an attacker's
/// advantage below 2^-30 (NIST SP 800-38D §8, RFC 8446 §5.5); a rekey that comes 4096 times earlier
/// keeps it negligible. Tests use small numbers.
struct session_limits {
  std::uint64_t rekey_records = std::uint64_t{1} << 20;
  std::uint64_t rekey_bytes = std::uint64_t{64} << 30;
  std::uint64_t last_records = std::uint64_t{1} << 32;
};

}  // namespace enfilade
