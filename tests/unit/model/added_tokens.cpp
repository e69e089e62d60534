// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/added_tokens.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using enfilade::added_tokens;

const added_tokens ends{{{"<end>", 1}, {"<end>of", 2}, {"<e", 3}, {"\xFF\x80", 4}}};

// The stretches, tokens as #id.
std::vector<std::string> split(const added_tokens& tokens, std::string_view text) {
  std::vector<std::string> parts;
  const bool all = tokens.split(
      text, [&](std::string_view plain) { return parts.emplace_back(plain), true; },
      [&](std::uint32_t id) { return parts.push_back("#" + std::to_string(id)), true; });
  CHECK(all);
  return parts;
}

using parts = std::vector<std::string>;

TEST_SUITE("model/added_tokens") {
  TEST_CASE("text and tokens come in order") {
    CHECK(split(ends, "a<end>b") == parts{"a", "#1", "b"});
    CHECK(split(ends, "<end>") == parts{"#1"});
    CHECK(split(ends, "<end><end>c") == parts{"#1", "#1", "c"});
    CHECK(split(ends, "").empty());
  }

  TEST_CASE("of the tokens that begin at a place the longest is taken") {
    CHECK(split(ends, "<end>of") == parts{"#2"});
    CHECK(split(ends, "<end>o") == parts{"#1", "o"});
    CHECK(split(ends, "<end") == parts{"#3", "nd"});
  }

  TEST_CASE("the leftmost token is taken, even where a later one is longer") {
    const added_tokens overlapping{{{"ab", 1}, {"bcd", 2}}};
    CHECK(split(overlapping, "abcd") == parts{"#1", "cd"});
    CHECK(split(overlapping, "xbcd") == parts{"x", "#2"});
  }

  TEST_CASE("bytes above ASCII are compared as bytes") {
    CHECK(split(ends, "a\xFF\x80") == parts{"a", "#4"});
    CHECK(split(ends, "a\xFF\x7F") == parts{"a\xFF\x7F"});
  }

  TEST_CASE("no tokens leave the text in one stretch") {
    CHECK(split(added_tokens{}, "<end>") == parts{"<end>"});
    CHECK_FALSE(added_tokens{}.contains(0));
    CHECK(added_tokens{}.named("<end>") == nullptr);
  }

  TEST_CASE("whoever calls can stop in between") {
    int calls = 0;
    const auto twice = [&](auto) { return ++calls < 2; };
    CHECK_FALSE(ends.split("a<end>b<end>c", twice, twice));
    CHECK(calls == 2);
  }

  TEST_CASE("tokens are found by id and by text") {
    CHECK(ends.contains(4));
    CHECK_FALSE(ends.contains(5));
    CHECK(ends.named("<end>of")->id == 2);
    CHECK(ends.named("<en") == nullptr);
  }
}

}  // namespace
