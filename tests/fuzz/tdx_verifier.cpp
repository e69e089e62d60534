// SPDX-License-Identifier: Apache-2.0
//
// Contract: no input is a quote of Intel's. Under a root of its own choosing, with the signatures of
// certificates and collateral taken for good, what is accepted is signed by a key that the quoting
// enclave's report names; the steps are all there, in their order, and at most one of them failed.
// The input is the size of a quote, the quote, and collateral.
#include <enfilade/attest/tdx/tdx_collateral.hpp>
#include <enfilade/attest/tdx/tdx_verifier.hpp>

#include "script.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;

void check(const tdx_verification& found) {
  const std::vector<verdict_step>& steps = found.steps.steps();
  fuzz::require(steps.size() == 14 && steps.front().name == "size" && steps.back().name == "tcb");
  const auto failed = std::ranges::count(steps, step_outcome::failed, &verdict_step::outcome);
  fuzz::require(failed == (found.claims ? 0 : 1));
  fuzz::require(found.claims.has_value() == found.steps.accepted());
  if (failed != 0) fuzz::require(!found.steps.failure()->reason.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t quote_size = std::min<std::size_t>(data[0] + 256U * data[1], size - 2);
  const auto evidence = std::as_bytes(std::span{data + 2, quote_size});
  const std::string_view rest{reinterpret_cast<const char*>(data) + 2 + quote_size,
                              size - 2 - quote_size};
  const auto read = read_tdx_collateral(rest);
  const tdx_endorsements* given = read ? &*read : nullptr;
  const std::chrono::sys_seconds now = std::chrono::sys_days{std::chrono::year{2024} / 6 / 15};
  const tdx_options options{.allow_debug = true, .allow_migration = true};
  for (const auto* with : {static_cast<const tdx_endorsements*>(nullptr), given}) {
    const auto found = verify_tdx(evidence, with, now, options);
    check(found);
    fuzz::require(!found.claims);
  }

  const auto quote = read_tdx_quote(evidence);
  if (!quote) return 0;
  const auto certificates = read_pem(quote->certificates, pem_label::certificate);
  if (!certificates) return 0;
  const auto yes = [](const x509_certificate&, x509_algorithm, detail::byte_span,
                      detail::byte_span) -> judged<void> { return {}; };
  const auto found =
      detail::tdx_verifier{certificates->back(), given, now, options}.verify(evidence, yes);
  check(found);
  if (!found.claims) return 0;
  const tdx_claims& claims = *found.claims;
  fuzz::require(std::ranges::equal(claims.mrtd.bytes(), quote->mrtd));
  fuzz::require(std::ranges::equal(claims.report_data, quote->report_data));
  fuzz::require((claims.strength == tdx_strength::collateral) == (given != nullptr));
  fuzz::require(claims.valid_until >= now);
  const auto key = curve_point<P256>::from_coordinates(quote->attestation_key.first<32>(),
                                                       quote->attestation_key.last<32>());
  fuzz::require(key && verify_signature(*key, quote->signed_part, quote->signature.first<64>()));
  fuzz::require(std::ranges::equal(sha256(quote->attestation_key, quote->qe_authentication),
                                   quote->qe.report_data.first<32>()));
  return 0;
}
