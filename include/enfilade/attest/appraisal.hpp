// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/endorsements.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>

#include <chrono>

namespace enfilade {

/// What a verifier is told besides the evidence. Nothing in it comes from the peer.
///
/// Who wants to know only whether evidence is genuine says the time and nothing else. What the
/// program should be is not said here: that is what `expectations` compare the claims with.
struct appraisal {
  appraisal() = default;
  explicit appraisal(std::chrono::sys_seconds at) : now(at) {}
  appraisal(std::chrono::sys_seconds at, const endorsements& files, known_signatures* memory,
            bool debug)
      : now(at), given(&files), known(memory), allow_debug(debug) {}

  /// As of when everything must be valid. Verifiers ask no clock: without a time, evidence with
  /// dates in it is not valid yet.
  std::chrono::sys_seconds now{};
  const endorsements* given = nullptr;  ///< what an operator has fetched; null: nothing
  known_signatures* known = nullptr;    ///< remembers authorities; null: computes them each time
  bool allow_debug = false;             ///< accept a TEE whose host can look inside
};

}  // namespace enfilade
