// SPDX-License-Identifier: Apache-2.0
//
// Contract: whatever bytes are not refused as the payload of a `room_evidence` are exactly what
// their entries are written as; entries are few, in order, and none is longer than a handshake
// allows. The first byte is the stage that must come first.
#include <enfilade/wire/room_evidence.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  if (size == 0 || size > max_rooms_size) return 0;  // no message is longer
  const auto payload = std::as_bytes(std::span{data, size}).subspan(1);
  const std::uint32_t first = data[0];
  const auto rooms = read_rooms(payload, first);
  if (!rooms) {
    fuzz::require(rooms.error() == errc::frame_malformed || rooms.error() == errc::frame_too_large);
    return 0;
  }
  fuzz::require(rooms->size() <= max_rooms);
  std::vector<std::byte> again;
  std::uint32_t stage = first;
  for (const room_evidence& room : *rooms) {
    fuzz::require(room.stage == stage++);
    fuzz::require(!room.evidence.empty() && room.evidence.size() <= max_evidence_size);
    fuzz::require(append(room, again).has_value());
  }
  fuzz::require(std::ranges::equal(payload, again));
  return 0;
}
