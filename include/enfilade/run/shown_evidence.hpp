// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace enfilade {

/// What a peer showed in a handshake, and when it was found good, if it was judged at all: enough for
/// somebody else to judge it again.
///
/// Public: nothing in it is a secret, and it proves nothing to whoever does not know for which
/// session `report_data` was made.
struct shown_evidence {
  shown_evidence() = default;

  std::uint16_t format = 0;                 ///< `A::format` of the peer's attester
  std::array<std::byte, 64> report_data{};  ///< of that handshake
  std::vector<std::byte> bytes;             ///< the evidence; at most 64 KiB
  std::chrono::sys_seconds judged_at{};  ///< by this end's clock; zero where nothing was demanded
};

}  // namespace enfilade
