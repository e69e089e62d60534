// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/wire/link_end.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace enfilade {

/// What one end of a link is, and what it asks of the other: the input of a `handshake`.
struct handshake_parameters {
  link_end end = link_end::upstream;

  /// SHA-256 of the deployment's plan; both ends must have the same.
  std::array<std::byte, 32> plan{};

  /// Which link of the pipeline: 0 joins client and stage 0, i joins stage i - 1 and stage i.
  std::uint32_t link = 0;

  bool sends_evidence = false;
  bool demands_evidence = false;

  /// The key with which this end signs receipts, attested with it; zeros where it signs none.
  std::array<std::byte, 32> receipt_key{};
};

}  // namespace enfilade
