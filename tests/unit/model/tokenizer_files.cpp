// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/tokenizer_files.hpp>

#include "../../support/small_tokenizer.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace {

using enfilade::errc;
using enfilade::failure;
using enfilade::tokenizer_files;
using nlohmann::json;

std::string complaint(auto read) {
  try {
    read();
  } catch (const failure& caught) {
    CHECK(caught.code() == errc::model_tokenizer_invalid);
    return caught.where();
  }
  return {};
}

std::string complaint(const json& document) {
  return complaint([&] { tokenizer_files::from_json(document.dump(), "t"); });
}

std::string complaint_of_merges(std::string_view merges) {
  return complaint([&] { tokenizer_files::from_vocab_and_merges("{}", merges, "t"); });
}

// A directory of its own for each test, gone afterwards.
struct directory {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("enfilade-tokenizer-files-" + std::to_string(::getpid()));
  directory() { std::filesystem::create_directory(path); }
  directory(const directory&) = delete;
  directory& operator=(const directory&) = delete;
  ~directory() { std::filesystem::remove_all(path); }
  void write(const char* name, std::string_view text) {
    std::ofstream{path / name, std::ios::binary} << text;
  }
  std::string complaint_of_load() {
    const std::string said = complaint([&] { tokenizer_files::load(path); });
    return said.empty() ? said : said.substr(path.string().size());
  }
};

