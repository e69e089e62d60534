// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/bind.hpp>
#include <enfilade/compose/choose.hpp>
#include <enfilade/compose/composable.hpp>
#include <enfilade/compose/cut.hpp>
#include <enfilade/compose/deployment.hpp>
#include <enfilade/parts/embed.hpp>
#include <enfilade/parts/layers.hpp>
#include <enfilade/parts/lm_head.hpp>
#include <enfilade/parts/ports.hpp>
#include <enfilade/parts/relay.hpp>

#include <cstddef>
#include <type_traits>

namespace enfilade {

namespace detail {

// Where clients come in, unless `with<...>` names another transport: as frames travel between the
// first two stages; by TCP where there is only one.
template <class... Parts>
using default_door =
    std::conditional_t<stage_count_of<Parts...> == 1, Tcp, link_of<1, void, Parts...>>;

template <class Topology, class Model, class... Policies>
struct deployment_for;
template <class... Parts, class Model, class... Policies>
struct deployment_for<Pipeline<Parts...>, Model, Policies...> {
  using enum diagnose::role_index;
  using type = Deployment<Pipeline<Parts...>, Model,
                          choose<cipher, diagnose::missing<role::cipher>, Policies...>,
                          choose<attester, diagnose::missing<role::attester>, Policies...>,
                          choose<compute, diagnose::missing<role::compute>, Policies...>,
                          choose<transport, default_door<Parts...>, Policies...>>;
};

}  // namespace detail

/// The topology of a confidential inference pipeline, as a type:
///
///     using Split = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>
///                     ::of<Gpt2Small>
///                     ::with<AesGcm, Nitro, CpuF32>;
///
/// `Parts` are parts (`part`); each `Relay` cuts the list into stages. Parts that do not fit
/// together do not compile, nor does a model that they do not cover, nor a deployment that lacks a
/// policy: one error, on the line that is wrong, with the way to mend it (docs/diagnostics.md).
template <class... Parts>
requires explained<Parts...>
class Pipeline {
 public:
  static constexpr std::size_t stage_count = detail::stage_count_of<Parts...>;

  /// What is computed: binds the topology to `Model`, a `model` whose layers are all here.
  template <class Model>
  requires model_explained<Model, Parts...>
  struct of {
    /// Who seals, vouches and multiplies, in any order; and, where it is another than the first
    /// relay's, the transport where clients come in. There is no default cipher and no default
    /// attester.
    template <class... Policies>
    requires policies_explained<Policies...>
    using with = typename detail::deployment_for<Pipeline, Model, Policies...>::type;
  };
};

}  // namespace enfilade
