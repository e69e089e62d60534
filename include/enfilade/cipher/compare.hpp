// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

// tests/constant_time/ watches where secrets go and has to be told that an answer is public.
#ifndef ENFILADE_PUBLISH
#define ENFILADE_PUBLISH(answer) (answer)
#endif

namespace enfilade {

/// Whether two byte strings are the same, in a time that depends on their lengths only.
///
/// For tags, digests and everything else whose first differing byte an attacker must not learn.
/// Lengths are taken to be public, and so is the answer.
inline bool equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  if (a.size() != b.size()) return false;
  // volatile: the compiler may not notice that the answer is known after the first difference.
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i != a.size(); ++i)
    difference = static_cast<unsigned char>(difference | std::to_integer<unsigned>(a[i] ^ b[i]));
  return ENFILADE_PUBLISH(difference == 0);
}

}  // namespace enfilade
