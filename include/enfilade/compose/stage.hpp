// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/cut.hpp>
#include <enfilade/compose/facts.hpp>
#include <enfilade/parts/ports.hpp>

#include <cstddef>
#include <type_traits>

namespace enfilade {

namespace detail {

template <port Kind, class Model>
struct port_type;
template <class Model>
struct port_type<port::tokens, Model> : std::type_identity<Tokens> {};
template <class Model>
struct port_type<port::hidden, Model> : std::type_identity<Hidden<Model::hidden>> {};
template <class Model>
struct port_type<port::logits, Model> : std::type_identity<Logits<Model::vocab>> {};

}  // namespace detail

/// What lies between two relays: one binary, one enclave. Named by `Deployment::stage<I>`.
///
/// | member                      | meaning                                                      |
/// |-----------------------------|--------------------------------------------------------------|
/// | `deployment`, `index`       | whose stage it is, and which, counted from 0                 |
/// | `first_layer`, `last_layer` | the layers that it runs: [first, last), possibly none        |
/// | `embeds`, `has_head`        | whether tokens become hidden states here, and those logits   |
/// | `foreign_parts`             | how many of its parts come from outside the library          |
/// | `input`, `output`           | `Tokens`, `Hidden<D>` or `Logits<V>`                         |
/// | `upstream`                  | the transport on its left: of stage 0, the deployment's door |
/// | `downstream`                | the transport on its right: of the last stage, `void`        |
template <class Deployment, std::size_t Index>
class Stage {
  static constexpr detail::stage_facts facts = Deployment::stages[Index];

 public:
  using deployment = Deployment;
  static constexpr std::size_t index = Index;

  static constexpr std::size_t first_layer = facts.first_layer;
  static constexpr std::size_t last_layer = facts.last_layer;
  static constexpr bool embeds = facts.embeds;
  static constexpr bool has_head = facts.has_head;
  static constexpr std::size_t foreign_parts = facts.foreign_parts;

  using input = typename detail::port_type<facts.input, typename Deployment::model>::type;
  using output = typename detail::port_type<facts.output, typename Deployment::model>::type;

  using upstream = typename Deployment::template link<Index>;
  using downstream = typename Deployment::template link<Index + 1>;
};

}  // namespace enfilade
