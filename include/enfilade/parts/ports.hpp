// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace enfilade {

/// What a client sends into stage 0: token ids.
struct Tokens {};

/// What flows between stages: rows of `Width` floats, one row a token.
template <std::size_t Width>
struct Hidden {
  static constexpr std::size_t width = Width;
};

/// What a language-model head makes of one row: a score for each of `Vocab` tokens.
template <std::size_t Vocab>
struct Logits {
  static constexpr std::size_t vocab = Vocab;
};

}  // namespace enfilade
