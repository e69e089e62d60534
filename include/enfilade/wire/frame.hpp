// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/limits.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace enfilade {

/// What a record is for. The first three make a handshake, the others an established link.
enum class record_type : std::uint8_t {
  hello = 1,      ///< Version, suite, plan and ephemeral key; not sealed.
  evidence = 2,   ///< What a TEE signs about this end, or the statement that there is none.
  confirm = 3,    ///< Both ends derived the same keys from the same conversation.
  message = 4,    ///< A message of the pipeline, or a chunk of one.
  rekey = 5,      ///< What follows in this direction is sealed under the next key.
  heartbeat = 6,  ///< The sender is alive.
  close = 7,      ///< Nothing follows in this direction.
};

/// The message goes on in the next record.
inline constexpr std::uint8_t flag_more = 1;

/// The 16 bytes in front of every record: little-endian, authenticated, not encrypted.
struct record_header {
  std::uint32_t body_length = 0;
  record_type type = record_type::heartbeat;
  std::uint8_t flags = 0;
  std::uint64_t sequence = 0;

  friend bool operator==(const record_header&, const record_header&) = default;
};

/// Whether `header` may stand before a record: known flags, and a length that its type may have.
///
/// `errc::frame_too_large` above the bound of the type, `errc::frame_malformed` for anything else.
inline result<void> check(const record_header& header) noexcept {
  std::size_t least = 0;
  std::size_t most = 0;
  switch (header.type) {
    case record_type::hello:
      least = most = hello_size;
      break;
    case record_type::evidence:
      least = evidence_header_size;
      most = max_evidence_body;
      break;
    case record_type::confirm:
      least = most = confirm_size;
      break;
    case record_type::message:
      least = 1;
      most = max_record_body;
      break;
    case record_type::rekey:
    case record_type::heartbeat:
    case record_type::close:
      break;
    default:
      return errc::frame_malformed;
  }
  if (header.body_length > most) return errc::frame_too_large;
  if (header.body_length < least) return errc::frame_malformed;
  const bool more = header.flags == flag_more && header.type == record_type::message;
  if (header.flags != 0 && !more) return errc::frame_malformed;
  if (more && header.body_length % chunk_alignment != 0) return errc::frame_malformed;
  return {};
}

/// Writes `header`, which must pass `check`.
inline void encode(const record_header& header,
                   std::span<std::byte, record_header_size> out) noexcept {
  detail::store_le(out.data(), header.body_length);
  out[4] = static_cast<std::byte>(header.type);
  out[5] = static_cast<std::byte>(header.flags);
  detail::store_le(out.data() + 6, wire_version);
  detail::store_le(out.data() + 8, header.sequence);
}

/// Reads what came before a record. Errors as of `check`; `errc::frame_bad_version` where the type
/// is known but the version is not.
inline result<record_header> decode(std::span<const std::byte, record_header_size> in) noexcept {
  record_header header;
  header.body_length = detail::load_le<std::uint32_t>(in.data());
  header.type = static_cast<record_type>(in[4]);
  header.flags = std::to_integer<std::uint8_t>(in[5]);
  header.sequence = detail::load_le<std::uint64_t>(in.data() + 8);
  // The type first: bytes of some other protocol are not "another version" of this one.
  if (header.type < record_type::hello || header.type > record_type::close)
    return errc::frame_malformed;
  if (detail::load_le<std::uint16_t>(in.data() + 6) != wire_version) return errc::frame_bad_version;
  if (const result<void> fits = check(header); !fits) return fits.error();
  return header;
}

}  // namespace enfilade
