// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/nitro/nitro_verifier.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>

namespace enfilade {

/// A genuine Nitro document in the words of all platforms; what the program told in its user data is
/// not among them, and when it was judged is for the caller to add.
///
/// | claim         | of a document                                                                  |
/// |---------------|--------------------------------------------------------------------------------|
/// | `values`      | `pcr0` to `pcr2`; `pcr8` (signer of the image) and `pcr16` to `pcr31`          |
/// | `place`       | `pcr3` (role of the instance) and `pcr4` (instance); `module`, SHA-256 of its id |
/// | `permissions` | `debug`                                                                        |
///
/// Registers above `pcr2` are there where they are not all zero, which is how they come into being:
/// zeros say that nobody measured. PCR5 to PCR7 and PCR9 to PCR15 have no meaning yet.
inline claims to_claims(const nitro_claims& found) {
  const auto is_zero = [](const Measurement& value) {
    return std::ranges::all_of(value.bytes(), [](std::byte b) { return b == std::byte{0}; });
  };
  claims out{"nitro", {}};
  for (std::size_t i = 0; i != found.pcrs.size(); ++i) {
    const bool of_place = i == 3 || i == 4;
    if (!of_place && i > 2 && i != 8 && i < 16) continue;
    if (i > 2 && is_zero(found.pcrs[i])) continue;  // an absent one has no bytes, all of them zero
    (of_place ? out.place : out.values).emplace_back("pcr" + std::to_string(i), found.pcrs[i]);
  }
  out.place.emplace_back("module", Measurement{sha256(detail::bytes_of(found.module_id))});
  out.says("debug", found.debug);
  out.made_at = std::chrono::floor<std::chrono::seconds>(found.made_at);
  out.valid_until = found.valid_until;
  return out;
}

}  // namespace enfilade
