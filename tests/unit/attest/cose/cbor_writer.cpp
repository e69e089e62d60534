// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/cose/cbor_writer.hpp>

#include <enfilade/attest/cose/cbor.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;

/// What `write` writes, in hexadecimal; "nothing" where that is no document.
template <class Write>
std::string written(Write write, std::size_t room_size = 64) {
  std::vector<std::byte> room(room_size);
  cbor_writer out{room};
  write(out);
  const auto document = out.document();
  return document ? detail::to_hex(*document) : "nothing";
}

std::string number(std::uint64_t value) {
  return written([value](cbor_writer& out) { out.number(value); });
}

TEST_SUITE("attest/cbor_writer") {
  TEST_CASE("numbers are as in appendix A of RFC 8949") {
    CHECK(number(0) == "00");
    CHECK(number(23) == "17");
    CHECK(number(24) == "1818");
    CHECK(number(100) == "1864");
    CHECK(number(255) == "18ff");
    CHECK(number(256) == "190100");
    CHECK(number(1000) == "1903e8");
    CHECK(number(65535) == "19ffff");
    CHECK(number(65536) == "1a00010000");
    CHECK(number(1000000) == "1a000f4240");
    CHECK(number(0xFFFFFFFF) == "1affffffff");
    CHECK(number(0x100000000) == "1b0000000100000000");
    CHECK(number(1000000000000) == "1b000000e8d4a51000");
    CHECK(number(0xFFFFFFFFFFFFFFFF) == "1bffffffffffffffff");
  }

  TEST_CASE("so are strings, simple values, arrays and maps") {
    const std::array four{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    CHECK(written([&](cbor_writer& out) { out.bytes(four); }) == "4401020304");
    CHECK(written([&](cbor_writer& out) { out.bytes({}); }) == "40");
    CHECK(written([&](cbor_writer& out) { out.text("IETF"); }) == "6449455446");
    CHECK(written([&](cbor_writer& out) { out.boolean(true); }) == "f5");
    CHECK(written([&](cbor_writer& out) { out.boolean(false); }) == "f4");
    CHECK(written([&](cbor_writer& out) { out.null(); }) == "f6");
    CHECK(written([&](cbor_writer& out) { out.bytes_or_null(std::nullopt); }) == "f6");
    CHECK(written([&](cbor_writer& out) { out.bytes_or_null(four); }) == "4401020304");
    CHECK(written([](cbor_writer& out) { out.array(0); }) == "80");
    CHECK(written([](cbor_writer& out) { out.map(0); }) == "a0");
    CHECK(written([](cbor_writer& out) {
            out.array(3).number(1).array(2).number(2).number(3).array(2).number(4).number(5);
          }) == "8301820203820405");
    CHECK(written([](cbor_writer& out) {
            out.map(2).text("a").number(1).text("b").array(2).number(2).number(3);
          }) == "a26161016162820203");
  }

  TEST_CASE("what is no whole item is no document") {
    CHECK(written([](cbor_writer&) {}) == "nothing");
    CHECK(written([](cbor_writer& out) { out.array(2).number(1); }) == "nothing");
    CHECK(written([](cbor_writer& out) { out.map(1).text("key"); }) == "nothing");
    CHECK(written([](cbor_writer& out) { out.number(1).number(2); }) == "nothing");
    CHECK(written([](cbor_writer& out) { out.array(0).null(); }) == "nothing");
  }

  TEST_CASE("what does not fit is not written, and nothing after it") {
    const auto write = [](cbor_writer& out) { out.text("abcd"); };
    CHECK(written(write, 5) == "6461626364");
    CHECK(written(write, 4) == "nothing");
    CHECK(written(write, 0) == "nothing");
    CHECK(written([](cbor_writer& out) { out.array(2).text("abcdefgh").number(1); }, 6) ==
          "nothing");
    CHECK(written([](cbor_writer& out) { out.number(0x10000); }, 4) == "nothing");
  }

  TEST_CASE("the reader reads what was written") {
    std::array<std::byte, 128> room;
    const auto document = cbor_writer{room}
                              .map(2)
                              .text("list")
                              .array(2)
                              .number(70000)
                              .null()
                              .text("yes")
                              .boolean(true)
                              .document();
    REQUIRE(document.has_value());
    const auto read = cbor_document::read(*document);
    REQUIRE(read.has_value());
    const auto list = read->root().find("list");
    REQUIRE(list.has_value());
    CHECK((*list->elements().begin()).unsigned_number() == 70000);
    CHECK(read->root().find("yes")->boolean() == true);
  }
}

}  // namespace
