// SPDX-License-Identifier: Apache-2.0
//
// Contract: with signatures taken for granted, which no fuzzer can make, a chain that is accepted
// still follows every other rule: it begins with a leaf, ends with the root that was pinned, and
// each certificate between was allowed to sign the one before it. The input is an order, a time of
// day, and certificates with their sizes before them; the first is the root.
#include <enfilade/attest/x509/x509_chain.hpp>

#include "script.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;

struct taken_for_granted {
  judged<void> operator()(const x509_certificate&, x509_algorithm, detail::byte_span,
                          detail::byte_span) const {
    return {};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::script input{data, size};
  const auto order = input.byte() % 2 == 0 ? x509_order::leaf_first : x509_order::root_first;
  const std::chrono::sys_seconds now{std::chrono::hours{input.below(65536) * 24}};
  std::vector<std::vector<std::byte>> certificates;
  while (!input.empty() && certificates.size() != 9) certificates.push_back(input.bytes(4096));
  if (certificates.empty()) return 0;
  const auto root = x509_certificate::parse(certificates.front());
  if (!root) return 0;
  const std::vector<detail::byte_span> views(certificates.begin(), certificates.end());
  for (const std::size_t first : {0U, 1U}) {
    const auto given = std::span{views}.subspan(first);
    const auto chain = x509_chain::verify(given, order, *root, now, taken_for_granted{});
    if (!chain) {
      fuzz::require(!chain.error().rule.empty());
      continue;
    }
    fuzz::require(chain->size() >= 2 && chain->size() <= x509_chain::max_size);
    fuzz::require(chain->root().der().data() == root->der().data());
    fuzz::require(!chain->leaf().is_authority());
    for (std::size_t i = 0; i != chain->size(); ++i) {
      const auto& one = (*chain)[i];
      fuzz::require(one.not_before() <= now && now <= one.not_after());
      if (i == 0) continue;
      fuzz::require(one.is_authority() && one.may(x509_usage::certificate_signing));
      fuzz::require(one.path_length().value_or(9) >= i - 1);
      fuzz::require(std::ranges::equal((*chain)[i - 1].issuer(), one.subject()));
    }
  }
  return 0;
}
