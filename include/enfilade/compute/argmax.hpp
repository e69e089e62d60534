// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace enfilade {

/// The index of the largest score; of several equal ones the first. `scores` must not be empty.
///
/// "The first wins" makes greedy decoding a function of the logits' bits, on every stage count.
inline std::size_t argmax(std::span<const float> scores) noexcept {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

}  // namespace enfilade
