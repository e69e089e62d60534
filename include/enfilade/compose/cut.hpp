// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/facts.hpp>
#include <enfilade/compose/inspect.hpp>
#include <enfilade/detail/nth.hpp>

#include <array>
#include <cstddef>
#include <type_traits>

namespace enfilade::detail {

/// One stage: the parts [`first_part`, `last_part`) and what they come to.
struct stage_facts {
  std::size_t first_part = 0;
  std::size_t last_part = 0;  ///< where it is not the number of parts, a relay stands there
  std::size_t first_layer = 0;
  std::size_t last_layer = 0;
  port input = port::tokens;
  port output = port::tokens;
  bool embeds = false;
  bool has_head = false;
  std::size_t foreign_parts = 0;  ///< parts from outside the library
};

template <std::size_t Parts>
constexpr std::size_t count_stages(const std::array<diagnose::inspected, Parts>& parts) {
  std::size_t relays = 0;
  for (const diagnose::inspected& each : parts) relays += each.facts.cuts ? 1 : 0;
  return relays + 1;
}

/// Cuts a list of parts at its relays. Defined for a list that breaks a rule, too, so that nothing
/// follows the error about that.
template <std::size_t Stages, std::size_t Parts>
constexpr std::array<stage_facts, Stages> cut(const std::array<diagnose::inspected, Parts>& parts) {
  std::array<stage_facts, Stages> stages{};
  std::size_t at = 0;
  std::size_t next_layer = 0;
  for (std::size_t i = 0; i != Parts; ++i) {
    const part_facts& facts = parts[i].facts;
    if (facts.cuts) {
      ++at;
      stages[at].first_part = i + 1;
      stages[at].last_part = i + 1;
      stages[at].first_layer = next_layer;
      stages[at].last_layer = next_layer;
      continue;
    }
    stage_facts& stage = stages[at];
    if (i == stage.first_part) stage.input = facts.takes;
    stage.last_part = i + 1;
    stage.output = facts.gives;
    const bool own = facts.name == "embed" || facts.name == "layers" || facts.name == "lm-head";
    stage.foreign_parts += own ? 0 : 1;
    stage.embeds = stage.embeds || facts.takes == port::tokens;
    stage.has_head = stage.has_head || facts.gives == port::logits;
    if (facts.runs_layers) next_layer = facts.last;
    stage.last_layer = next_layer;
  }
  return stages;
}

template <class... Parts>
inline constexpr std::size_t stage_count_of = count_stages(diagnose::all_facts<Parts...>);

template <class... Parts>
inline constexpr std::array<stage_facts, stage_count_of<Parts...>> stages_of =
    cut<stage_count_of<Parts...>>(diagnose::all_facts<Parts...>);

template <std::size_t I, class Door, class... Parts>
constexpr auto find_link() {
  if constexpr (I == 0) {
    return std::type_identity<Door>{};
  } else if constexpr (I < stage_count_of<Parts...>) {
    constexpr std::size_t relay = stages_of<Parts...>[I - 1].last_part;
    return std::type_identity<typename facts_of<nth<relay, Parts...>>::transport>{};
  } else {
    return std::type_identity<void>{};
  }
}

/// The transport on the left of stage I: of stage 0 the door, behind the last stage `void`.
template <std::size_t I, class Door, class... Parts>
using link_of = typename decltype(find_link<I, Door, Parts...>())::type;

}  // namespace enfilade::detail
