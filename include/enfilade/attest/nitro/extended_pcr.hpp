// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <array>
#include <cstddef>

namespace enfilade {

/// What a register of a Nitro enclave holds that was zero and then extended once with `value`:
/// SHA-384 of 48 zero bytes and the value (AWS, "Nitro Enclaves: PCR").
///
/// What a verifier compares PCR16 and up with, for what `lock_registers` has put there. AWS computes
/// PCR3 and PCR4 in the same way, of the role's ARN and of the instance's id.
inline std::array<std::byte, 48> expected_pcr(detail::byte_span value) noexcept {
  constexpr std::array<std::byte, 48> zero{};
  return sha384(zero, value);
}

}  // namespace enfilade
