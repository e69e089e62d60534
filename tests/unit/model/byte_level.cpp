// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/byte_level.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <set>
#include <string>

namespace {

using enfilade::byte_level;

static_assert(byte_level::written('A') == U'A');
static_assert(byte_level::written(' ') == U'\u0120');
static_assert(byte_level::written('\n') == U'\u010A');
static_assert(byte_level::written(0x00) == U'\u0100');
static_assert(byte_level::written(0x7F) == U'\u0121');
static_assert(byte_level::written(0xAD) == U'\u0143', "the soft hyphen is not printable");
static_assert(byte_level::written(0xFF) == U'\u00FF');

TEST_SUITE("model/byte_level") {
  TEST_CASE("each byte has a character of its own that leads back to it") {
    std::set<std::string> seen;
    for (unsigned byte = 0; byte != 256; ++byte) {
      const std::string text = byte_level::text(static_cast<unsigned char>(byte));
      CHECK(seen.insert(text).second);
      CHECK(byte_level::bytes(text) == std::string(1, static_cast<char>(byte)));
    }
  }

  TEST_CASE("an entry stands for the bytes of its characters") {
    CHECK(byte_level::bytes("ĠHello") == " Hello");
    CHECK(byte_level::bytes("Ã©") == "é");
    CHECK(byte_level::bytes("") == "");
  }

  TEST_CASE("a character outside the alphabet stands for nothing") {
    for (const char* entry : {"a b", "\n", "\u00AD", "\u0144", "▁the", "😀"})
      CHECK(byte_level::bytes(entry) == std::nullopt);
  }
}

}  // namespace
