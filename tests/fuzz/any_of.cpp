// SPDX-License-Identifier: Apache-2.0
//
// Contract: evidence of a fleet, whatever it is, is refused with a rule and an error of attestation:
// the keys that sign it are not here. What looks like a report or a quote is about this session, so
// that what comes behind that question is reached.
#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/nitro/nitro.hpp>
#include <enfilade/attest/snp/snp.hpp>
#include <enfilade/attest/tdx/tdx.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "script.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  using Fleet = AnyOf<Nitro, SevSnp, Tdx>;
  const auto input = std::as_bytes(std::span{data, size});
  std::vector<std::byte> evidence(input.begin(), input.end());
  const std::array<std::byte, 64> session{};
  if (size > 2) {
    const std::size_t at = input[0] == std::byte{2} ? 0x50 : 48 + 520;  // SNP; TDX, version 4
    const auto bundle = evidence_bundle::parse(std::span{evidence}.subspan(2));
    if (bundle && bundle->report.size() >= at + 64) {
      const auto before = bundle->report.data() - evidence.data();
      std::ranges::copy(bound_report_data(session, bundle->told),
                        evidence.begin() + before + static_cast<std::ptrdiff_t>(at));
    }
  }
  appraisal terms{std::chrono::sys_days{std::chrono::year{2024} / 6 / 10}};
  terms.allow_debug = true;
  const auto found = Fleet::verify(evidence, session, terms);
  fuzz::require(!found);
  const auto code = static_cast<int>(found.error().code);
  fuzz::require(!found.error().rule.empty() && code > 500 && code < 600);
  return 0;
}
