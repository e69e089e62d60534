// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace enfilade {

/// What the maker of a platform says about its machines, as files that an operator has fetched: the
/// library fetches nothing.
///
/// Nothing in it is trusted: whatever a verifier takes from here must lead to a pinned root and be
/// valid at the time of the verification. So it may come from anywhere, and a file that does not
/// belong to the evidence does no harm.
struct endorsements {
  endorsements() = default;

  /// DER: for SEV-SNP the VCEK or VLEK and its ASK, where the evidence does not bring them.
  std::vector<std::vector<std::byte>> certificates;
  /// DER: AMD's lists of revoked keys.
  std::vector<std::vector<std::byte>> revocation_lists;
  /// JSON: Intel's statements about a kind of processor, as `read_tdx_collateral` takes it; empty
  /// where there is none.
  std::string tdx_collateral;
};

}  // namespace enfilade
