// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/limits.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace enfilade {

/// What one stage showed to the stage above it, as that one tells it further up: an entry of a
/// `room_evidence` message.
///
///     u32 stage, u16 format, u16 zero, u64 judged_at, 64 bytes of report data, u32 size, evidence
///
/// The entries of a message stand one behind the other, of the nearest stage first. The evidence
/// can be judged again by whoever reads it. Which session it was made for, and when, is the word of
/// the stage above.
struct room_evidence {
  room_evidence() = default;

  std::uint32_t stage = 0;                  ///< who showed it: 1 for the stage below stage 0
  std::uint16_t format = 0;                 ///< `A::format` of its attester
  std::uint64_t judged_at = 0;              ///< Unix seconds, by the clock of the stage above
  std::array<std::byte, 64> report_data{};  ///< of the handshake in which it was shown
  std::vector<std::byte> evidence;          ///< not empty, at most `max_evidence_size`

  friend bool operator==(const room_evidence&, const room_evidence&) = default;
};

/// The last second of the year 9999, after which no certificate can be valid either.
inline constexpr std::uint64_t last_judged_at = 253'402'300'799;

/// Writes `room` behind what `payload` holds; `errc::frame_malformed` for one that no reader takes.
inline result<void> append(const room_evidence& room, std::vector<std::byte>& payload) {
  if (room.evidence.empty() || room.evidence.size() > max_evidence_size)
    return errc::frame_malformed;
  if (room.judged_at > last_judged_at) return errc::frame_malformed;
  std::array<std::byte, room_header_size> header{};
  detail::store_le(header.data(), room.stage);
  detail::store_le(header.data() + 4, room.format);
  detail::store_le(header.data() + 8, room.judged_at);
  std::memcpy(header.data() + 16, room.report_data.data(), room.report_data.size());
  detail::store_le(header.data() + 80, static_cast<std::uint32_t>(room.evidence.size()));
  payload.insert(payload.end(), header.begin(), header.end());
  payload.insert(payload.end(), room.evidence.begin(), room.evidence.end());
  return {};
}

/// Reads all of `payload`: entries of the stages `first`, `first` + 1, ..., as many as there are.
///
/// `errc::frame_malformed` for stages in another order, a reserved field that is not zero, evidence
/// that is empty or longer than a handshake allows, a time after the year 9999, and bytes that are
/// no whole entry; `errc::frame_too_large` for more than `max_rooms`.
inline result<std::vector<room_evidence>> read_rooms(std::span<const std::byte> payload,
                                                     std::uint32_t first) {
  std::vector<room_evidence> rooms;
  while (!payload.empty()) {
    if (rooms.size() == max_rooms) return errc::frame_too_large;
    if (payload.size() < room_header_size) return errc::frame_malformed;
    room_evidence room;
    room.stage = detail::load_le<std::uint32_t>(payload.data());
    if (room.stage != first + rooms.size()) return errc::frame_malformed;
    room.format = detail::load_le<std::uint16_t>(payload.data() + 4);
    if (detail::load_le<std::uint16_t>(payload.data() + 6) != 0) return errc::frame_malformed;
    room.judged_at = detail::load_le<std::uint64_t>(payload.data() + 8);
    if (room.judged_at > last_judged_at) return errc::frame_malformed;
    std::memcpy(room.report_data.data(), payload.data() + 16, room.report_data.size());
    const std::size_t size = detail::load_le<std::uint32_t>(payload.data() + 80);
    payload = payload.subspan(room_header_size);
    if (size == 0 || size > max_evidence_size || size > payload.size())
      return errc::frame_malformed;
    room.evidence.assign(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size));
    payload = payload.subspan(size);
    rooms.push_back(std::move(room));
  }
  return rooms;
}

}  // namespace enfilade
