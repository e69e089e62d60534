// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/hash.hpp>
#include <enfilade/cipher/key.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>

namespace enfilade {

/// HKDF-Extract of RFC 5869 §2.2 with SHA-256: one uniform key out of a shared secret.
inline Key<32> hkdf_extract(std::span<const std::byte> salt,
                            std::span<const std::byte> input_key) noexcept {
  return hmac_sha256(salt, input_key);
}

namespace detail {

/// HKDF-Expand of RFC 5869 §2.3 with SHA-256, of an info that comes in parts. `out` holds at most
/// 255 * 32 bytes.
template <std::convertible_to<std::span<const std::byte>>... Info>
void hkdf_expand_into(std::span<const std::byte> key, std::span<std::byte> out,
                      const Info&... info) noexcept {
  Key<32> block;  // T(i)
  std::array<std::byte, 1> counter{};
  for (std::size_t at = 0; at < out.size(); at += 32) {
    const std::span<const std::byte> before = block.view().first(at == 0 ? 0 : 32);
    counter[0] = static_cast<std::byte>(at / 32 + 1);
    block = hmac_sha256(key, before, info..., counter);
    std::memcpy(out.data() + at, block.view().data(), std::min<std::size_t>(32, out.size() - at));
  }
}

}  // namespace detail

/// HKDF-Expand of RFC 5869 §2.3 with SHA-256: as many independent keys as there are labels.
template <std::size_t N>
requires(N <= 255 * 32) Key<N> hkdf_expand(std::span<const std::byte, 32> key,
                                           std::span<const std::byte> info)
noexcept {
  Key<N> out;
  detail::hkdf_expand_into(key, out.fill(), info);
  return out;
}

}  // namespace enfilade
