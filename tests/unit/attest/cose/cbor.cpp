// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/cose/cbor.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using bytes = std::vector<std::byte>;

bytes hex(std::string_view text) { return *detail::from_hex(text); }

/// The rule that the document breaks; "read" where it breaks none.
std::string_view rule(const bytes& document, const cbor_limits& limits = {}) {
  const auto read = cbor_document::read(document, limits);
  if (read) return "read";
  CHECK(read.error().code == errc::attest_malformed);
  return read.error().rule;
}
std::string_view rule(std::string_view document, const cbor_limits& limits = {}) {
  return rule(hex(document), limits);
}

/// `depth` arrays inside each other, the innermost empty.
bytes nested(std::size_t depth) {
  bytes out(depth - 1, std::byte{0x81});
  out.push_back(std::byte{0x80});
  return out;
}

/// An array of so many items that it has `items` with itself; a break ends it.
bytes array_of(std::size_t items) {
  bytes out(items + 1, std::byte{0});
  out.front() = std::byte{0x9F};
  out.back() = std::byte{0xFF};
  return out;
}

TEST_SUITE("attest/cbor") {
  TEST_CASE("numbers have the value that their bytes say") {
    const bytes document = hex("84001bffffffffffffffff203bffffffffffffffff");
    const auto read = cbor_document::read(document);
    REQUIRE(read.has_value());
    auto at = read->root().elements().begin();
    CHECK((*at).unsigned_number() == std::uint64_t{0});
    CHECK((*at++).number() == std::int64_t{0});
    CHECK((*at).unsigned_number() == ~std::uint64_t{0});
    CHECK_FALSE((*at++).number().has_value());  // above what an int64_t holds
    CHECK((*at).number() == std::int64_t{-1});
    CHECK_FALSE((*at++).unsigned_number().has_value());
    CHECK_FALSE((*at).number().has_value());
    CHECK((*at++).kind() == cbor_kind::negative_number);
    CHECK(at == read->root().elements().end());
  }

  TEST_CASE("the int64_t at both ends of its range is a number") {
    const bytes most = hex("1b7fffffffffffffff");
    const bytes least = hex("3b7fffffffffffffff");
    CHECK(cbor_document::read(most)->root().number() == INT64_MAX);
    CHECK(cbor_document::read(least)->root().number() == INT64_MIN);
  }

  TEST_CASE("a map is searched by number and by text") {
    const bytes document = hex("a3016161206162614bf5");
    const auto read = cbor_document::read(document);
    REQUIRE(read.has_value());
    const cbor_value map = read->root();
    CHECK(map.size() == 3);
    CHECK(map.find(1)->text() == "a");
    CHECK(map.find(-1)->text() == "b");
    CHECK(map.find("K")->boolean() == true);
    CHECK_FALSE(map.find(2).has_value());
    CHECK_FALSE(map.find("k").has_value());
    CHECK_FALSE(map.elements().begin() != map.elements().end());
  }

  TEST_CASE("what is inside is passed over as a whole, and its bytes can be had") {
    const bytes document = hex("83bf61618201a10203ff9f8080ff40");
    const auto read = cbor_document::read(document);
    REQUIRE(read.has_value());
    auto at = read->root().elements().begin();
    CHECK(detail::to_hex((*at).encoding()) == "bf61618201a10203ff");
    CHECK((*at).is_indefinite());
    CHECK((*at++).size() == 1);
    CHECK(detail::to_hex((*at).encoding()) == "9f8080ff");
    CHECK((*at++).size() == 2);
    CHECK((*at).bytes()->empty());
    CHECK(detail::to_hex(read->root().encoding()) == detail::to_hex(document));
  }

  TEST_CASE("an item is asked in vain for what it is not") {
    for (const char* text : {"00", "20", "4100", "6161", "80", "a0", "f5", "f6"}) {
      CAPTURE(text);
      const bytes document = hex(text);
      const auto read = cbor_document::read(document);
      REQUIRE(read.has_value());
      const cbor_value v = read->root();
      CHECK(v.unsigned_number().has_value() == (v.kind() == cbor_kind::unsigned_number));
      CHECK(v.number().has_value() ==
            (v.kind() == cbor_kind::unsigned_number || v.kind() == cbor_kind::negative_number));
      CHECK(v.bytes().has_value() == (v.kind() == cbor_kind::bytes));
      CHECK(v.text().has_value() == (v.kind() == cbor_kind::text));
      CHECK(v.boolean().has_value() == (v.kind() == cbor_kind::boolean));
      CHECK(v.is_null() == (v.kind() == cbor_kind::null));
      CHECK_FALSE(v.find("a").has_value());
      CHECK(v.elements().begin() == v.elements().end());
      CHECK(v.entries().begin() == v.entries().end());
    }
  }

  TEST_CASE("a number, length or count has one encoding: the shortest") {
    for (const char* least : {"1818", "190100", "1a00010000", "1b0000000100000000", "3818"})
      CHECK(rule(least) == "read");
    for (const char* longer : {"1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817",
                               "3900ff", "5800", "780161", "9800", "b800", "1b0000000000000000"})
      CHECK(rule(longer) == "cbor.not_minimal");
  }

  TEST_CASE("lengths that the format keeps for later are refused") {
    for (const char* text : {"1c", "3d", "5e", "7c", "9d", "be", "dc", "fc", "1f", "3f"})
      CHECK(rule(text) == "cbor.reserved_length");
  }

  TEST_CASE("what evidence is not made of is refused by name") {
    CHECK(rule("5f4100ff") == "cbor.indefinite_string");
    CHECK(rule("7f6161ff") == "cbor.indefinite_string");
    CHECK(rule("c100") == "cbor.tag");
    CHECK(rule("d903e600") == "cbor.tag");
    for (const char* text : {"f93c00", "fa47c35000", "fb3ff199999999999a"})
      CHECK(rule(text) == "cbor.float");
    for (const char* text : {"f7", "f0", "f8ff", "f814"}) CHECK(rule(text) == "cbor.simple_value");
  }

  TEST_CASE("a text is UTF-8") {
    CHECK(rule("63e6b0b4") == "read");
    CHECK(rule("62c080") == "cbor.not_utf8");
    CHECK(rule("63eda080") == "cbor.not_utf8");  // a surrogate
    CHECK(rule("61e6") == "cbor.not_utf8");
    CHECK(rule("42c080") == "read");
  }

  TEST_CASE("a key stands once in its map, wherever") {
    CHECK(rule("a201000200") == "read");
    CHECK(rule("a201000100") == "cbor.duplicate_key");
    CHECK(rule("a3616100616200616100") == "cbor.duplicate_key");
    CHECK(rule("bf616100616100ff") == "cbor.duplicate_key");
    CHECK(rule("81a10082a141000000") == "read");
    CHECK(rule("81a10081a24100004100f6") == "cbor.duplicate_key");
    CHECK(rule("a2616100416100") == "read");                // a text and a byte string are two keys
    CHECK(rule("82a10100a10100") == "read");                // two maps
    CHECK(rule("a201a1010001f6") == "cbor.duplicate_key");  // with another map between
  }

  TEST_CASE("a key is a number, a byte string or a text") {
    for (const char* text : {"a18000", "a1a000", "a1f500", "a1f600", "bf9fff00ff"})
      CHECK(rule(text) == "cbor.key_kind");
  }

  TEST_CASE("a break ends what waits for one, behind a value") {
    CHECK(rule("9fff") == "read");
    CHECK(rule("bfff") == "read");
    CHECK(rule("ff") == "cbor.stray_break");
    CHECK(rule("81ff") == "cbor.stray_break");
    CHECK(rule("9f81ff") == "cbor.stray_break");
    CHECK(rule("bf00ff") == "cbor.key_without_value");
  }

  TEST_CASE("the document is one item and ends with it") {
    CHECK(rule("") == "cbor.truncated");
    CHECK(rule("0000") == "cbor.trailing_bytes");
    CHECK(rule("8000") == "cbor.trailing_bytes");
    CHECK(rule("9fffff") == "cbor.trailing_bytes");
  }

  TEST_CASE("every truncation is called one") {
    const bytes whole =
        hex("bf6161830119010058200000000000000000000000000000000000000000000000000000000000000000"
            "616266c3bcc3bcc3bc6163a200f43819f6ff");
    REQUIRE(rule(whole) == "read");
    for (std::size_t size = 0; size != whole.size(); ++size) {
      CAPTURE(size);
      CHECK(rule(bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))) ==
            "cbor.truncated");
    }
  }

  TEST_CASE("a length that the document cannot hold is refused before anything is read") {
    CHECK(rule("9bffffffffffffffff") == "cbor.truncated");
    CHECK(rule("bbffffffffffffffff") == "cbor.truncated");
    CHECK(rule("bb8000000000000000") == "cbor.truncated");  // times two is zero
    CHECK(rule("5bffffffffffffffff") == "cbor.string_too_long");
    CHECK(rule("593fff") == "cbor.truncated");
    CHECK(rule("820000") == "read");
    CHECK(rule("8200") == "cbor.truncated");
    CHECK(rule("a100") == "cbor.truncated");
  }

  TEST_CASE("arrays and maps lie 16 deep and no deeper") {
    CHECK(rule(nested(16)) == "read");
    CHECK(rule(nested(17)) == "cbor.too_deep");
    CHECK(rule(bytes(60'000, std::byte{0x9F})) == "cbor.too_deep");
    CHECK(rule(nested(3), {.max_depth = 3}) == "read");
    CHECK(rule(nested(4), {.max_depth = 3}) == "cbor.too_deep");
    CHECK(rule(nested(17), {.max_depth = 100}) == "cbor.too_deep");
  }

  TEST_CASE("there are 4096 items and no more") {
    CHECK(rule(array_of(4095)) == "read");
    CHECK(rule(array_of(4096)) == "read");
    CHECK(rule(array_of(4097)) == "cbor.too_many_items");
    CHECK(rule("820000", {.max_items = 2}) == "cbor.too_many_items");
  }

  TEST_CASE("a string has 16 KiB and no more") {
    bytes most(3 + 16 * 1024, std::byte{'a'});
    for (const unsigned major : {0x40U, 0x60U}) {
      most[0] = static_cast<std::byte>(major | 25);
      most[1] = std::byte{0x40};
      most[2] = std::byte{0};
      most.resize(3 + 16 * 1024, std::byte{'a'});
      CHECK(rule(most) == "read");
      most[2] = std::byte{1};
      most.push_back(std::byte{'a'});
      CHECK(rule(most) == "cbor.string_too_long");
    }
  }

  TEST_CASE("a document has 64 KiB and no more") {
    // Four strings of 16 KiB less 4 bytes and one for the rest, in an array.
    bytes document{std::byte{0x84}};
    for (int i = 0; i != 4; ++i) {
      const std::size_t size = i == 3 ? 16'384 - 3 - 1 : 16'384 - 3;
      document.push_back(std::byte{0x59});
      document.push_back(static_cast<std::byte>(size >> 8));
      document.push_back(static_cast<std::byte>(size & 255));
      document.resize(document.size() + size);
    }
    REQUIRE(document.size() == 65'536);
    CHECK(rule(document) == "read");
    document.push_back(std::byte{0});
    CHECK(rule(document) == "cbor.document_too_long");
  }

  TEST_CASE("a document survives being moved") {
    const bytes document = hex("a1016161");
    auto read = cbor_document::read(document);
    REQUIRE(read.has_value());
    const cbor_value root = read->root();
    const cbor_document moved = std::move(*read);
    CHECK(root.find(1)->text() == "a");
    CHECK(moved.root().find(1)->text() == "a");
  }
}

}  // namespace
