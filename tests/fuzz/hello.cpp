// SPDX-License-Identifier: Apache-2.0
//
// Contract: whatever 128 bytes are not refused as a hello are exactly what its fields encode to; two
// ends fit only where they are opposite ends of one link of one plan with one cipher.
#include <enfilade/wire/hello.hpp>

#include "script.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  if (size < hello_size) return 0;
  const auto in = std::as_bytes(std::span{data, size}).first<hello_size>();
  const result<hello> said = decode(in);
  if (!said) {
    fuzz::require(said.error() == errc::frame_malformed || said.error() == errc::frame_bad_version);
    return 0;
  }
  std::array<std::byte, hello_size> again{};
  encode(*said, again);
  fuzz::require(std::ranges::equal(in, again));
  fuzz::require(mismatch(*said, *said) == errc::plan_role_mismatch);  // nobody meets himself

  // The fuzzer changes the one that would fit.
  hello other = *said;
  other.end = opposite(said->end);
  fuzz::script changes{data + hello_size, size - hello_size};
  while (!changes.empty()) {
    std::array<std::byte, hello_size> altered{};
    encode(other, altered);
    altered[changes.below(hello_size)] ^= static_cast<std::byte>(changes.byte());
    const result<hello> changed = decode(altered);
    if (changed) other = *changed;
  }
  const bool fits = other.end != said->end && other.suite == said->suite &&
                    other.link == said->link && other.plan == said->plan &&
                    (other.sends_evidence || !said->demands_evidence) &&
                    (said->sends_evidence || !other.demands_evidence);
  fuzz::require(fits == !mismatch(*said, other) && fits == !mismatch(other, *said));
  return 0;
}
