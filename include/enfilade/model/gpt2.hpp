// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/model/shape.hpp>

#include <cstddef>
#include <string_view>

namespace enfilade {

/// Each half of the block normalises its input and adds its result to the residual stream.
template <class Norm, class Attention, class Mlp>
struct PreNorm;

struct LayerNorm;         ///< (x - mean) / sqrt(variance + epsilon), scaled and shifted per column
struct MultiHead;         ///< as many keys and values as queries, one set a head
struct GeluTanh;          ///< up, GELU in its tanh form ("gelu_new"), down
struct LearnedPositions;  ///< one row of `wpe` a position, added to the token's row of `wte`

/// The GPT-2 architecture, said as types: what a model names as its `architecture`.
///
/// Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), and the
/// tensor layout of Hugging Face's `GPT2LMHeadModel`.
struct Gpt2 {
  using block = PreNorm<LayerNorm, MultiHead, GeluTanh>;
  using positions = LearnedPositions;
  static constexpr std::string_view model_type = "gpt2";  ///< as `config.json` calls it
};

/// GPT-2, 124 million parameters.
struct Gpt2Small {
  using architecture = Gpt2;
  static constexpr std::string_view name = "gpt2-small";
  static constexpr std::size_t layers = 12;
  static constexpr std::size_t hidden = 768;
  static constexpr std::size_t heads = 12;
  static constexpr std::size_t vocab = 50257;
  static constexpr std::size_t context = 1024;
  static constexpr std::size_t intermediate = 3072;
  static constexpr float layer_norm_epsilon = 1e-5F;
};

/// GPT-2, 355 million parameters.
struct Gpt2Medium {
  using architecture = Gpt2;
  static constexpr std::string_view name = "gpt2-medium";
  static constexpr std::size_t layers = 24;
  static constexpr std::size_t hidden = 1024;
  static constexpr std::size_t heads = 16;
  static constexpr std::size_t vocab = 50257;
  static constexpr std::size_t context = 1024;
  static constexpr std::size_t intermediate = 4096;
  static constexpr float layer_norm_epsilon = 1e-5F;
};

/// GPT-2, 774 million parameters.
struct Gpt2Large {
  using architecture = Gpt2;
  static constexpr std::string_view name = "gpt2-large";
  static constexpr std::size_t layers = 36;
  static constexpr std::size_t hidden = 1280;
  static constexpr std::size_t heads = 20;
  static constexpr std::size_t vocab = 50257;
  static constexpr std::size_t context = 1024;
  static constexpr std::size_t intermediate = 5120;
  static constexpr float layer_norm_epsilon = 1e-5F;
};

/// GPT-2, 1558 million parameters.
struct Gpt2Xl {
  using architecture = Gpt2;
  static constexpr std::string_view name = "gpt2-xl";
  static constexpr std::size_t layers = 48;
  static constexpr std::size_t hidden = 1600;
  static constexpr std::size_t heads = 25;
  static constexpr std::size_t vocab = 50257;
  static constexpr std::size_t context = 1024;
  static constexpr std::size_t intermediate = 6400;
  static constexpr float layer_norm_epsilon = 1e-5F;
};

static_assert(model<Gpt2Small> && model<Gpt2Medium> && model<Gpt2Large> && model<Gpt2Xl>);

}  // namespace enfilade
