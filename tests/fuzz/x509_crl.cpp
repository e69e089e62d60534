// SPDX-License-Identifier: Apache-2.0
//
// Contract: reading a list of revoked certificates never throws and never leaves the bytes given;
// asking it for a number ends, and one that is read revokes no number that it does not hold.
#include <enfilade/attest/x509/x509_crl.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const auto der = std::as_bytes(std::span{data, size});
  const auto list = x509_crl::parse(der);
  if (!list) {
    const errc code = list.error().code;
    fuzz::require(code == errc::attest_malformed || code == errc::attest_unsupported_format);
    fuzz::require(!list.error().rule.empty());
    return 0;
  }
  fuzz::require(size <= x509_crl::max_size);
  fuzz::require(list->this_update() <= list->next_update());
  fuzz::require(!list->revokes({}));
  // No magnitude begins with a zero that another digit follows.
  const std::vector<std::byte> padded{std::byte{0}, std::byte{7}};
  fuzz::require(!list->revokes(padded));
  for (std::size_t at = 0; at + 3 <= der.size(); ++at) {
    const auto serial = der.subspan(at, 3);
    if (!list->revokes(serial)) continue;
    fuzz::require(serial.front() != std::byte{0});
    break;
  }
  return 0;
}
