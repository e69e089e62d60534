// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/facts.hpp>
#include <enfilade/transport/transport.hpp>

namespace enfilade {

/// Here the pipeline is cut in two: the parts on the left become one binary, those on the right
/// another, and `Transport` carries the sealed frames between them.
///
/// Model of `part`: hidden states in, the same hidden states out. `Transport` is checked here so
/// that a type that is none is refused on the line that names it.
template <transport Transport>
struct Relay {};

template <class Transport>
struct facts_of<Relay<Transport>> {
  static constexpr part_facts value{.name = "relay", .cuts = true, .carrier = Transport::name};
  using transport = Transport;
};

}  // namespace enfilade
