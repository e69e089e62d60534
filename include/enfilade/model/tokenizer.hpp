// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/utf8.hpp>
#include <enfilade/detail/wiping_allocator.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/added_tokens.hpp>
#include <enfilade/model/bpe.hpp>
#include <enfilade/model/byte_level.hpp>
#include <enfilade/model/pre_tokenize.hpp>
#include <enfilade/model/tokenizer_files.hpp>
#include <enfilade/model/utf8_stream.hpp>
#include <enfilade/model/vocabulary.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace enfilade {

/// What `<|endoftext|>` and its like mean where they stand in a text that is encoded.
enum class special_tokens {
  as_text,    ///< The characters they are made of: for text that somebody else wrote.
  recognise,  ///< The token: for text that the program itself put together.
};

/// Text to token ids and back: the byte-level byte-pair encoding of GPT-2.
///
/// Made from the files of a model directory in Hugging Face layout and immutable from then on, so
/// that any number of threads may share one. What it is given is confidential: no error and no
/// member of it holds a byte of a prompt, and its working memory is wiped before it is given back
/// (what it returns is the caller's to wipe).
class tokenizer {
 public:
  /// No text may be longer: the longest message of a link.
  static constexpr std::size_t max_text_bytes = std::size_t{16} << 20;
  /// No token of a vocabulary may be longer.
  static constexpr std::size_t max_token_bytes = 1024;

  /// Reads `tokenizer.json`, else `vocab.json` and `merges.txt`. Throws
  /// `failure(errc::model_tokenizer_invalid, where)`, `where` being file and feature, if they are
  /// missing, damaged, or of another form than GPT-2's.
  static tokenizer load(const std::filesystem::path& model_directory) {
    return tokenizer{tokenizer_files::load(model_directory)};
  }

  /// Builds the tables; throws as `load` does where vocabulary and merges contradict each other.
  explicit tokenizer(const tokenizer_files& files) : digest_{files.digest()}, bpe_{build(files)} {}

  /// SHA-256 of vocabulary, merges and added tokens as they were read: what a stage attests.
  const std::array<std::byte, 32>& digest() const noexcept { return digest_; }

  /// The ids of a text.
  ///
  /// Errors: `request_not_text` where it is not well-formed UTF-8; `request_too_long` where it is
  /// longer than `max_text_bytes` or makes more than `max_tokens` ids. The latter is found as early
  /// as possible, so pass what the model's context has room for. Time is O(n log n) in bytes,
  /// whatever the text.
  result<std::vector<std::uint32_t>> encode(
      std::string_view utf8, special_tokens special = special_tokens::as_text,
      std::size_t max_tokens = std::numeric_limits<std::size_t>::max()) const {
    if (utf8.size() > max_text_bytes || utf8.size() / vocabulary_.longest() > max_tokens)
      return errc::request_too_long;
    if (!detail::is_utf8(utf8)) return errc::request_not_text;
    std::vector<std::uint32_t, detail::wiping_allocator<std::uint32_t>> ids;
    bpe::scratch work;
    const auto plain = [&](std::string_view text) {
      for (std::size_t begin = 0; begin != text.size() && ids.size() <= max_tokens;) {
        const std::size_t end = gpt2_pattern::piece_end(text, begin);
        bpe_.encode(text.substr(begin, end - begin), work, ids);
        begin = end;
      }
      return ids.size() <= max_tokens;
    };
    const auto added = [&](std::uint32_t id) {
      ids.push_back(id);
      return ids.size() <= max_tokens;
    };
    const bool fits =
        special == special_tokens::as_text ? plain(utf8) : added_.split(utf8, plain, added);
    if (!fits) return errc::request_too_long;
    return std::vector<std::uint32_t>(ids.begin(), ids.end());
  }

  /// The text of ids, special tokens included; ids that nobody has are passed over. Where the bytes
  /// are not well-formed UTF-8 (a model may say anything) U+FFFD stands for them.
  std::string decode(std::span<const std::uint32_t> ids) const {
    utf8_stream stream;
    std::string text;
    for (const std::uint32_t id : ids) text += stream.push(token_bytes(id));
    return text += stream.finish();
  }

  /// The bytes of one token, which need not be whole characters (see `utf8_stream`); empty for an
  /// id that nobody has.
  std::string_view token_bytes(std::uint32_t id) const noexcept { return vocabulary_[id]; }

  /// One more than the largest id: what a model's vocabulary must at least hold.
  std::size_t size() const noexcept { return vocabulary_.size(); }

