// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/composable.hpp>
#include <enfilade/compose/cut.hpp>
#include <enfilade/compose/explain.hpp>
#include <enfilade/compose/inspect.hpp>
#include <enfilade/detail/nth.hpp>
#include <enfilade/model/shape.hpp>

#include <array>
#include <cstddef>

namespace enfilade {

namespace diagnose {

/// The rules that `::of<Model>` can break.
enum class model_rule { holds, not_a_model, not_covered, overrun, name_not_plain };

template <class Model, class... Parts>
constexpr model_rule inspect_model() {
  if constexpr (!composable<Parts...>) {
    return model_rule::holds;  // one mistake, one error: the parts' own has been reported
  } else if constexpr (!model<Model>) {
    return model_rule::not_a_model;
  } else if constexpr (!plain(Model::name)) {
    return model_rule::name_not_plain;
  } else {
    constexpr std::size_t last = detail::stages_of<Parts...>.back().last_layer;
    if (last < Model::layers) return model_rule::not_covered;
    if (last > Model::layers) return model_rule::overrun;
    return model_rule::holds;
  }
}

template <class Model, class... Parts>
inline constexpr model_rule broken_by_model = inspect_model<Model, Parts...>();

// The last part that runs layers; where none does, the first.
template <std::size_t Count>
constexpr std::size_t last_with_layers(const std::array<inspected, Count>& parts) {
  std::size_t last = 0;
  for (std::size_t i = 0; i != Count; ++i)
    if (parts[i].facts.runs_layers) last = i;
  return last;
}

template <class... Parts>
using last_run = detail::nth<last_with_layers(all_facts<Parts...>), Parts...>;

/// From verdict to explanation.
template <model_rule Broken, class Model, class... Parts>
struct explain_model {
  static constexpr bool given() { return true; }
};
template <class Model, class... Parts>
struct explain_model<model_rule::not_a_model, Model, Parts...> : not_a_model<Model> {};
template <class Model, class... Parts>
struct explain_model<model_rule::name_not_plain, Model, Parts...> : name_not_plain<Model> {};
template <class Model, class... Parts>
struct explain_model<model_rule::not_covered, Model, Parts...>
    : model_not_covered<Model, last_run<Parts...>> {};
template <class Model, class... Parts>
struct explain_model<model_rule::overrun, Model, Parts...>
    : model_overrun<Model, last_run<Parts...>> {};

}  // namespace diagnose

/// Soft: true where `Parts` fit together and run every layer of `Model` exactly once.
template <class Model, class... Parts>
concept covers = composable<Parts...> &&
    (diagnose::broken_by_model<Model, Parts...> == diagnose::model_rule::holds);

/// Hard: never false. Where the parts do not fit the model, naming it stops the build.
template <class Model, class... Parts>
concept model_explained =
    diagnose::explain_model<diagnose::broken_by_model<Model, Parts...>, Model, Parts...>::given();

}  // namespace enfilade
