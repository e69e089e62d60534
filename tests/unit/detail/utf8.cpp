// SPDX-License-Identifier: Apache-2.0
#include <enfilade/detail/utf8.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using enfilade::detail::is_utf8;
using enfilade::detail::utf8_at;

static_assert(utf8_at("a", 0).code_point == U'a');
static_assert(utf8_at("\xC3\xA9", 0).code_point == U'é');
static_assert(utf8_at("x\xE4\xB8\xAD", 1).code_point == U'中');
static_assert(utf8_at("\xF4\x8F\xBF\xBF", 0).code_point == 0x10FFFF);
static_assert(utf8_at("\xF0\x9F\x98\x80", 0).length == 4);

TEST_SUITE("detail/utf8") {
  TEST_CASE("well-formed text is UTF-8, at any place of the eight bytes read at once") {
    for (std::size_t before = 0; before != 10; ++before)
      for (const std::string_view text :
           {"", "a", "é", "\uFFFF", "\uD7FF\uE000", "\U0010FFFF", "€uro"})
        CHECK(is_utf8(std::string(before, 'x') + std::string{text} + "yy"));
  }

  TEST_CASE("ill-formed text is not UTF-8") {
    for (std::size_t before = 0; before != 10; ++before)
      for (const std::string_view text :
           {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE4\xB8",
            "\xE4\xB8(", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98",
            "\xF0\x9F(\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
        CHECK_FALSE(is_utf8(std::string(before, 'x') + std::string{text}));
        CHECK_FALSE(is_utf8(std::string(before, 'x') + std::string{text} + "tail tail"));
      }
  }
}

}  // namespace
