// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/tokenizer.hpp>

#include "../../support/small_tokenizer.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using enfilade::errc;
using enfilade::failure;
using enfilade::special_tokens;
using enfilade::tokenizer;
using enfilade::tokenizer_files;
using enfilade::utf8_stream;
using nlohmann::json;
using ids = std::vector<std::uint32_t>;

static_assert(std::movable<tokenizer>);

tokenizer made_of(const json& document) {
  return tokenizer{tokenizer_files::from_json(document.dump(), "t")};
}

std::string complaint(const json& document) {
  try {
    made_of(document);
  } catch (const failure& caught) {
    CHECK(caught.code() == errc::model_tokenizer_invalid);
    return caught.where();
  }
  return {};
}

// 256 "lo", 257 "low", 258 " low", 259 "er", 260 <|endoftext|>
const tokenizer low =
    made_of(test::small_tokenizer({{"l", "o"}, {"lo", "w"}, {"Ġ", "low"}, {"e", "r"}}));

TEST_SUITE("model/tokenizer") {
  TEST_CASE("a text becomes the ids of its merged bytes, and comes back") {
    CHECK(low.encode("low lower").value() == ids{257, 258, 259});
    CHECK(low.encode("slow").value() == ids{'s', 257});
    CHECK(low.encode("é").value() == ids{0xC3, 0xA9});
    CHECK(low.encode("").value().empty());
    CHECK(low.decode(ids{257, 258, 259}) == "low lower");
    CHECK(low.decode(ids{0xC3, 0xA9}) == "é");
    CHECK(low.decode({}) == "");
  }

  TEST_CASE("merges do not cross the pieces of the pattern") {
    CHECK(low.encode("lo w").value() == ids{256, ' ', 'w'});
    CHECK(low.encode("lo1w").value() == ids{256, '1', 'w'});
  }

  TEST_CASE("a text that is not UTF-8 is refused") {
    for (const char* text : {"\xFF", "low\xC3", "\xED\xA0\x80", "\xC0\x80"})
      for (const auto special : {special_tokens::as_text, special_tokens::recognise})
        CHECK(low.encode(text, special).error() == errc::request_not_text);
  }

  TEST_CASE("special tokens are text unless the caller vouches for it") {
    CHECK(low.end_of_text() == 260U);
    const ids as_text = low.encode("a<|endoftext|>low").value();
    CHECK(as_text.size() == 1 + 13 + 1);
    for (const std::uint32_t id : as_text) CHECK_FALSE(low.is_special(id));
    CHECK(low.decode(as_text) == "a<|endoftext|>low");
    CHECK(low.encode("a<|endoftext|>low", special_tokens::recognise).value() == ids{'a', 260, 257});
    CHECK(low.encode("<|endoftext|>", special_tokens::recognise).value() == ids{260});
    CHECK(low.encode("<|endoftext|", special_tokens::recognise).value().size() == 12);
  }

  TEST_CASE("a piece ends before a special token") {
    CHECK(low.encode("  <|endoftext|>  a", special_tokens::recognise).value() ==
          ids{' ', ' ', 260, ' ', ' ', 'a'});
  }

  TEST_CASE("a special token decodes to its text, an id that nobody has to nothing") {
    CHECK(low.decode(ids{'a', 260, 'b'}) == "a<|endoftext|>b");
    CHECK(low.is_special(260));
    CHECK(low.decode(ids{'a', 261, 0xFFFFFFFF, 'b'}) == "ab");
    CHECK(low.token_bytes(261).empty());
    CHECK(low.size() == 261);
  }

  TEST_CASE("token by token, the text comes out as whole characters") {
    //[stream
    utf8_stream stream;
    std::string shown;
    for (const std::uint32_t id : low.encode("low 中").value())
      shown += stream.push(low.token_bytes(id));  // "low", " ", "", "", "中"
    shown += stream.finish();
    //]
    CHECK(shown == "low 中");
  }

  TEST_CASE("ids that make no text decode to replacement characters") {
    CHECK(low.decode(ids{0xFF, 'a', 0xC3}) == "\uFFFDa\uFFFD");
  }

  TEST_CASE("a text with more ids than there is room for is refused") {
    CHECK(low.encode("low lower", special_tokens::as_text, 3).has_value());
    CHECK(low.encode("low lower", special_tokens::as_text, 2).error() == errc::request_too_long);
    CHECK(low.encode("a", special_tokens::as_text, 0).error() == errc::request_too_long);
    CHECK(low.encode("", special_tokens::as_text, 0).has_value());
    constexpr auto recognise = special_tokens::recognise;
    CHECK(low.encode("<|endoftext|><|endoftext|>", recognise, 2).has_value());
    CHECK(low.encode("<|endoftext|><|endoftext|>", recognise, 1).error() == errc::request_too_long);
    CHECK(low.encode("<|endoftext|>a", recognise, 1).error() == errc::request_too_long);
  }

  TEST_CASE("a text longer than the longest message is refused, before it is looked at") {
    const std::string longest(tokenizer::max_text_bytes, '\xFF');
    CHECK(low.encode(longest).error() == errc::request_not_text);
    CHECK(low.encode(longest + '\xFF').error() == errc::request_too_long);
  }

  TEST_CASE("threads may share a tokenizer") {
    std::vector<ids> found(2);
    {
      std::vector<std::jthread> threads;
      for (ids& mine : found)
        threads.emplace_back([&mine] {
          for (int i = 0; i != 100; ++i) mine = low.encode("low lower slow").value();
        });
    }
    CHECK(found[0] == found[1]);
    CHECK(low.decode(found[0]) == "low lower slow");
  }

  TEST_CASE("files that contradict themselves are refused") {
    json document = test::small_tokenizer({{"l", "o"}});
    json& vocab = document["model"]["vocab"];
    json& merges = document["model"]["merges"];
    json& added = document["added_tokens"];
    std::string expected;
    SUBCASE("a byte without a token") {
      vocab.erase("Ġ");
      expected = "t: no token for byte 32";
    }
    SUBCASE("two tokens with one id") {
      vocab["xx"] = 256;
      expected = "t: token 256 stands twice";
    }
    SUBCASE("an added token with the id of another") {
      added[0]["id"] = 5;
      expected = "t: token 5 stands twice";
    }
    SUBCASE("two added tokens that are the same") {
      added.push_back(added[0]);
      expected = "t: added token 257 has the text of another";
    }
    SUBCASE("two added tokens with one text") {
      added.push_back(added[0]);
      added[1]["id"] = 300;
      expected = "t: added token 300 has the text of another";
    }
    SUBCASE("an added token that has another id in the vocabulary") {
      vocab["<|endoftext|>"] = 300;
      expected = "t: added token 257 has another id in vocab";
    }
    SUBCASE("a token outside the alphabet") {
      vocab["a b"] = 300;
      expected = "t: token 300 is not in byte-level letters";
    }
    SUBCASE("an empty token") {
      vocab[""] = 300;
      expected = "t: token 300 is empty";
    }
    SUBCASE("a token that is too long") {
      vocab[std::string(tokenizer::max_token_bytes + 1, 'a')] = 300;
      expected = "t: token 300 is longer than 1024 bytes";
    }
    SUBCASE("a merge of an unknown token") {
      merges.push_back("zz l");
      expected = "t: merge 1 needs a token that vocab lacks";
    }
    SUBCASE("a merge that makes an unknown token") {
      merges.push_back("o l");
      expected = "t: merge 1 needs a token that vocab lacks";
    }
    SUBCASE("a merge that makes an added token: a prompt could spell it out") {
      added[0]["content"] = "lo";
      added[0]["id"] = 256;
      expected = "t: merge 0 is an added token";
    }
    SUBCASE("a byte that is an added token") {
      added[0]["content"] = "l";
      added[0]["id"] = 'l';
      expected = "t: byte 108 is an added token";
    }
    SUBCASE("a merge that stands twice") {
      merges.push_back("l o");
      expected = "t: merge 1 stands twice";
    }
    CHECK(complaint(document) == expected);
  }

  TEST_CASE("an added token may be in the vocabulary too, and ids may have gaps") {
    json document = test::small_tokenizer();
    document["model"]["vocab"]["<|endoftext|>"] = 256;
    document["added_tokens"].push_back(document["added_tokens"][0]);
    document["added_tokens"][1]["content"] = "<a b>";
    document["added_tokens"][1]["id"] = 300;
    const tokenizer t = made_of(document);
    CHECK(t.size() == 301);
    CHECK(t.token_bytes(256) == "<|endoftext|>");
    CHECK(t.token_bytes(280).empty());
    CHECK(t.encode("<a b>", special_tokens::recognise).value() == ids{300});
  }

  TEST_CASE("a directory loads") {
    const auto path = std::filesystem::temp_directory_path() /
                      ("enfilade-tokenizer-" + std::to_string(::getpid()));
    std::filesystem::create_directory(path);
    std::ofstream{path / "tokenizer.json"} << test::small_tokenizer().dump();
    //[prompt
    const tokenizer words = tokenizer::load(path);
    const auto prompt = words.encode("Hello");  // `<|endoftext|>` in it would be plain text
    if (!prompt) throw failure(prompt.error(), "prompt");
    //]
    CHECK(prompt->size() == 5);
    CHECK(words.end_of_text() == 256U);
    std::filesystem::remove_all(path);
    CHECK_THROWS_AS(tokenizer::load(path), failure);
  }
}

}  // namespace
