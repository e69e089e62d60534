// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <array>
#include <cstddef>
#include <span>

namespace enfilade {

/// What a run-time register of a TD holds that held `before` and was extended with `digest`: SHA-384
/// of both (Intel TDX Module ABI, TDG.MR.RTMR.EXTEND).
inline std::array<std::byte, 48> extended_rtmr(std::span<const std::byte, 48> before,
                                               std::span<const std::byte, 48> digest) noexcept {
  return sha384(before, digest);
}

/// What a run-time register of a TD holds that was zero and then extended with the SHA-384 of each
/// value, in this order. What a verifier compares RTMR3 with, for what `lock_registers` put there.
inline std::array<std::byte, 48> expected_rtmr(std::span<const detail::byte_span> values) noexcept {
  std::array<std::byte, 48> held{};
  for (const detail::byte_span value : values) held = extended_rtmr(held, sha384(value));
  return held;
}

}  // namespace enfilade
