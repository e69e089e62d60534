// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bounded_json.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/bpe.hpp>
#include <enfilade/model/strict_json.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#ifndef ENFILADE_MAX_TOKENIZER_FILE
#define ENFILADE_MAX_TOKENIZER_FILE (64u << 20)
#endif

namespace enfilade {

/// What the tokenizer files of a model directory say, as written there.
///
/// Reading them answers one question: is this a tokenizer of GPT-2's form? Anything else that a
/// file asks for is refused by name, because ids that are nearly right make a model that is quietly
/// wrong. Every function throws `failure(errc::model_tokenizer_invalid, where)`, where `where`
/// names the file and the feature.
struct tokenizer_files {
  struct token {
    std::string text;  ///< in the `byte_level` alphabet; as it is for added tokens
    std::uint32_t id;  ///< below `bpe::limit`
  };
  struct merge {
    std::string left;
    std::string right;
  };

  std::vector<token> vocab;
  std::vector<merge> merges;  ///< by rank
  std::vector<token> added;
  std::string where;  ///< the files, for messages

  /// No file may be longer.
  static constexpr std::size_t max_file_bytes = ENFILADE_MAX_TOKENIZER_FILE;

  /// Of each JSON file. A vocabulary, and merges as pairs: a value each and one for the pair.
  static constexpr detail::json_limits limits{
      max_file_bytes, detail::json_limits{}.max_depth,
      4 * std::size_t{bpe::limit} + detail::json_limits{}.max_values};

  /// SHA-256 of all that `encode` and `decode` depend on, each text with its length before it.
  std::array<std::byte, 32> digest() const {
    Sha256 hash;
    const auto number = [&hash](std::uint64_t value) {
      std::array<std::byte, 8> bytes;
      detail::store_le(bytes.data(), value);
      hash.update(bytes);
    };
    const auto text = [&](const std::string& value) {
      number(value.size());
      hash.update(detail::bytes_of(value));
    };
    for (const std::vector<token>* tokens : {&vocab, &added}) {
      number(tokens->size());
      for (const token& each : *tokens) {
        text(each.text);
        number(each.id);
      }
    }
    number(merges.size());
    for (const merge& each : merges) {
      text(each.left);
      text(each.right);
    }
    return hash.finish();
  }

