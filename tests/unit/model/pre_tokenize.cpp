// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/pre_tokenize.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

using enfilade::gpt2_pattern;

static_assert(gpt2_pattern::piece_end("Hello world", 0) == 5);
static_assert(gpt2_pattern::piece_end("Hello world", 5) == 11, "a word takes the space before it");

using pieces = std::vector<std::string>;

pieces cut(std::string_view text) {
  pieces found;
  for (std::size_t begin = 0; begin != text.size();) {
    const std::size_t end = gpt2_pattern::piece_end(text, begin);
    REQUIRE(begin < end);
    REQUIRE(end <= text.size());
    found.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return found;
}

TEST_SUITE("model/pre_tokenize") {
  TEST_CASE("words, numbers and the rest are pieces, each with one space before it") {
    CHECK(cut("The 3 cats: ok!") == pieces{"The", " 3", " cats", ":", " ok", "!"});
    CHECK(cut("a1b22") == pieces{"a", "1", "b", "22"});
    CHECK(cut("x_y") == pieces{"x", "_", "y"});
    CHECK(cut(" ... ") == pieces{" ...", " "});
  }

  TEST_CASE("no text has no pieces") { CHECK(cut("").empty()); }

  TEST_CASE("English contractions are pieces of their own, in small letters only") {
    CHECK(cut("I'm you're it's we'll they'd I've can't") ==
          pieces{"I", "'m", " you", "'re", " it", "'s", " we", "'ll", " they", "'d", " I", "'ve",
                 " can", "'t"});
    CHECK(cut("IT'S") == pieces{"IT", "'", "S"});
    CHECK(cut("'tis") == pieces{"'t", "is"});
    CHECK(cut("'l") == pieces{"'", "l"});
    CHECK(cut("''s") == pieces{"''", "s"});
    CHECK(cut(" 's") == pieces{" '", "s"});
    CHECK(cut("'") == pieces{"'"});
  }

  TEST_CASE("a run of spaces leaves its last one to the word behind it") {
    CHECK(cut("a   b") == pieces{"a", "  ", " b"});
    CHECK(cut("a  b") == pieces{"a", " ", " b"});
    CHECK(cut("  b") == pieces{" ", " b"});
    CHECK(cut("a  ") == pieces{"a", "  "});
  }

  TEST_CASE("white space other than the space is not taken along by a word") {
    CHECK(cut("a\nb") == pieces{"a", "\n", "b"});
    CHECK(cut("a\n\nb") == pieces{"a", "\n", "\n", "b"});
    CHECK(cut("a \nb") == pieces{"a", " ", "\n", "b"});
    CHECK(cut("a\n b") == pieces{"a", "\n", " b"});
    CHECK(cut("a\r\n\t  b") == pieces{"a", "\r\n\t ", " b"});
    CHECK(cut("a\u00A0\u00A0b") == pieces{"a", "\u00A0", "\u00A0", "b"});
    CHECK(cut("中\u3000文") == pieces{"中", "\u3000", "文"});
  }

  TEST_CASE("classes are those of code points, not of bytes") {
    CHECK(cut("Привет, мир") == pieces{"Привет", ",", " мир"});
    CHECK(cut("१२ ½") == pieces{"१२", " ½"});
    CHECK(cut("e\u0301a") == pieces{"e", "\u0301", "a"});
    CHECK(cut("👍🏽👍 x") == pieces{"👍🏽👍", " x"});
  }
}

}  // namespace
