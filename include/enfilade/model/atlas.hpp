// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/model/gpt2.hpp>
#include <enfilade/model/shape.hpp>

#include <cstddef>
#include <string_view>

namespace enfilade {

/// Atlas, the model that the repository ships: GPT-2 in small, trained on plain facts of geography.
///
/// Weights, tokenizer and model card: models/atlas.
struct Atlas {
  using architecture = Gpt2;
  static constexpr std::string_view name = "atlas";
  static constexpr std::size_t layers = 12;
  static constexpr std::size_t hidden = 96;
  static constexpr std::size_t heads = 6;
  static constexpr std::size_t vocab = 2048;
  static constexpr std::size_t context = 256;
  static constexpr std::size_t intermediate = 384;
  static constexpr float layer_norm_epsilon = 1e-5F;
};

static_assert(model<Atlas>);

}  // namespace enfilade
