// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>

namespace enfilade {

/// A model: a named struct of compile-time constants, and the architecture that gives them meaning.
///
/// A model holds no data and does no work. It says how large things are, so that a stage's buffers,
/// its ports and the refusal of a wrong weight file are all decided before the program runs. It is
/// a struct and never an alias, so that compiler errors and the plan show its name.
///
/// | expression              | must be                | meaning                                     |
/// |-------------------------|------------------------|---------------------------------------------|
/// | `M::architecture`       | a type, such as `Gpt2` | which block is computed; which tensor names |
/// | `M::name`               | `std::string_view`     | how the plan calls it: `gpt2-small`         |
/// | `M::layers`             | `std::size_t`          | blocks                                      |
/// | `M::hidden`             | `std::size_t`          | width of a hidden state, divisible by heads |
/// | `M::heads`              | `std::size_t`          | attention heads                             |
/// | `M::vocab`              | `std::size_t`          | token ids are below this                    |
/// | `M::context`            | `std::size_t`          | positions: most tokens of one sequence      |
/// | `M::intermediate`       | `std::size_t`          | width inside the block's MLP                |
/// | `M::layer_norm_epsilon` | `float`                | added to the variance before the root       |
///
/// Models: `Gpt2Small`, `Gpt2Medium`, `Gpt2Large`, `Gpt2Xl`, `Atlas`.
template <class M>
concept model = requires {
  typename M::architecture;
  { M::name } -> std::convertible_to<std::string_view>;
  { M::layers } -> std::convertible_to<std::size_t>;
  { M::hidden } -> std::convertible_to<std::size_t>;
  { M::heads } -> std::convertible_to<std::size_t>;
  { M::vocab } -> std::convertible_to<std::size_t>;
  { M::context } -> std::convertible_to<std::size_t>;
  { M::intermediate } -> std::convertible_to<std::size_t>;
  { M::layer_norm_epsilon } -> std::convertible_to<float>;
  requires M::layers >
  0 && M::heads > 0 && M::vocab > 0 && M::context > 0 && M::intermediate > 0;
  requires M::hidden >
  0 && M::hidden % M::heads == 0;
};

}  // namespace enfilade
