// SPDX-License-Identifier: Apache-2.0
// Ids made by the real tokenizers (transformers, tokenizers), read from the shared test data: see
// section C of its README for where each file comes from.
#include <enfilade/model/tokenizer.hpp>

#include "../support/test_data.hpp"

#include <doctest/doctest.h>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using enfilade::errc;
using enfilade::failure;
using enfilade::special_tokens;
using enfilade::tokenizer;
using enfilade::tokenizer_files;
using nlohmann::json;
using ids = std::vector<std::uint32_t>;

constexpr auto recognise = special_tokens::recognise;

json read_json(const std::filesystem::path& path) { return json::parse(test::read_file(path)); }

std::string decode_without_special(const tokenizer& t, const ids& tokens) {
  ids kept;
  for (const std::uint32_t id : tokens)
    if (!t.is_special(id)) kept.push_back(id);
  return t.decode(kept);
}

// Both forms of GPT-2's files: they must not differ in a single id.
std::map<std::string, tokenizer> both_forms(const std::filesystem::path& data) {
  const std::filesystem::path gpt2 = data / "tokenizers/gpt2";
  std::map<std::string, tokenizer> forms;
  forms.emplace("tokenizer.json", tokenizer::load(gpt2));
  forms.emplace("vocab.json and merges.txt",
                tokenizer{tokenizer_files::from_vocab_and_merges(
                    test::read_file(gpt2 / "vocab.json"), test::read_file(gpt2 / "merges.txt"))});
  return forms;
}

void check_both_ways(const tokenizer& t, const std::string& text, const ids& expected,
                     const std::string& with_special, const std::string& without_special) {
  CAPTURE(text);
  CHECK(t.encode(text, recognise).value() == expected);
  CHECK(t.decode(expected) == with_special);
  CHECK(decode_without_special(t, expected) == without_special);
}

