// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/shown_evidence.hpp>
#include <enfilade/wire/room_evidence.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace enfilade {

/// What came of a question about the rooms below a stage: the payload of a `room_evidence`, or why
/// there is none.
class told_rooms {
 public:
  /// Neither: there was no memory for it.
  told_rooms() = default;
  explicit told_rooms(std::vector<std::byte> entries)
      : payload(std::make_shared<const std::vector<std::byte>>(std::move(entries))) {}
  told_rooms(failure why, std::size_t at) : failed(std::move(why)), stage(at) {}

  std::shared_ptr<const std::vector<std::byte>> payload;  ///< shared by all who asked
  std::optional<failure> failed;
  std::size_t stage = 0;  ///< where it failed
};

/// The entry of stage `index`, which has shown `shown` to the stage above it.
inline room_evidence room_of(std::size_t index, const shown_evidence& shown) {
  room_evidence room;
  room.stage = static_cast<std::uint32_t>(index);
  room.format = shown.format;
  const std::chrono::seconds since_1970 = shown.judged_at.time_since_epoch();
  room.judged_at = static_cast<std::uint64_t>(std::max(since_1970, std::chrono::seconds{}).count());
  room.report_data = shown.report_data;
  room.evidence = shown.bytes;
  return room;
}

}  // namespace enfilade
