// SPDX-License-Identifier: Apache-2.0
#include <enfilade/detail/bounded_json.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using enfilade::errc;
using enfilade::detail::json_limits;
using enfilade::detail::parse_bounded;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string array_of(std::size_t count) {
  std::string text = "[0";
  for (std::size_t i = 1; i < count; ++i) text += ",0";
  return text + "]";
}

/// Why the text is refused; empty where it is not.
std::string complaint(std::string_view text, const json_limits& limits = {}) {
  std::string reason;
  const auto parsed = parse_bounded(text, errc::attest_expectations_invalid, limits, &reason);
  CHECK(parsed.has_error() == !reason.empty());
  if (parsed.has_error()) CHECK(parsed.error() == errc::attest_expectations_invalid);
  return reason;
}

TEST_SUITE("detail/bounded_json") {
  TEST_CASE("an ordinary document becomes a tree") {
    const auto parsed =
        parse_bounded(R"({"a": [1, -2, 3.5, "x", true, null], "b": {}})", errc::internal);
    REQUIRE(parsed.has_value());
    CHECK((*parsed)["a"].size() == 6);
    CHECK((*parsed)["a"][3] == "x");
    CHECK((*parsed)["b"].is_object());
  }

  TEST_CASE("the caller chooses the error") {
    CHECK(parse_bounded("{", errc::model_config_invalid).error() == errc::model_config_invalid);
  }

  TEST_CASE("depth is limited before a tree exists") {
    CHECK(complaint(nested(64)) == "");
    CHECK(complaint(nested(65)) == "deeper than 64 levels");
    CHECK(complaint(std::string(900'000, '[')) == "deeper than 64 levels");
    std::string objects;
    for (int i = 0; i != 100'000; ++i) objects += R"({"a":)";
    CHECK(complaint(objects) == "deeper than 64 levels");
    json_limits shallow;
    shallow.max_depth = 1;
    CHECK(complaint("[]", shallow) == "");
    CHECK(complaint("[{}]", shallow) == "deeper than 1 levels");
  }

  TEST_CASE("the number of values is limited") {
    json_limits few;
    few.max_values = 5;
    CHECK(complaint(array_of(4), few) == "");
    CHECK(complaint(array_of(5), few) == "more than 5 values");
    CHECK(complaint("[[],[],[],[]]", few) == "");
    CHECK(complaint("[[],[],[],[],[]]", few) == "more than 5 values");
    CHECK(complaint(R"({"a":null,"b":true,"c":1.5,"d":"s"})", few) == "");
    CHECK(complaint(R"({"a":null,"b":true,"c":1.5,"d":"s","e":-1})", few) == "more than 5 values");
  }

  TEST_CASE("the number of bytes is limited") {
    json_limits short_text;
    short_text.max_bytes = 8;
    CHECK(complaint("[1,2,34]", short_text) == "");
    CHECK(complaint("[1,2,345]", short_text) == "longer than 8 bytes");
  }

  TEST_CASE("a key that stands twice in one object is refused") {
    const std::string twice = "a key stands twice in one object";
    CHECK(complaint(R"({"a":1,"a":1})") == twice);
    CHECK(complaint(R"({"a":1,"b":2,"a":3})") == twice);
    CHECK(complaint(R"({"a":1,"\u0061":2})") == twice);
    CHECK(complaint(R"([{"x":{"a":1,"b":{"a":1},"a":2}}])") == twice);
    CHECK(complaint(R"({"":1,"":2})") == twice);
    CHECK(complaint(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}],"c":{"a":1}})") == "");
  }

  TEST_CASE("what is not JSON is refused with its place, not its bytes") {
    for (const char* text :
         {"", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":1,}", "nul", "[1] [2]", "'a'", "[01]",
          "[NaN]", "[1e999]", "\"\xff\"", "\"\\ud800\"", "[1]x", "// a\n1"})
      CHECK_MESSAGE(complaint(text).starts_with("not JSON at byte "), text);
  }

  TEST_CASE("a NUL byte does not hide what follows it") {
    using namespace std::string_view_literals;
    CHECK(complaint("[1]\0[2]"sv) == "a NUL byte");
    CHECK(complaint("[\"a\0b\"]"sv) == "a NUL byte");
  }
}

}  // namespace
