// SPDX-License-Identifier: Apache-2.0
#include <enfilade/wire/evidence.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace enfilade;

static_assert(max_evidence_size == 65536 - 40);

std::vector<std::byte> body_of(std::size_t size, std::uint16_t format = 7) {
  const std::vector<std::byte> bytes(size, std::byte{3});
  evidence e;
  e.format = format;
  e.bytes = bytes;
  std::vector<std::byte> body(evidence_header_size + size);
  encode(e, body);
  return body;
}

TEST_SUITE("wire/evidence") {
  TEST_CASE("evidence is laid out as the specification says") {
    evidence e;
    e.format = 0xFFFF;
    e.receipt_key.fill(std::byte{0x11});
    const std::vector<std::byte> bytes(2, std::byte{0x22});
    e.bytes = bytes;
    std::vector<std::byte> body(42);
    encode(e, body);
    CHECK(detail::to_hex(body) ==
          "ffff"
          "0000"
          "02000000"
          "1111111111111111111111111111111111111111111111111111111111111111"
          "2222");
  }

  TEST_CASE("what encode writes, decode reads") {
    for (const std::size_t size : {std::size_t{1}, max_evidence_size}) {
      const auto body = body_of(size);
      const auto read = decode_evidence(body);
      REQUIRE(read.has_value());
      CHECK(read->format == 7);
      CHECK(read->bytes.size() == size);
    }
  }

  TEST_CASE("the length inside is the length outside") {
    auto body = body_of(10);
    body.push_back(std::byte{});
    CHECK(decode_evidence(body).error() == errc::frame_malformed);
    body.resize(body.size() - 2);
    CHECK(decode_evidence(body).error() == errc::frame_malformed);
    CHECK(decode_evidence(std::span{body}.first(39)).error() == errc::frame_malformed);
    CHECK(decode_evidence({}).error() == errc::frame_malformed);
  }

  TEST_CASE("reserved bytes are zero") {
    auto body = body_of(10);
    body[2] = std::byte{1};
    CHECK(decode_evidence(body).error() == errc::frame_malformed);
  }

  TEST_CASE("no evidence has no format and vouches for no receipt key") {
    CHECK(decode_evidence(body_of(0, 0)).has_value());
    CHECK(decode_evidence(body_of(0, 1)).error() == errc::frame_malformed);
    auto body = body_of(0, 0);
    body[8] = std::byte{1};
    CHECK(decode_evidence(body).error() == errc::frame_malformed);
  }
}

}  // namespace
