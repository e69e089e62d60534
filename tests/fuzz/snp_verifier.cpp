// SPDX-License-Identifier: Apache-2.0
//
// Contract: no input is a report of AMD's. Under roots of its own choosing, with certificates and
// lists whose signatures are all taken for good, an input is still refused by its last signature or
// before; the steps are all there, in their order, and exactly one of them failed.
#include <enfilade/attest/snp/snp_verifier.hpp>

#include "script.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;

void must_be_refused(const snp_verification& found) {
  fuzz::require(!found.steps.accepted() && !found.claims.has_value());
  const std::vector<verdict_step>& steps = found.steps.steps();
  fuzz::require(steps.size() == 12 && steps.front().name == "size" &&
                steps.back().name == "signature");
  fuzz::require(std::ranges::count(steps, step_outcome::failed, &verdict_step::outcome) == 1);
  fuzz::require(!found.steps.failure()->reason.empty());
}

}  // namespace

// The report, then what is given with it: each time two bytes, of which the upper four bits are 0 for a
// certificate and the others its length, and so many bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span{data, size});
  const auto report = input.first(std::min(size, snp_report::size));
  std::vector<detail::byte_span> certificates;
  std::vector<detail::byte_span> lists;
  for (auto rest = input.subspan(report.size()); rest.size() >= 2;) {
    const auto head = std::to_integer<unsigned>(rest[0]) << 8 | std::to_integer<unsigned>(rest[1]);
    const auto one = rest.subspan(2, std::min<std::size_t>(rest.size() - 2, head & 0xFFF));
    (head >> 12 == 0 ? certificates : lists).push_back(one);
    rest = rest.subspan(2 + one.size());
  }
  const snp_endorsements given{certificates, lists};
  const std::chrono::sys_seconds now = std::chrono::sys_days{std::chrono::year{2024} / 6 / 10};
  must_be_refused(verify_snp(report, given, now));

  detail::snp_root_set roots = detail::amd_roots();
  for (const detail::byte_span der : certificates) {
    const auto one = x509_certificate::parse(der);
    if (one && one->is_self_issued()) roots.fill(der);
  }
  const auto yes = [](const x509_certificate&, x509_algorithm, detail::byte_span,
                      detail::byte_span) -> judged<void> { return {}; };
  const snp_options lenient{.allow_debug = true, .allow_migration = true};
  must_be_refused(detail::snp_verifier{roots, now, lenient}.verify(report, given, yes));
  return 0;
}