  /// The content of a `tokenizer.json`.
  static tokenizer_files from_json(std::string_view text, std::string where = "tokenizer.json") {
    const nlohmann::json json = parse(text, where);
    tokenizer_files files;
    files.where = std::move(where);
    const strict_object root = files.object(json);
    root.only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
               "post_processor", "decoder", "model"});
    if (root.need("version") != "1.0") root.refuse("version is not 1.0");
    root.off({"truncation", "padding", "normalizer"});
    check_byte_level(root.inside("pre_tokenizer"), true);
    check_byte_level(root.inside("decoder"), false);
    if (root.get("post_processor") != nullptr)  // of ByteLevel: it trims offsets, not ids
      check_byte_level(root.inside("post_processor"), false);
    files.read_model(root.inside("model"));
    if (const nlohmann::json* added = root.get("added_tokens")) files.read_added(root, *added);
    return files;
  }

  /// The contents of `vocab.json` and `merges.txt` (lines end with LF or CRLF). They can't name
  /// added tokens: `<|endoftext|>` is one where the vocabulary has it, as in GPT-2's own code.
  static tokenizer_files from_vocab_and_merges(std::string_view vocab, std::string_view merges,
                                               std::string where = "vocab.json, merges.txt") {
    const nlohmann::json json = parse(vocab, where);
    tokenizer_files files;
    files.where = std::move(where);
    const strict_object root = files.object(json);
    files.read_vocab(root, json);
    files.read_merge_lines(root, merges);
    for (const token& entry : files.vocab)
      if (entry.text == "<|endoftext|>") files.added.push_back(entry);
    return files;
  }

  /// The files of a directory: `tokenizer.json` where there is one, else `vocab.json` with
  /// `merges.txt`; a `tokenizer_config.json` beside them must not ask for more.
  static tokenizer_files load(const std::filesystem::path& directory) {
    const auto in = [&](const char* name) { return (directory / name).string(); };
    const bool json = std::filesystem::exists(in("tokenizer.json"));
    const std::string config = in("tokenizer_config.json");
    if (std::filesystem::exists(config)) check_config(read(config), config, json);
    if (json) return from_json(read(in("tokenizer.json")), in("tokenizer.json"));
    const std::string vocab = read(in("vocab.json"));
    return from_vocab_and_merges(vocab, read(in("merges.txt")), directory.string());
  }

 private:
  using strict_object = detail::strict_object;

  static nlohmann::json parse(std::string_view text, const std::string& where) {
    std::string complaint;
    auto json = detail::parse_bounded(text, errc::model_tokenizer_invalid, limits, &complaint);
    if (!json) throw failure(json.error(), where + ": " + complaint);
    return std::move(*json);
  }

  static std::string read(const std::string& path) {
    const auto refuse = [&](const std::string& what) {
      throw failure(errc::model_tokenizer_invalid, path + ": " + what);
    };
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) refuse("no such file");
    const auto size = std::filesystem::file_size(path, error);
    if (error || size > max_file_bytes) refuse(too_long());
    std::string text(static_cast<std::size_t>(size), '\0');
    std::ifstream file{path, std::ios::binary};
    if (!file.read(text.data(), static_cast<std::streamsize>(size))) refuse("cannot be read");
    return text;
  }

  static std::string too_long() {
    return "longer than " + std::to_string(max_file_bytes) + " bytes";
  }

  static void check_config(std::string_view text, const std::string& where, bool tokenizer_json) {
    const nlohmann::json json = parse(text, where);
    const strict_object config{json, errc::model_tokenizer_invalid, where};
    config.off({"add_prefix_space", "add_bos_token", "add_eos_token"});
    const nlohmann::json* kind = config.get("tokenizer_class");
    if (tokenizer_json || kind == nullptr) return;  // tokenizer.json says by itself what it is
    if (*kind != "GPT2Tokenizer" && *kind != "GPT2TokenizerFast")
      config.refuse("tokenizer_class " + strict_object::printable(*kind) + " is not supported");
  }

  static void check_byte_level(const strict_object& part, bool cuts) {
    part.type("ByteLevel");
    part.only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    if (!cuts) return;
    if (part.need("add_prefix_space") != false) part.refuse("add_prefix_space is not supported");
    const nlohmann::json* pattern = part.get("use_regex");
    if (pattern != nullptr && *pattern != true) part.refuse("use_regex false is not supported");
  }

  strict_object object(const nlohmann::json& json) const {
    return {json, errc::model_tokenizer_invalid, where};
  }

  void read_model(const strict_object& model) {
    if (model.get("type") != nullptr) model.type("BPE");  // older files don't say
    model.only({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
    // unk_token and fuse_unk are for characters without a token; here every byte has one.
    model.off({"dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback",
               "ignore_merges"});
    read_vocab(model.inside("vocab"), model.need("vocab"));
    const nlohmann::json& list = model.need("merges");
    if (!list.is_array()) model.refuse("merges is not a list");
    merges.reserve(list.size());
    for (const nlohmann::json& item : list) {
      if (item.is_string()) {
        read_merge(model, item.get_ref<const std::string&>());
      } else if (item.is_array() && item.size() == 2 && item[0].is_string() &&
                 item[1].is_string()) {
        merges.push_back({item[0].get<std::string>(), item[1].get<std::string>()});
      } else {
        model.refuse("merge " + std::to_string(merges.size()) + " is not two tokens");
      }
    }
  }

  void read_vocab(const strict_object& at, const nlohmann::json& json) {
    vocab.reserve(json.size());
    for (const auto& item : json.items())
      vocab.push_back({item.key(), at.below(bpe::limit, item.value())});
  }

  void read_merge(const strict_object& at, std::string_view line) {
    const std::size_t space = line.find(' ');
    if (space == 0 || space == line.npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != line.npos)
      at.refuse("merge " + std::to_string(merges.size()) + " is not two tokens");
    merges.push_back({std::string{line.substr(0, space)}, std::string{line.substr(space + 1)}});
  }

  void read_merge_lines(const strict_object& at, std::string_view text) {
    if (text.size() > max_file_bytes) at.refuse(too_long());
    bool first = true;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      const bool version = std::exchange(first, false) && line.starts_with("#version");
      if (!version) read_merge(at, line);
    }
  }

  void read_added(const strict_object& root, const nlohmann::json& list) {
    if (!list.is_array()) root.refuse("added_tokens is not a list");
    const nlohmann::json* normalized = nullptr;
    for (const nlohmann::json& item : list) {
      const strict_object entry = root.inside("added_tokens", item);
      entry.only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
      entry.off({"single_word", "lstrip", "rstrip"});
      // Without a normalizer both kinds are looked for in the same text, but one after the other.
      if (normalized != nullptr && *normalized != entry.need("normalized"))
        entry.refuse("normalized for some tokens only is not supported");
      normalized = &entry.need("normalized");
      const nlohmann::json& content = entry.need("content");
      if (!content.is_string() || content == "") entry.refuse("content is not a text");
      added.push_back({content.get<std::string>(), entry.below(bpe::limit, entry.need("id"))});
    }
  }
};

}  // namespace enfilade
