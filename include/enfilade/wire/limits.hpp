// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// A program that wants other bounds defines these macros, alike in both ends of its links: smaller
// ones for an enclave with little memory, larger ones for larger activations.
#ifndef ENFILADE_MAX_EVIDENCE_BODY
#define ENFILADE_MAX_EVIDENCE_BODY (64u << 10)
#endif
#ifndef ENFILADE_MAX_RECORD_BODY
#define ENFILADE_MAX_RECORD_BODY (1u << 20)
#endif
#ifndef ENFILADE_MAX_MESSAGE_SIZE
#define ENFILADE_MAX_MESSAGE_SIZE (16u << 20)
#endif

namespace enfilade {

// Sizes and bounds of efl/1. Every length that a peer names is compared with one of these before
// anything is allocated or read for it. docs/design/wire_format.md explains each.

inline constexpr std::uint16_t wire_version = 1;

inline constexpr std::size_t record_header_size = 16;
inline constexpr std::size_t record_tag_size = 16;
inline constexpr std::size_t record_prefix_size = record_header_size + record_tag_size;

inline constexpr std::size_t hello_size = 128;
inline constexpr std::size_t evidence_header_size = 40;
inline constexpr std::size_t max_evidence_body = ENFILADE_MAX_EVIDENCE_BODY;
inline constexpr std::size_t max_evidence_size = max_evidence_body - evidence_header_size;
inline constexpr std::size_t confirm_size = 32;

/// The most that one record of an established link carries.
inline constexpr std::size_t max_record_body = ENFILADE_MAX_RECORD_BODY;
/// Chunks of one message but the last are multiples of this, so that every chunk lands aligned.
inline constexpr std::size_t chunk_alignment = 64;
/// How a long message is best cut: while one chunk travels, the next is sealed.
inline constexpr std::size_t preferred_chunk = std::size_t{128} << 10;
/// A message of at least two of these is cut in halves where `preferred_chunk` does not cut it.
inline constexpr std::size_t least_chunk = std::size_t{32} << 10;

inline constexpr std::size_t message_header_size = 64;
/// Header and payload of one message, all chunks together.
inline constexpr std::size_t max_message_size = ENFILADE_MAX_MESSAGE_SIZE;
inline constexpr std::size_t max_payload_size = max_message_size - message_header_size;
inline constexpr std::size_t max_failure_text = 512;
/// Stages that one `room_evidence` tells of, and what stands before the evidence of each.
inline constexpr std::size_t max_rooms = 64;
inline constexpr std::size_t room_header_size = 84;
inline constexpr std::size_t max_rooms_size = max_rooms * (room_header_size + max_evidence_size);

static_assert(max_evidence_body > evidence_header_size);
static_assert(least_chunk % chunk_alignment == 0 && preferred_chunk % chunk_alignment == 0);
static_assert(max_record_body >= preferred_chunk && max_record_body % chunk_alignment == 0);
static_assert(max_message_size >= max_record_body && max_message_size < (std::uint64_t{1} << 32));

/// How much one key may seal and how old it may get, per direction.
///
/// At `rekey_*` a rekey is due: the sender's next record is one. At `last_*` the key is exhausted:
/// the session ends rather than repeat a nonce, and both ends count, so that neither depends on the
/// other's counting. For AES-GCM, 2^32 records of 2^16 blocks keep an attacker's advantage below
/// 2^-30 (NIST SP 800-38D §8, RFC 8446 §5.5); a rekey that comes 4096 times earlier keeps it
/// negligible. The ages are WireGuard's: a stolen key opens two minutes of traffic, and a record
/// that somebody held back for longer than `last_age` is refused. Tests use small numbers.
struct session_limits {
  std::uint64_t rekey_records = std::uint64_t{1} << 20;
  std::uint64_t rekey_bytes = std::uint64_t{64} << 30;
  std::chrono::nanoseconds rekey_age = std::chrono::seconds{120};
  std::uint64_t last_records = std::uint64_t{1} << 32;
  std::uint64_t last_bytes = std::uint64_t{128} << 30;
  std::chrono::nanoseconds last_age = std::chrono::seconds{180};
};

}  // namespace enfilade
