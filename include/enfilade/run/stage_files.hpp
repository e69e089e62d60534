// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/model/tokenizer.hpp>
#include <enfilade/run/stage_engine.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

namespace enfilade {

/// The model directory's tokenizer; without one the stage takes prompts as token ids only.
inline std::optional<tokenizer> load_tokenizer(const std::filesystem::path& directory) {
  const bool present = std::filesystem::exists(directory / "tokenizer.json") ||
                       std::filesystem::exists(directory / "vocab.json");
  if (!present) return std::nullopt;
  return tokenizer::load(directory);
}

/// What vouches for this program, besides what the attester measures by itself.
///
/// | register    | value                                                                    |
/// |-------------|--------------------------------------------------------------------------|
/// | `plan`      | the plan digest: model, split and policies                               |
/// | `weights`   | SHA-256 of the stage's own tensors                                       |
/// | `tokenizer` | SHA-256 of vocabulary and merges; where the stage has a tokenizer        |
/// | `next`      | SHA-256 of what it demands of the stage below; in all but the last stage |
///
/// By `next` whoever pins one stage pins all stages below it: nobody can start a genuine stage that
/// hands its activations to somebody else without its evidence saying so.
template <class Stage>
auto own_attester(const stage_engine<Stage>& engine, const std::optional<tokenizer>& text,
                  const expectations& of_next) {
  registers told;
  told.emplace_back("plan", Measurement{Stage::deployment::plan_digest()});
  told.emplace_back("weights", Measurement{engine.weights_digest()});
  if (text) told.emplace_back("tokenizer", Measurement{text->digest()});
  if constexpr (!Stage::has_head)
    told.emplace_back("next", Measurement{sha256(detail::bytes_of(of_next.canonical()))});
  return std::make_shared<const typename Stage::deployment::attester>(std::move(told));
}

}  // namespace enfilade
