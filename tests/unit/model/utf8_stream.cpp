// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/utf8_stream.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using enfilade::utf8_stream;

std::string whole(std::string_view bytes) {
  utf8_stream stream;
  std::string text = stream.push(bytes);
  return text += stream.finish();
}

TEST_SUITE("model/utf8_stream") {
  TEST_CASE("well-formed text passes as it is") {
    for (const std::string_view text :
         {"", "abc", "é", "中文", "a😀b", "\u0800\uD7FF\uFFFF\U0010FFFF"})
      CHECK(whole(text) == text);
    CHECK(whole(std::string_view{"a\0b", 3}) == std::string_view{"a\0b", 3});
  }

  TEST_CASE("a character is released when its last byte arrives") {
    utf8_stream stream;
    CHECK(stream.push("a\xF0") == "a");
    CHECK(stream.push("\x9F\x98") == "");
    CHECK(stream.push("\x80"
                      "b") == "😀b");
    CHECK(stream.finish() == "");
  }

  TEST_CASE("a byte that can't go on with a character ends it, and may begin another") {
    utf8_stream stream;
    CHECK(stream.push("\xE4\xB8") == "");
    CHECK(stream.push("x") == "\uFFFDx");
    CHECK(stream.push("\xE4\xB8") == "");
    CHECK(stream.push("\xC3") == "\uFFFD");
    CHECK(stream.push("\xA9") == "é");
  }

  TEST_CASE("what stays incomplete at the end is one replacement, and the stream begins anew") {
    utf8_stream stream;
    CHECK(stream.push("\xF0\x9F\x98") == "");
    CHECK(stream.finish() == "\uFFFD");
    CHECK(stream.finish() == "");
    CHECK(stream.push("ok") == "ok");
  }

  TEST_CASE("each maximal ill-formed part is one replacement") {
    // The Unicode Standard, tables 3-8 to 3-11.
    CHECK(whole("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41") ==
          "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
    CHECK(whole("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41") ==
          "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
    CHECK(whole("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") ==
          "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41\uFFFD\uFFFD\x42");
    CHECK(whole("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == "\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  }

  TEST_CASE("how the bytes are cut makes no difference") {
    const std::string bytes = "a\xC3\xA9\xE4\xB8\xF0\x9F\x98\x80\xED\xA0\x80z\xF4\x8F\xBF";
    const std::string expected = whole(bytes);
    CHECK(enfilade::detail::is_utf8(expected));
    for (std::size_t i = 0; i <= bytes.size(); ++i)
      for (std::size_t j = i; j <= bytes.size(); ++j) {
        utf8_stream stream;
        std::string text = stream.push(bytes.substr(0, i));
        text += stream.push(bytes.substr(i, j - i));
        text += stream.push(bytes.substr(j));
        text += stream.finish();
        CHECK(text == expected);
      }
  }
}

}  // namespace
