// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/explain.hpp>
#include <enfilade/compose/facts.hpp>
#include <enfilade/compose/inspect.hpp>
#include <enfilade/detail/nth.hpp>

namespace enfilade {

namespace diagnose {

/// From verdict to explanation.
template <rule Broken, class... Parts>
struct explain {
  static constexpr bool given() { return true; }
};

template <class... Parts>
using left_of = detail::nth<verdict_of<Parts...>.left, Parts...>;
template <class... Parts>
using right_of = detail::nth<verdict_of<Parts...>.right, Parts...>;

// The part on the left of a gap, which is none where the first layers do not begin at 0.
template <class... Parts>
using before_gap = detail::nth<verdict_of<Parts...>.left, Parts..., beginning>;

template <class... Parts>
struct explain<rule::layers_gap, Parts...> : layers_gap<before_gap<Parts...>, right_of<Parts...>> {
};
template <class... Parts>
struct explain<rule::relay_without_peer, Parts...> : relay_without_peer<left_of<Parts...>> {};
template <class... Parts>
struct explain<rule::lm_head_missing, Parts...> : lm_head_missing<left_of<Parts...>> {};
template <class... Parts>
struct explain<rule::layers_overlap, Parts...>
    : layers_overlap<left_of<Parts...>, right_of<Parts...>> {};
template <class... Parts>
struct explain<rule::embed_misplaced, Parts...> : embed_misplaced<left_of<Parts...>> {};
template <class... Parts>
struct explain<rule::layers_empty, Parts...>
    : layers_empty<facts_of<left_of<Parts...>>::value.first,
                   facts_of<left_of<Parts...>>::value.last> {};
template <class... Parts>
struct explain<rule::not_a_part, Parts...> : not_a_part<left_of<Parts...>> {};
template <class... Parts>
struct explain<rule::body_misfit, Parts...> : body_misfit<left_of<Parts...>> {};
template <class... Parts>
struct explain<rule::lm_head_misplaced, Parts...>
    : lm_head_misplaced<left_of<Parts...>, right_of<Parts...>> {};
template <class... Parts>
struct explain<rule::pipeline_empty, Parts...> : pipeline_empty<Parts...> {};
template <class... Parts>
struct explain<rule::name_not_plain, Parts...> : name_not_plain<left_of<Parts...>> {};

}  // namespace diagnose

/// Soft: true where the parts fit. Use it to constrain, and in tests.
template <class... Parts>
concept composable = (diagnose::broken_by<Parts...> == diagnose::rule::holds);

/// Hard: never false. Where the parts do not fit, naming it stops the build with the reason.
template <class... Parts>
concept explained = diagnose::explain<diagnose::broken_by<Parts...>, Parts...>::given();

}  // namespace enfilade
