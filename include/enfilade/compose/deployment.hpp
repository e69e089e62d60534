// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/composable.hpp>
#include <enfilade/compose/cut.hpp>
#include <enfilade/compose/explain.hpp>
#include <enfilade/compose/plan.hpp>
#include <enfilade/compose/stage.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace enfilade {

template <class... Parts>
requires explained<Parts...>
class Pipeline;

namespace diagnose {

/// From verdict to explanation, for `stage<I>`.
template <bool Exists, std::size_t Index, std::size_t Count>
struct explain_stage {
  static constexpr bool given() { return true; }
};
template <std::size_t Index, std::size_t Count>
struct explain_stage<false, Index, Count> : no_such_stage<Index, Count> {};

template <std::size_t Index, std::size_t Count>
concept stage_explained = explain_stage<(Index < Count), Index, Count>::given();

}  // namespace diagnose

/// A pipeline with its model and policies: what `Pipeline<...>::of<...>::with<...>` names.
///
/// | member                                   | meaning                                       |
/// |------------------------------------------|-----------------------------------------------|
/// | `stage_count`, `stage<I>`                | its stages, from 0; E15 where there is none   |
/// | `model`, `cipher`, `attester`, `compute` | the types that were named                     |
/// | `door`                                   | the transport where clients come in           |
/// | `link<I>`                                | the transport left of stage I: of stage 0 the |
/// |                                          | door; of `link<stage_count>` `void`           |
/// | `plan()`, `plan_digest()`                | the canonical text and its SHA-256            |
///
/// The order of the policies in `with<...>` is not part of the type: two orders, one deployment.
template <class Topology, class Model, class Cipher, class Attester, class Compute, class Door>
class Deployment;

template <class... Parts, class Model, class Cipher, class Attester, class Compute, class Door>
class Deployment<Pipeline<Parts...>, Model, Cipher, Attester, Compute, Door> {
  template <class D, std::size_t I>
  friend class Stage;

  static constexpr const auto& stages = detail::stages_of<Parts...>;

 public:
  using topology = Pipeline<Parts...>;
  using model = Model;
  using cipher = Cipher;
  using attester = Attester;
  using compute = Compute;
  using door = Door;

  static constexpr std::size_t stage_count = detail::stage_count_of<Parts...>;

  // The index is clamped so that nothing follows the error about it.
  template <std::size_t I>
  requires diagnose::stage_explained<I, detail::stage_count_of<Parts...>>
  using stage = Stage<Deployment, (I < stage_count ? I : 0)>;

  template <std::size_t I>
  using link = detail::link_of<I, Door, Parts...>;

  /// The canonical text of the deployment, one fact a line; the same for both ends of each link.
  static constexpr std::string_view plan() { return detail::plan_of<Deployment, Parts...>; }

  /// The SHA-256 of `plan()`: what the two ends of a link compare before they trust each other.
  static consteval std::array<std::byte, 32> plan_digest() {
    return detail::plan_digest_of<Deployment, Parts...>;
  }
};

}  // namespace enfilade
