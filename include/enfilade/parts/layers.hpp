// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/facts.hpp>

#include <cstddef>

namespace enfilade {

/// The half-open run of the model's blocks [`First`, `Last`).
///
/// Model of `part`: hidden states in, hidden states out.
template <std::size_t First, std::size_t Last>
struct Layers {};

template <std::size_t First, std::size_t Last>
struct facts_of<Layers<First, Last>> {
  static constexpr part_facts value{
      .name = "layers", .runs_layers = true, .first = First, .last = Last};
};

static_assert(part<Layers<0, 1>>);

}  // namespace enfilade
