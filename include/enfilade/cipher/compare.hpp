// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace enfilade {

/// Whether two byte strings are the same, in a time that depends on their lengths only.
///
/// For tags, digests and everything else whose first differing byte an attacker must not learn.
/// Lengths are taken to be public.
inline bool equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  if (a.size() != b.size()) return false;
  // volatile: the compiler may not notice that the answer is known after the first difference.
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i != a.size(); ++i)
    difference = static_cast<unsigned char>(difference | std::to_integer<unsigned>(a[i] ^ b[i]));
  return difference == 0;
}

}  // namespace enfilade
