// SPDX-License-Identifier: Apache-2.0
//
// Contract: whatever bytes are not refused as the body of an evidence record are exactly what its
// fields encode to; no evidence has no format and no receipt key.
#include <enfilade/wire/evidence.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const auto body = std::as_bytes(std::span{data, size});
  if (size > max_evidence_body) return 0;  // no record is longer
  const result<evidence> shown = decode_evidence(body);
  if (!shown) {
    fuzz::require(shown.error() == errc::frame_malformed);
    return 0;
  }
  fuzz::require(shown->bytes.size() == size - evidence_header_size);
  fuzz::require(shown->bytes.size() <= max_evidence_size);
  std::vector<std::byte> again(size);
  encode(*shown, again);
  fuzz::require(std::ranges::equal(body, again));
  if (shown->bytes.empty())
    fuzz::require(std::ranges::all_of(body, [](std::byte b) { return b == std::byte{0}; }));
  return 0;
}
