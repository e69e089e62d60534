// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/facts.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace enfilade::diagnose {

/// The rules that a list of parts can break. `holds` is the success case.
enum class rule {
  holds,
  layers_gap,
  relay_without_peer,
  lm_head_missing,
  layers_overlap,
  embed_misplaced,
  layers_empty,
  not_a_part,
  body_misfit,
  lm_head_misplaced,
  pipeline_empty,
  name_not_plain,
};

/// Which rule is broken, and by which parts: their places in the list.
struct verdict {
  rule broken = rule::holds;
  std::size_t left = 0;
  std::size_t right = 0;
};

/// Whether a name can stand in the plan: one word of a-z, 0-9, '-', '_' and '.'.
constexpr bool plain(std::string_view name) {
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
      return false;
  return !name.empty();
}

/// A part's facts, or that it has none.
struct inspected {
  bool is_part = false;
  part_facts facts{};
};

template <class Part>
constexpr inspected look_at() {
  if constexpr (part<Part>)
    return {true, facts_of<Part>::value};
  else
    return {};
}

template <class... Parts>
inline constexpr std::array<inspected, sizeof...(Parts)> all_facts{look_at<Parts>()...};

/// The one walk over a pipeline, left to right, that finds the first broken rule.
template <std::size_t Count>
constexpr verdict inspect(const std::array<inspected, Count>& parts) {
  if constexpr (Count == 0) {
    return {rule::pipeline_empty};
  } else {
    port flowing = port::tokens;
    std::size_t next_layer = 0;
    std::size_t ran_before = Count;  // the last part that ran layers; Count: none did
    for (std::size_t i = 0; i != Count; ++i) {
      if (!parts[i].is_part) return {rule::not_a_part, i, i};
      const part_facts& facts = parts[i].facts;
      if (!plain(facts.name) || (facts.cuts && !plain(facts.carrier)))
        return {rule::name_not_plain, i, i};
      if (!facts.body_fits) return {rule::body_misfit, i, i};
      if (facts.runs_layers && facts.first >= facts.last) return {rule::layers_empty, i, i};
      if (facts.cuts && (i == 0 || i + 1 == Count || parts[i - 1].facts.cuts))
        return {rule::relay_without_peer, i, i};
      if ((i == 0) != (facts.takes == port::tokens)) return {rule::embed_misplaced, i, i};
      if (i != 0 && facts.takes != flowing)
        return {flowing == port::hidden ? rule::lm_head_missing : rule::lm_head_misplaced, i - 1,
                i};
      if (facts.runs_layers) {
        const bool gap = facts.first > next_layer;
        if (facts.first != next_layer)
          return {gap ? rule::layers_gap : rule::layers_overlap, ran_before, i};
        next_layer = facts.last;
        ran_before = i;
      }
      flowing = facts.gives;
    }
    if (flowing == port::hidden) return {rule::lm_head_missing, Count - 1, Count - 1};
    return {};
  }
}

template <class... Parts>
inline constexpr verdict verdict_of = inspect(all_facts<Parts...>);

template <class... Parts>
inline constexpr rule broken_by = verdict_of<Parts...>.broken;

}  // namespace enfilade::diagnose
