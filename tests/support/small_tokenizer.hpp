// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/model/byte_level.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace test {

/// A `tokenizer.json` of GPT-2's form: the 256 bytes (token b is byte b), then one token a merge,
/// then `<|endoftext|>`. Tests alter it before they load it.
inline nlohmann::json small_tokenizer(
    const std::vector<std::pair<std::string, std::string>>& merges = {}) {
  nlohmann::json vocab = nlohmann::json::object();
  for (unsigned byte = 0; byte != 256; ++byte)
    vocab[enfilade::byte_level::text(static_cast<unsigned char>(byte))] = byte;
  nlohmann::json lines = nlohmann::json::array();
  for (const auto& [left, right] : merges) {
    vocab[left + right] = vocab.size();
    lines.push_back(left + " " + right);
  }
  const nlohmann::json end_of_text = {
      {"id", vocab.size()}, {"content", "<|endoftext|>"}, {"single_word", false}, {"lstrip", false},
      {"rstrip", false},    {"normalized", false},        {"special", true}};
  const nlohmann::json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", {end_of_text}},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", ""},
            {"byte_fallback", false},
            {"vocab", vocab},
            {"merges", lines}}}};
}

}  // namespace test
