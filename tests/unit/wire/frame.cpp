// SPDX-License-Identifier: Apache-2.0
#include <enfilade/wire/frame.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace {

using namespace enfilade;

static_assert(record_header_size == 16 && record_prefix_size == 32);
static_assert(std::is_trivially_copyable_v<record_header>);
static_assert(preferred_chunk % chunk_alignment == 0 && preferred_chunk <= max_record_body);
static_assert(max_message_size % chunk_alignment == 0);

using encoded = std::array<std::byte, record_header_size>;

encoded header(record_type type, std::uint32_t length, std::uint8_t flags = 0,
               std::uint64_t sequence = 0) {
  record_header h;
  h.type = type;
  h.body_length = length;
  h.flags = flags;
  h.sequence = sequence;
  encoded bytes{};
  encode(h, bytes);
  return bytes;
}

error_code verdict(const encoded& bytes) { return decode(bytes).error(); }

bool accepted(const encoded& bytes) { return decode(bytes).has_value(); }

TEST_SUITE("wire/frame") {
  TEST_CASE("a header is laid out as the specification says") {
    const encoded bytes = header(record_type::message, 0x00010203, 0, 0x1122334455667788);
    CHECK(detail::to_hex(bytes) ==
          "03020100"
          "04"
          "00"
          "0100"
          "8877665544332211");
  }

  TEST_CASE("what encode writes, decode reads") {
    const auto h = decode(header(record_type::message, 128, flag_more, 77));
    REQUIRE(h.has_value());
    CHECK(h->type == record_type::message);
    CHECK(h->body_length == 128);
    CHECK(h->flags == flag_more);
    CHECK(h->sequence == 77);
  }

  TEST_CASE("each type has its own bounds, and they are exact") {
    struct bounds {
      record_type type;
      std::uint32_t least, most;
    };
    const bounds all[] = {
        {record_type::hello, 128, 128}, {record_type::evidence, 40, 64 << 10},
        {record_type::confirm, 32, 32}, {record_type::message, 1, 1 << 20},
        {record_type::rekey, 0, 0},     {record_type::heartbeat, 0, 0},
        {record_type::close, 0, 0},
    };
    for (const bounds& b : all) {
      CAPTURE(static_cast<int>(b.type));
      CHECK(accepted(header(b.type, b.least)));
      CHECK(accepted(header(b.type, b.most)));
      CHECK(verdict(header(b.type, b.most + 1)) == errc::frame_too_large);
      CHECK(verdict(header(b.type, 0xFFFFFFFF)) == errc::frame_too_large);
      if (b.least != 0) CHECK(verdict(header(b.type, b.least - 1)) == errc::frame_malformed);
    }
  }

  TEST_CASE("a type that the format does not know is refused") {
    for (int type = 0; type != 256; ++type) {
      encoded bytes = header(record_type::heartbeat, 0);
      bytes[4] = static_cast<std::byte>(type);
      if (type < 1 || type > 7) CHECK(verdict(bytes) == errc::frame_malformed);
    }
  }

  TEST_CASE("another version is named, unless the bytes are no record at all") {
    encoded bytes = header(record_type::hello, 128);
    bytes[6] = std::byte{2};
    CHECK(verdict(bytes) == errc::frame_bad_version);
    bytes[6] = std::byte{1};
    bytes[7] = std::byte{1};
    CHECK(verdict(bytes) == errc::frame_bad_version);
    const std::string_view http = "GET / HTTP/1.1\r\n";
    encoded other{};
    for (std::size_t i = 0; i != other.size(); ++i) other[i] = static_cast<std::byte>(http[i]);
    CHECK(verdict(other) == errc::frame_malformed);
  }

  TEST_CASE("only a message may go on in the next record") {
    CHECK(accepted(header(record_type::message, 64, flag_more)));
    CHECK(verdict(header(record_type::heartbeat, 0, flag_more)) == errc::frame_malformed);
    CHECK(verdict(header(record_type::hello, 128, flag_more)) == errc::frame_malformed);
    for (unsigned flags = 2; flags != 256; ++flags)
      CHECK(verdict(header(record_type::message, 64, static_cast<std::uint8_t>(flags))) ==
            errc::frame_malformed);
  }

  TEST_CASE("a chunk that is not the last ends at a multiple of 64 bytes") {
    CHECK(verdict(header(record_type::message, 63, flag_more)) == errc::frame_malformed);
    CHECK(verdict(header(record_type::message, 65, flag_more)) == errc::frame_malformed);
    CHECK(accepted(header(record_type::message, 65)));
  }
}

}  // namespace
