// SPDX-License-Identifier: Apache-2.0
//
// Contract: no input is a document of AWS. Under a root of its own choosing, with a chain whose
// signatures are all taken for good, an input is still refused by its last signature or before; the
// steps are all there, in their order, and exactly one of them failed.
#include <enfilade/attest/nitro/nitro_verifier.hpp>

#include "script.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;

void must_be_refused(const nitro_verification& found) {
  fuzz::require(!found.steps.accepted() && !found.claims.has_value());
  const std::vector<verdict_step>& steps = found.steps.steps();
  fuzz::require(steps.size() == 8 && steps.front().name == "size" &&
                steps.back().name == "signature");
  fuzz::require(std::ranges::count(steps, step_outcome::failed, &verdict_step::outcome) == 1);
  fuzz::require(!found.steps.failure()->reason.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto evidence = std::as_bytes(std::span{data, size});
  const std::chrono::sys_seconds now = std::chrono::sys_days{std::chrono::year{2024} / 6 / 1};
  must_be_refused(verify_nitro(evidence, now));

  const auto message = read_cose_sign1(evidence);
  if (!message) return 0;
  const auto document = read_nitro_document(message->payload);
  if (!document) return 0;
  const auto yes = [](const x509_certificate&, x509_algorithm, detail::byte_span,
                      detail::byte_span) -> judged<void> { return {}; };
  detail::nitro_verifier own{document->cabundle().front(), now, {.allow_debug = true}};
  must_be_refused(own.verify(evidence, yes));
  return 0;
}
