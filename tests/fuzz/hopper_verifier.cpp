// SPDX-License-Identifier: Apache-2.0
//
// Contract: no input is a report of NVIDIA's. With a nonce and a root of its own choosing and a chain
// whose signatures are all taken for good, an input is still refused by its last signature or before;
// the steps are all there, in their order, and exactly one of them failed.
//
// The input is a list of certificates, each behind two bytes of length, the root last; behind a
// length of zero stands the report.
#include <enfilade/attest/nvidia/hopper_verifier.hpp>

#include "script.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;

void must_be_refused(const hopper_verification& found) {
  fuzz::require(!found.steps.accepted() && !found.claims.has_value());
  const std::vector<verdict_step>& steps = found.steps.steps();
  fuzz::require(steps.size() == 8 && steps.front().name == "size" &&
                steps.back().name == "measurements");
  fuzz::require(std::ranges::count(steps, step_outcome::failed, &verdict_step::outcome) == 1);
  fuzz::require(!found.steps.failure()->reason.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detail::byte_span rest = std::as_bytes(std::span{data, size});
  const std::chrono::sys_seconds now = std::chrono::sys_days{std::chrono::year{2024} / 6 / 1};
  std::vector<detail::byte_span> certificates;
  while (rest.size() >= 2) {
    const std::size_t length = detail::load_le<std::uint16_t>(rest.data());
    rest = rest.subspan(2);
    if (length == 0 || length > rest.size() || certificates.size() == 8) break;
    certificates.push_back(rest.first(length));
    rest = rest.subspan(length);
  }
  std::array<std::byte, 32> nonce{};
  if (rest.size() >= 36) std::ranges::copy(rest.subspan(4, 32), nonce.begin());
  must_be_refused(verify_hopper(rest, certificates, nonce, now));

  if (certificates.size() < 2) return 0;
  const auto kind = x509_certificate::parse(certificates[certificates.size() - 2]);
  const auto yes = [](const x509_certificate&, x509_algorithm, detail::byte_span,
                      detail::byte_span) -> judged<void> { return {}; };
  const detail::byte_span name = kind ? kind->subject() : nvidia_gh100_name();
  must_be_refused(detail::hopper_verifier{certificates.back(), name, now}.verify(rest, certificates,
                                                                                 nonce, yes));

  if (const auto leaf = x509_certificate::parse(certificates.front()))
    if (const auto id = leaf->extension(detail::composite_device_id))
      static_cast<void>(detail::read_firmware_id(*id));
  return 0;
}
