// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/limits.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace enfilade {

/// The body of an evidence record: what a TEE signed, the format that says which kind of TEE, and
/// the key with which this end will sign receipts (zeros where it signs none).
///
/// `bytes` views the record; an end that attests nothing sends none, format 0 and no receipt key.
struct evidence {
  std::uint16_t format = 0;
  std::array<std::byte, 32> receipt_key{};
  std::span<const std::byte> bytes;
};

/// Writes the body of an evidence record: `evidence_header_size + e.bytes.size()` bytes, and
/// `e.bytes` has at most `max_evidence_size`.
inline void encode(const evidence& e, std::span<std::byte> body) noexcept {
  detail::store_le(body.data(), e.format);
  detail::store_le(body.data() + 2, std::uint16_t{0});
  detail::store_le(body.data() + 4, static_cast<std::uint32_t>(e.bytes.size()));
  std::memcpy(body.data() + 8, e.receipt_key.data(), e.receipt_key.size());
  std::ranges::copy(e.bytes, body.begin() + evidence_header_size);
}

/// Reads the body of an evidence record; `errc::frame_malformed` where a length or a reserved field
/// is not as it must be. `bytes` of the result views `body`.
inline result<evidence> decode_evidence(std::span<const std::byte> body) noexcept {
  if (body.size() < evidence_header_size) return errc::frame_malformed;
  evidence e;
  e.format = detail::load_le<std::uint16_t>(body.data());
  std::memcpy(e.receipt_key.data(), body.data() + 8, e.receipt_key.size());
  e.bytes = body.subspan(evidence_header_size);
  if (detail::load_le<std::uint16_t>(body.data() + 2) != 0) return errc::frame_malformed;
  if (detail::load_le<std::uint32_t>(body.data() + 4) != e.bytes.size())
    return errc::frame_malformed;
  const bool has_key =
      std::ranges::any_of(e.receipt_key, [](std::byte b) { return b != std::byte{0}; });
  // A receipt key that no TEE vouches for would look like one that a TEE does.
  if (e.bytes.empty() && (e.format != 0 || has_key)) return errc::frame_malformed;
  return e;
}

}  // namespace enfilade
