// SPDX-License-Identifier: Apache-2.0
#include <enfilade/wire/hello.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using namespace enfilade;

using encoded = std::array<std::byte, hello_size>;

hello some_hello() {
  hello h;
  h.suite = 1;
  h.end = link_end::downstream;
  h.sends_evidence = true;
  h.link = 0x01020304;
  h.public_key.fill(std::byte{0xAA});
  h.nonce.fill(std::byte{0xBB});
  h.plan.fill(std::byte{0xCC});
  return h;
}

encoded bytes_of(const hello& h) {
  encoded bytes{};
  encode(h, bytes);
  return bytes;
}

TEST_SUITE("wire/hello") {
  TEST_CASE("a hello is laid out as the specification says") {
    const auto repeat = [](const char* text, int times) {
      std::string all;
      while (times-- != 0) all += text;
      return all;
    };
    CHECK(detail::to_hex(bytes_of(some_hello())) ==
          "65666c2f31000000"
          "0100"
          "02"
          "01"
          "04030201" +
              repeat("00", 16) + repeat("aa", 32) + repeat("bb", 32) + repeat("cc", 32));
  }

  TEST_CASE("what encode writes, decode reads") {
    const auto read = decode(bytes_of(some_hello()));
    REQUIRE(read.has_value());
    CHECK((*read == some_hello()));
  }

  TEST_CASE("the record has a header and a tag of zeros in front") {
    const auto record = hello_record(some_hello());
    CHECK(detail::to_hex(std::span{record}.first<32>()) ==
          "80000000"
          "01"
          "00"
          "0100"
          "0000000000000000"
          "00000000000000000000000000000000");
  }

  TEST_CASE("every reserved byte is zero, every flag and end is known") {
    for (std::size_t at = 16; at != 32; ++at) {
      encoded bytes = bytes_of(some_hello());
      bytes[at] = std::byte{1};
      CHECK(decode(bytes).error() == errc::frame_malformed);
    }
    for (unsigned value = 0; value != 256; ++value) {
      encoded end = bytes_of(some_hello());
      end[10] = static_cast<std::byte>(value);
      CHECK(decode(end).has_value() == (value == 1 || value == 2));
      encoded flags = bytes_of(some_hello());
      flags[11] = static_cast<std::byte>(value);
      CHECK(decode(flags).has_value() == (value < 4));
    }
  }

  TEST_CASE("another number after the slash is another version, another word is no hello") {
    encoded version = bytes_of(some_hello());
    version[4] = std::byte{'2'};
    CHECK(decode(version).error() == errc::frame_bad_version);
    encoded word = bytes_of(some_hello());
    word[0] = std::byte{'x'};
    CHECK(decode(word).error() == errc::frame_malformed);
  }

  TEST_CASE("two ends that do not fit are told why, and the first reason wins") {
    hello mine = some_hello();
    hello theirs = some_hello();
    theirs.end = link_end::upstream;
    mine.demands_evidence = true;
    theirs.sends_evidence = true;
    CHECK_FALSE(mismatch(mine, theirs));
    theirs.sends_evidence = false;
    CHECK(mismatch(mine, theirs) == errc::attest_missing);
    CHECK(mismatch(theirs, mine) == errc::attest_missing);
    theirs.plan[31] = std::byte{};
    CHECK(mismatch(mine, theirs) == errc::plan_mismatch);
    theirs.link = 9;
    CHECK(mismatch(mine, theirs) == errc::plan_link_mismatch);
    theirs.suite = 2;
    CHECK(mismatch(mine, theirs) == errc::plan_suite_mismatch);
    theirs.end = mine.end;
    CHECK(mismatch(mine, theirs) == errc::plan_role_mismatch);
  }
}

}  // namespace
