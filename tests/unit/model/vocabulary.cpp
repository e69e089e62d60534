// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/vocabulary.hpp>

#include <doctest/doctest.h>

#include <string>

namespace {

using enfilade::vocabulary;

TEST_SUITE("model/vocabulary") {
  TEST_CASE("each id has its bytes, NUL among them") {
    const vocabulary tokens{{"a", std::string("\0b", 2), "\xFF"}};
    CHECK(tokens.size() == 3);
    CHECK(tokens.longest() == 2);
    CHECK(tokens[0] == "a");
    CHECK(tokens[1] == std::string("\0b", 2));
    CHECK(tokens[2] == "\xFF");
  }

  TEST_CASE("an id that nobody has is empty") {
    const vocabulary gap{{"a", "", "c"}};
    CHECK(gap.size() == 3);
    CHECK(gap[1].empty());
    CHECK(gap[2] == "c");
    CHECK(gap[3].empty());
    CHECK(gap[0xFFFFFFFF].empty());
    CHECK(vocabulary{}[0].empty());
    CHECK(vocabulary{}.size() == 0);
  }
}

}  // namespace
