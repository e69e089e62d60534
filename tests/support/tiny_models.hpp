// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/model/gpt2.hpp>

#include <cstddef>
#include <string_view>

namespace test {

/// The shapes of tiny_gpt2 in the third-party oracle: also an example of a model of one's own.
//[own-model
struct Tiny {
  using architecture = enfilade::Gpt2;
  static constexpr std::string_view name = "tiny";
  static constexpr std::size_t layers = 2;
  static constexpr std::size_t hidden = 8;
  static constexpr std::size_t heads = 2;
  static constexpr std::size_t vocab = 11;
  static constexpr std::size_t context = 16;
  static constexpr std::size_t intermediate = 32;
  static constexpr float layer_norm_epsilon = 1e-5F;
};
//]

/// Large enough that each matrix covers several pages and vector loops leave remainders.
struct Small {
  using architecture = enfilade::Gpt2;
  static constexpr std::string_view name = "small";
  static constexpr std::size_t layers = 4;
  static constexpr std::size_t hidden = 60;
  static constexpr std::size_t heads = 3;
  static constexpr std::size_t vocab = 501;
  static constexpr std::size_t context = 160;
  static constexpr std::size_t intermediate = 250;
  static constexpr float layer_norm_epsilon = 1e-5F;
};

}  // namespace test
