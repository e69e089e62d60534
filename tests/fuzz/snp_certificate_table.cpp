// SPDX-License-Identifier: Apache-2.0
//
// Contract: no table of a host makes the reader throw or read past it. Each certificate that is found
// is not empty, lies inside the table and behind an entry; what is refused is malformed by a rule.
#include <enfilade/attest/device/snp_certificate_table.hpp>

#include "script.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const auto table = std::as_bytes(std::span{data, size});
  const auto read = read_snp_certificate_table(table);
  if (!read) {
    fuzz::require(read.error().code == errc::attest_malformed && !read.error().rule.empty());
    return 0;
  }
  for (const detail::byte_span found : {read->vcek, read->vlek, read->ask, read->ark, read->crl}) {
    if (found.empty()) continue;
    fuzz::require(found.data() >= table.data() + 24);
    fuzz::require(found.size() <= size && found.data() <= table.data() + (size - found.size()));
  }
  return 0;
}
