// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

namespace enfilade {

/// The kinds of value that flow between parts; a deployment's model gives them their sizes
/// (`Tokens`, `Hidden<D>`, `Logits<V>`).
enum class port { tokens, hidden, logits };

/// What a part says of itself: all that composition, and the plan, ever ask about it.
struct part_facts {
  std::string_view name;       ///< what the plan calls it; parts that differ have names that differ
  port takes = port::hidden;   ///< what flows in
  port gives = port::hidden;   ///< what flows out
  bool runs_layers = false;    ///< whether it runs the model's layers [first, last)
  std::size_t first = 0;       ///< its first layer
  std::size_t last = 0;        ///< one past its last layer
  bool body_fits = true;       ///< false where it wraps a part that cannot be wrapped (E16)
  bool cuts = false;           ///< whether the pipeline is cut in two here, as by `Relay`
  std::string_view carrier{};  ///< where it cuts: the name of the transport
};

/// The facts of `Part`. Specialise it for a part of your own:
///
/// | expression                  | must be       | meaning                                |
/// |-----------------------------|---------------|----------------------------------------|
/// | `facts_of<P>::value`        | `part_facts`  | constexpr                              |
/// | `facts_of<P>::transport`    | `transport`   | only where `value.cuts`: who carries   |
template <class Part>
struct facts_of;

/// What may stand between the angle brackets of `Pipeline<...>`: a type that has facts.
///
/// Models: `Embed`, `Layers`, `LmHead`, `Relay`.
template <class P>
concept part = requires {
  { facts_of<P>::value } -> std::convertible_to<part_facts>;
  requires !facts_of<P>::value.cuts || requires { typename facts_of<P>::transport; };
};

}  // namespace enfilade
