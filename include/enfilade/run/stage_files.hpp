// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/model/tokenizer.hpp>
#include <enfilade/run/stage_engine.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

namespace enfilade {

/// What vouches for this program and its weights.
template <class Stage>
auto own_attester(const stage_engine<Stage>& engine) {
  registers told;
  told.emplace_back("weights", Measurement{engine.weights_digest()});
  return std::make_shared<const typename Stage::deployment::attester>(std::move(told));
}

/// The model directory's tokenizer; without one the stage takes prompts as token ids only.
inline std::optional<tokenizer> load_tokenizer(const std::filesystem::path& directory) {
  const bool present = std::filesystem::exists(directory / "tokenizer.json") ||
                       std::filesystem::exists(directory / "vocab.json");
  if (!present) return std::nullopt;
  return tokenizer::load(directory);
}

}  // namespace enfilade
