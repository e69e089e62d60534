// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string.h>  // explicit_bzero

#include <cstddef>
#include <span>

namespace enfilade {

/// Overwrites `memory` with zeros in a way that no optimiser removes.
inline void wipe(std::span<std::byte> memory) noexcept {
  if (!memory.empty()) ::explicit_bzero(memory.data(), memory.size());
}

}  // namespace enfilade