  /// Whether the id is an added token, which text alone never becomes (`special_tokens::as_text`).
  bool is_special(std::uint32_t id) const noexcept { return added_.contains(id); }

  /// The id of `<|endoftext|>`, where it is an added token.
  std::optional<std::uint32_t> end_of_text() const noexcept {
    const added_token* token = added_.named("<|endoftext|>");
    return token == nullptr ? std::nullopt : std::optional{token->id};
  }

 private:
  using id_map = std::unordered_map<std::string_view, std::uint32_t>;

  [[noreturn]] static void refuse(const tokenizer_files& files, const std::string& what) {
    throw failure(errc::model_tokenizer_invalid, files.where + ": " + what);
  }

  // Vocabulary and added tokens on the way; the merges are what it returns.
  bpe build(const tokenizer_files& files) {
    id_map ids;
    ids.reserve(files.vocab.size() + files.added.size());
    for (const auto& [text, id] : files.vocab)
      if (!ids.emplace(text, id).second) refuse(files, "vocab: two tokens are the same");
    build_vocabulary(files, ids);
    return build_merges(files, ids);
  }

  void build_vocabulary(const tokenizer_files& files, const id_map& ids) {
    if (files.vocab.size() > bpe::limit || files.added.size() > bpe::limit)
      refuse(files, "vocab: too many tokens");
    std::size_t size = 0;
    for (const auto* list : {&files.vocab, &files.added})
      for (const auto& entry : *list) size = std::max(size, std::size_t{entry.id} + 1);
    std::vector<std::string> tokens(size);
    const auto put = [&](std::string bytes, std::uint32_t id) {
      const std::string name = "token " + std::to_string(id);
      if (bytes.empty()) refuse(files, name + " is empty");
      if (bytes.size() > max_token_bytes) refuse(files, name + " is longer than 1024 bytes");
      if (!tokens[id].empty()) refuse(files, name + " stands twice");
      tokens[id] = std::move(bytes);
    };
    std::vector<added_token> added;
    id_map added_ids;
    for (const auto& [text, id] : files.added) {
      if (!added_ids.emplace(text, id).second)
        refuse(files, "added token " + std::to_string(id) + " has the text of another");
      const auto in_vocab = ids.find(text);
      if (in_vocab != ids.end() && in_vocab->second != id)
        refuse(files, "added token " + std::to_string(id) + " has another id in vocab");
      put(text, id);
      added.push_back({text, id});
    }
    added_ = added_tokens{std::move(added)};
    for (const auto& [text, id] : files.vocab) {
      if (added_.named(text) != nullptr) continue;
      auto bytes = byte_level::bytes(text);
      if (!bytes) refuse(files, "token " + std::to_string(id) + " is not in byte-level letters");
      put(std::move(*bytes), id);
    }
    vocabulary_ = vocabulary{tokens};
  }

  // No byte and no merge is an added token, or a prompt that spells it out would become it.
  bpe build_merges(const tokenizer_files& files, const id_map& ids) const {
    std::array<std::uint32_t, 256> byte_tokens{};
    for (unsigned byte = 0; byte != byte_tokens.size(); ++byte) {
      const auto at = ids.find(byte_level::text(static_cast<unsigned char>(byte)));
      if (at == ids.end()) refuse(files, "no token for byte " + std::to_string(byte));
      if (is_special(at->second))
        refuse(files, "byte " + std::to_string(byte) + " is an added token");
      byte_tokens[byte] = at->second;
    }
    if (files.merges.size() > bpe::limit) refuse(files, "merges: too many");
    bpe merges{byte_tokens, files.merges.size()};
    std::string whole;
    for (std::size_t rank = 0; rank != files.merges.size(); ++rank) {
      const auto& [left, right] = files.merges[rank];
      const auto fail = [&](const char* why) {
        refuse(files, "merge " + std::to_string(rank) + why);
      };
      const auto id_of = [&](const std::string& text) {
        const auto at = ids.find(text);
        if (at == ids.end()) fail(" needs a token that vocab lacks");
        return at->second;
      };
      whole.assign(left).append(right);
      const std::uint32_t merged = id_of(whole);
      if (is_special(merged)) fail(" is an added token");
      if (!merges.add(id_of(left), id_of(right), merged)) fail(" stands twice");
    }
    return merges;
  }

  std::array<std::byte, 32> digest_;
  vocabulary vocabulary_;
  added_tokens added_;
  bpe bpe_;  // last: building it fills the two above
};

}  // namespace enfilade
