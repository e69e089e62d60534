// SPDX-License-Identifier: Apache-2.0
//
// Contract: whatever is read is the only encoding of its parts.
#include <enfilade/attest/evidence_bundle.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const auto bytes = std::as_bytes(std::span{data, size});
  const auto bundle = evidence_bundle::parse(bytes);
  if (!bundle) {
    fuzz::require(bundle.error().code == errc::attest_malformed);
    return 0;
  }
  fuzz::require(bundle->certificates.size() <= evidence_bundle::max_certificates);
  const auto again = bundle->encode();
  fuzz::require(again.has_value() && std::ranges::equal(*again, bytes));
  return 0;
}