TEST_SUITE("conformance/gpt2_tokenizer") {
  TEST_CASE("GPT-2's ids and texts are those of transformers, for 83 texts in many scripts") {
    const auto data = test::data_directory("GPT-2 tokenizer, multilingual");
    if (!data) return;
    const auto folder = *data / "tokenizers/conformance/multilingual";
    std::map<std::string, std::string> texts;
    for (const json& input : read_json(folder / "inputs.json"))
      texts.emplace(input["id"].get<std::string>(), input["text"].get<std::string>());
    const json entries = read_json(folder / "gpt2_multilingual.json")["entries"];
    CHECK(entries.size() == 83);
    for (const auto& [form, t] : both_forms(*data)) {
      CAPTURE(form);
      for (const json& entry : entries) {
        const ids expected = entry["input_ids"].get<ids>();
        check_both_ways(t, texts.at(entry["id"].get<std::string>()), expected,
                        entry["decoded_with_special"].get<std::string>(),
                        entry["decoded_skip_special"].get<std::string>());
        REQUIRE(entry["tokens"].size() == expected.size());
        for (std::size_t i = 0; i != expected.size(); ++i)
          CHECK(t.token_bytes(expected[i]) ==
                enfilade::byte_level::bytes(entry["tokens"][i].get<std::string>()));
      }
    }
  }

  TEST_CASE("distilgpt2's ids are those of transformers, for 18 texts with awkward edges") {
    const auto data = test::data_directory("GPT-2 tokenizer, distilgpt2");
    if (!data) return;
    const json cases =
        read_json(*data / "tokenizers/conformance/tokenizer_tests.json")["distilgpt2"];
    CHECK(cases.size() == 18);
    for (const auto& [form, t] : both_forms(*data)) {
      CAPTURE(form);
      for (const json& item : cases) {
        const ids expected = item["encoded"]["input_ids"].get<ids>();
        const std::string text = item["input"].get<std::string>();
        CAPTURE(text);
        CHECK(t.encode(text, recognise).value() == expected);
        // Where transformers tidied the decoded text up, ours is the text that went in.
        CHECK(t.decode(expected) == text);
      }
    }
  }

  TEST_CASE("a small tokenizer of GPT-2's form agrees, its special token included") {
    const auto data = test::data_directory("GPT-2 tokenizer, tiny-hf");
    if (!data) return;
    const auto folder = *data / "tokenizers/conformance/tiny-hf";
    const json group = read_json(folder / "hf_tokenizer_cases.json")["byte_level"];
    const tokenizer t{tokenizer_files::from_json(
        test::read_file(folder / group["tokenizer"].get<std::string>()))};
    CHECK(t.end_of_text() == 0U);
    CHECK(group["cases"].size() == 17);
    for (const json& item : group["cases"]) {
      const std::string text = item["text"].get<std::string>();
      const ids expected = item["ids"].get<ids>();
      check_both_ways(t, text, expected, text, item["decoded"].get<std::string>());
    }
  }

  TEST_CASE("tokenizers of another form are refused by name") {
    const auto data = test::data_directory("GPT-2 tokenizer, refusals");
    if (!data) return;
    const auto folder = *data / "tokenizers/conformance/tiny-hf";
    const std::vector<std::pair<std::string, std::string>> refusals{
        {"tiny_bpe_bytelevel_noregex", "pre_tokenizer: add_prefix_space is not supported"},
        {"tiny_bpe_digits_bytelevel", "pre_tokenizer: Sequence is not supported"},
        {"tiny_bpe_falcon_seq", "pre_tokenizer: Sequence is not supported"},
        {"tiny_bpe_metaspace_pretok", "pre_tokenizer: Metaspace is not supported"},
        {"tiny_bpe_metaspace", "normalizer Sequence is not supported"},
        {"tiny_bpe_split_cl100k", "pre_tokenizer: Sequence is not supported"},
        {"tiny_bpe_split_deepseek", "pre_tokenizer: Sequence is not supported"},
        {"tiny_bpe_split_o200k_harmony", "pre_tokenizer: Sequence is not supported"},
        {"tiny_bpe_split_o200k", "pre_tokenizer: Sequence is not supported"},
        {"tiny_bpe_split_qwen2", "pre_tokenizer: Sequence is not supported"},
        {"tiny_bpe_split_qwen35_ascii", "pre_tokenizer: Sequence is not supported"},
        {"tiny_bpe_split_qwen35", "pre_tokenizer: Sequence is not supported"},
        {"tiny_unigram", "pre_tokenizer: Metaspace is not supported"},
        {"tiny_wordpiece", "normalizer BertNormalizer is not supported"}};
    for (const auto& [name, reason] : refusals) {
      CAPTURE(name);
      std::string where;
      try {
        tokenizer_files::from_json(test::read_file(folder / (name + "_tokenizer.json")), name);
      } catch (const failure& caught) {
        CHECK(caught.code() == errc::model_tokenizer_invalid);
        where = caught.where();
      }
      CHECK(where == name + ": " + reason);
    }
  }

  TEST_CASE("Qwen2's directory is not taken for GPT-2's, though its files have the same form") {
    const auto data = test::data_directory("GPT-2 tokenizer, qwen2");
    if (!data) return;
    std::string where;
    try {
      tokenizer::load(*data / "tokenizers/qwen2");
    } catch (const failure& caught) {
      where = caught.where();
    }
    CHECK(where.ends_with("tokenizer_class Qwen2Tokenizer is not supported"));
  }

  TEST_CASE("whatever the place at which a text is cut, its pieces come back from token bytes") {
    const auto data = test::data_directory("GPT-2 tokenizer, streaming");
    if (!data) return;
    const tokenizer t = tokenizer::load(*data / "tokenizers/gpt2");
    for (const json& input : read_json(*data / "tokenizers/conformance/multilingual/inputs.json")) {
      const std::string text = input["text"].get<std::string>();
      enfilade::utf8_stream stream;
      std::string shown;
      for (const std::uint32_t id : t.encode(text).value()) {
        shown += stream.push(t.token_bytes(id));
        CHECK(text.starts_with(shown));
      }
      CHECK(stream.finish().empty());
      CHECK(shown == text);
    }
  }
}

}  // namespace