TEST_SUITE("model/tokenizer_files") {
  TEST_CASE("a tokenizer.json of GPT-2's form is read") {
    const auto files = tokenizer_files::from_json(test::small_tokenizer({{"a", "b"}}).dump());
    CHECK(files.vocab.size() == 257);
    REQUIRE(files.merges.size() == 1);
    CHECK(files.merges[0].left == "a");
    CHECK(files.merges[0].right == "b");
    REQUIRE(files.added.size() == 1);
    CHECK(files.added[0].text == "<|endoftext|>");
    CHECK(files.added[0].id == 257);
    CHECK(files.where == "tokenizer.json");
  }

  TEST_CASE("merges may be pairs, and the model of older files has no type") {
    json document = test::small_tokenizer({{"a", "b"}});
    document["model"]["merges"] = json::parse(R"([["a", "b"], ["c", "d"]])");
    document["model"].erase("type");
    document.erase("added_tokens");
    const auto files = tokenizer_files::from_json(document.dump());
    CHECK(files.merges.size() == 2);
    CHECK(files.merges[1].right == "d");
    CHECK(files.added.empty());
  }

  TEST_CASE("what GPT-2's tokenizer does not do is refused by name") {
    const json good = test::small_tokenizer();
    const auto with = [&](const char* pointer, const json& value) {
      json document = good;
      document[json::json_pointer{pointer}] = value;
      return complaint(document);
    };
    const json split = {{"type", "Split"}};
    CHECK(with("/normalizer", {{"type", "NFC"}}) == "t: normalizer NFC is not supported");
    CHECK(with("/truncation", {{"max_length", 8}}) == "t: truncation is not supported");
    CHECK(with("/padding", {{"pad_id", 0}}) == "t: padding is not supported");
    CHECK(with("/version", "2.0") == "t: version is not 1.0");
    CHECK(with("/surprise", 1) == "t: unknown field surprise");
    CHECK(with("/pre_tokenizer", split) == "t: pre_tokenizer: Split is not supported");
    CHECK(with("/pre_tokenizer", nullptr) == "t: pre_tokenizer is missing");
    CHECK(with("/pre_tokenizer/add_prefix_space", true) ==
          "t: pre_tokenizer: add_prefix_space is not supported");
    CHECK(with("/pre_tokenizer/use_regex", false) ==
          "t: pre_tokenizer: use_regex false is not supported");
    CHECK(with("/pre_tokenizer/use_regex", true) == "");
    CHECK(with("/decoder", {{"type", "Metaspace"}}) == "t: decoder: Metaspace is not supported");
    CHECK(with("/post_processor", {{"type", "TemplateProcessing"}}) ==
          "t: post_processor: TemplateProcessing is not supported");
    CHECK(with("/post_processor", good["decoder"]) == "");
    CHECK(with("/model/type", "Unigram") == "t: model: Unigram is not supported");
    CHECK(with("/model/byte_fallback", true) == "t: model: byte_fallback is not supported");
    CHECK(with("/model/ignore_merges", true) == "t: model: ignore_merges is not supported");
    CHECK(with("/model/dropout", 0.1) == "t: model: dropout is not supported");
    CHECK(with("/model/continuing_subword_prefix", "##") ==
          "t: model: continuing_subword_prefix is not supported");
    CHECK(with("/model/end_of_word_suffix", "</w>") ==
          "t: model: end_of_word_suffix is not supported");
    CHECK(with("/added_tokens/0/lstrip", true) == "t: added_tokens: lstrip is not supported");
    CHECK(with("/added_tokens/0/single_word", true) ==
          "t: added_tokens: single_word is not supported");
    CHECK(with("/added_tokens/0/normalized", true) == "");
    json mixed = good;
    mixed["added_tokens"].push_back(good["added_tokens"][0]);
    mixed["added_tokens"][1]["normalized"] = true;
    CHECK(complaint(mixed) == "t: added_tokens: normalized for some tokens only is not supported");
  }

  TEST_CASE("a document that is not what it should be is refused") {
    const json good = test::small_tokenizer();
    const auto with = [&](const char* pointer, const json& value) {
      json document = good;
      document[json::json_pointer{pointer}] = value;
      return complaint(document);
    };
    CHECK(complaint([] { tokenizer_files::from_json("{", "t"); }) == "t: not JSON at byte 2");
    CHECK(complaint([] { tokenizer_files::from_json(std::string(1000, '['), "t"); }) ==
          "t: deeper than 64 levels");
    CHECK(complaint([] { tokenizer_files::from_json(R"({"version":1,"version":2})", "t"); }) ==
          "t: a key stands twice in one object");
    CHECK(complaint(json::array()) == "t: not an object");
    CHECK(with("/model", 1) == "t: model: not an object");
    CHECK(with("/model/vocab", json::array()) == "t: model: vocab: not an object");
    CHECK(with("/model/vocab/x", 1 << 20) == "t: model: vocab: a number is not in 0 to 1048575");
    CHECK(with("/model/vocab/x", -1) == "t: model: vocab: a number is not in 0 to 1048575");
    CHECK(with("/model/vocab/x", "1") == "t: model: vocab: a number is not in 0 to 1048575");
    CHECK(with("/model/merges", json::object()) == "t: model: merges is not a list");
    for (const json& merge : {json("ab"), json("a b c"), json(" b"), json("a "), json(""), json(7),
                              json::array({"a"}), json::array({"a", 1})})
      CHECK(with("/model/merges", json::array({merge})) == "t: model: merge 0 is not two tokens");
    CHECK(with("/added_tokens", json::object()) == "t: added_tokens is not a list");
    CHECK(with("/added_tokens/0", 5) == "t: added_tokens: not an object");
    CHECK(with("/added_tokens/0/content", "") == "t: added_tokens: content is not a text");
    CHECK(with("/added_tokens/0/content", 1) == "t: added_tokens: content is not a text");
    CHECK(with("/added_tokens/0/id", 1.5) == "t: added_tokens: a number is not in 0 to 1048575");
  }

  TEST_CASE("vocab.json and merges.txt are read, with either line end") {
    constexpr std::string_view vocab = R"({"a":0,"b":1,"#":2,"<|endoftext|>":3})";
    for (const std::string_view merges :
         {"#version: 0.2\na b\n# a\n", "#version: 0.2\r\na b\r\n# a\r\n", "a b\n# a"}) {
      const auto files = tokenizer_files::from_vocab_and_merges(vocab, merges);
      CHECK(files.vocab.size() == 4);
      REQUIRE(files.merges.size() == 2);
      CHECK(files.merges[0].right == "b");
      CHECK(files.merges[1].left == "#");
      CHECK(files.merges[1].right == "a");
      REQUIRE(files.added.size() == 1);
      CHECK(files.added[0].id == 3);
    }
  }

  TEST_CASE("a line of merges.txt that is not two tokens is refused") {
    CHECK(complaint_of_merges("") == "");
    CHECK(complaint_of_merges("#version: 0.2") == "");
    CHECK(complaint_of_merges("a b\n\nc d\n") == "t: merge 1 is not two tokens");
    CHECK(complaint_of_merges("a b\n#version: 0.2 x\n") == "t: merge 1 is not two tokens");
    CHECK(complaint_of_merges("a\n") == "t: merge 0 is not two tokens");
    CHECK(complaint_of_merges("a b c") == "t: merge 0 is not two tokens");
    CHECK(complaint_of_merges("a \n") == "t: merge 0 is not two tokens");
    CHECK(complaint_of_merges("\r\n") == "t: merge 0 is not two tokens");
  }

  TEST_CASE("a directory's tokenizer.json is preferred to the older pair") {
    directory d;
    CHECK(d.complaint_of_load() == "/vocab.json: no such file");
    d.write("vocab.json", "{}");
    CHECK(d.complaint_of_load() == "/merges.txt: no such file");
    d.write("merges.txt", "");
    CHECK(tokenizer_files::load(d.path).vocab.empty());
    d.write("tokenizer.json", test::small_tokenizer().dump());
    CHECK(tokenizer_files::load(d.path).vocab.size() == 256);
    d.write("tokenizer.json", "");
    CHECK(d.complaint_of_load() == "/tokenizer.json: not JSON at byte 1");
  }

  TEST_CASE("what is no file is refused") {
    directory d;
    std::filesystem::create_directory(d.path / "tokenizer.json");
    CHECK(d.complaint_of_load() == "/tokenizer.json: no such file");
  }

  TEST_CASE("a tokenizer_config.json must not ask for more") {
    directory d;
    d.write("vocab.json", "{}");
    d.write("merges.txt", "");
    d.write("tokenizer_config.json", R"({"model_max_length":1024,"add_prefix_space":false})");
    CHECK(d.complaint_of_load() == "");
    d.write("tokenizer_config.json", R"({"tokenizer_class":"GPT2Tokenizer"})");
    CHECK(d.complaint_of_load() == "");
    d.write("tokenizer_config.json", R"({"add_bos_token":true})");
    CHECK(d.complaint_of_load() == "/tokenizer_config.json: add_bos_token is not supported");
    d.write("tokenizer_config.json", R"({"tokenizer_class":"Qwen2Tokenizer"})");
    CHECK(d.complaint_of_load() ==
          "/tokenizer_config.json: tokenizer_class Qwen2Tokenizer is not supported");
    d.write("tokenizer.json", test::small_tokenizer().dump());
    CHECK(d.complaint_of_load() == "");
  }
}

}  // namespace
