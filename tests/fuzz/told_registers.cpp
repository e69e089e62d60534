// SPDX-License-Identifier: Apache-2.0
//
// Contract: whatever is read is the only encoding of what it says.
#include <enfilade/attest/told_registers.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const auto bytes = std::as_bytes(std::span{data, size});
  const auto told = parse_told(bytes);
  if (!told) {
    fuzz::require(told.error().code == errc::attest_malformed);
    return 0;
  }
  fuzz::require(told->size() <= max_told_registers);
  const auto again = encode_told(*told);
  fuzz::require(again.has_value() && std::ranges::equal(*again, bytes));
  return 0;
}
