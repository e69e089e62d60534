// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/nvidia/hopper_verifier.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

namespace enfilade {

/// A genuine report of a Hopper GPU in the words of all platforms; when it was judged is for the
/// caller to add.
///
/// | claim    | of a report                                                                         |
/// |----------|-------------------------------------------------------------------------------------|
/// | `values` | `m1` to `m64` where not zero, which means "not used"; `firmware_id`                 |
/// | `place`  | `chip_serial`                                                                       |
inline claims to_claims(const hopper_claims& found) {
  claims out{"nvidia-hopper", {}};
  for (std::size_t i = 0; i != found.measurements.size(); ++i) {
    const auto bytes = found.measurements[i].bytes();
    const bool used = std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{0}; });
    if (used) out.values.emplace_back("m" + std::to_string(i + 1), found.measurements[i]);
  }
  out.values.emplace_back("firmware_id", found.firmware_id);
  out.place.emplace_back("chip_serial", found.chip_serial);
  out.valid_until = found.valid_until;
  return out;
}

}  // namespace enfilade
