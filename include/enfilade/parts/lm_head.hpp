// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/facts.hpp>

namespace enfilade {

/// Hidden states become logits: the final norm and the product with the vocabulary.
///
/// Model of `part`. It can only stand last.
struct LmHead {};

template <>
struct facts_of<LmHead> {
  static constexpr part_facts value{.name = "lm-head", .gives = port::logits};
};

static_assert(part<LmHead>);

}  // namespace enfilade
