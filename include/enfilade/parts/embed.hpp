// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/facts.hpp>
#include <enfilade/parts/layers.hpp>

namespace enfilade {

/// Token ids become hidden states, which then run through `Body`, a `Layers<...>`.
///
/// Model of `part`: tokens in, hidden states out. It can only stand first.
template <class Body>
struct Embed {};

template <class Body>
struct facts_of<Embed<Body>> {
  static constexpr part_facts value{.name = "embed", .takes = port::tokens, .body_fits = false};
};

template <part Body>
struct facts_of<Embed<Body>> {
  static constexpr const part_facts& body = facts_of<Body>::value;
  static constexpr part_facts value{
      .name = "embed",
      .takes = port::tokens,
      .runs_layers = true,
      .first = body.first,
      .last = body.last,
      .body_fits = body.runs_layers && body.takes == port::hidden && body.gives == port::hidden};
};

static_assert(part<Embed<Layers<0, 1>>>);

}  // namespace enfilade
