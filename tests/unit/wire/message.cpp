// SPDX-License-Identifier: Apache-2.0
#include <enfilade/wire/message.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace {

using namespace enfilade;

static_assert(message_header_size == 64 && max_payload_size == (16 << 20) - 64);
static_assert(std::is_trivially_copyable_v<message_header>);
static_assert(element_size(message_dtype::none) == 0 && element_size(message_dtype::u8) == 1);
static_assert(element_size(message_dtype::bf16) == 2 && element_size(message_dtype::u32) == 4);
static_assert(element_size(message_dtype::f32) == 4);

using encoded = std::array<std::byte, message_header_size>;

encoded bytes_of(const message_header& h) {
  encoded bytes{};
  encode(h, bytes);
  return bytes;
}

bool accepted(const message_header& h) { return decode(bytes_of(h)).has_value(); }
error_code verdict(const message_header& h) { return decode(bytes_of(h)).error(); }

message_header tensor(message_kind kind, message_dtype dtype, std::vector<std::uint32_t> shape) {
  message_header h;
  h.kind = kind;
  h.dtype = dtype;
  h.rank = static_cast<std::uint8_t>(shape.size());
  h.payload_size = element_size(dtype);
  for (std::size_t i = 0; i != shape.size(); ++i) {
    h.shape[i] = shape[i];
    h.payload_size *= shape[i];
  }
  if (kind == message_kind::failure) h.value = 902;
  return h;
}

message_header bare(message_kind kind) {
  message_header h;
  h.kind = kind;
  if (kind == message_kind::failure) h.value = 902;
  return h;
}

// One acceptable header of every kind and dtype.
std::vector<message_header> all_good() {
  return {
      tensor(message_kind::generate, message_dtype::u8, {25}),
      tensor(message_kind::generate, message_dtype::u32, {5}),
      tensor(message_kind::activation, message_dtype::f32, {5, 768}),
      bare(message_kind::release),
      bare(message_kind::token),
      tensor(message_kind::token, message_dtype::u8, {6}),
      tensor(message_kind::token, message_dtype::f32, {50257}),
      bare(message_kind::done),
      bare(message_kind::failure),
      tensor(message_kind::failure, message_dtype::u8, {20}),
      bare(message_kind::cancel),
      bare(message_kind::rooms),
      tensor(message_kind::room_evidence, message_dtype::u8, {85}),
  };
}

message_header first_good(message_kind kind) {
  const std::vector<message_header> all = all_good();
  return *std::ranges::find(all, kind, &message_header::kind);
}

TEST_SUITE("wire/message") {
  TEST_CASE("a header is laid out as the specification says") {
    message_header h = tensor(message_kind::activation, message_dtype::f32, {2, 3});
    h.flags = message_flag_logits;
    h.slot = 0x11121314;
    h.position = 0x21222324;
    h.request = 0x3132333435363738;
    CHECK(detail::to_hex(bytes_of(h)) ==
          "02030201"
          "14131211"
          "24232221"
          "00000000"
          "3837363534333231"
          "0000000000000000"
          "02000000"
          "03000000"
          "00000000"
          "00000000"
          "1800000000000000"
          "0000000000000000");
    message_header token = bare(message_kind::token);
    token.busy_ns = 0x4142434445464748;
    token.value = 0x51525354;
    CHECK(detail::to_hex(bytes_of(token)) ==
          "04000000"
          "00000000"
          "00000000"
          "00000000"
          "0000000000000000"
          "4847464544434241"
          "00000000"
          "00000000"
          "00000000"
          "00000000"
          "0000000000000000"
          "5453525100000000");
  }

  TEST_CASE("what encode writes, decode reads, for every kind") {
    for (const message_header& h : all_good()) {
      CAPTURE(static_cast<int>(h.kind));
      const auto read = decode(bytes_of(h));
      REQUIRE(read.has_value());
      CHECK((*read == h));
    }
  }

  TEST_CASE("kinds and dtypes that the format does not know are refused") {
    for (unsigned value = 0; value != 256; ++value) {
      message_header h = bare(message_kind::release);
      h.kind = static_cast<message_kind>(value);
      if (value == 0 || value > 9) CHECK(verdict(h) == errc::frame_malformed);
      message_header t = tensor(message_kind::token, message_dtype::u8, {1});
      t.dtype = static_cast<message_dtype>(value);
      if (value > 4) CHECK(verdict(t) == errc::frame_malformed);
    }
  }

  TEST_CASE("a kind is refused with a dtype or a rank that is not its own") {
    int accepted_pairs = 0;
    for (unsigned kind = 1; kind <= 9; ++kind)
      for (unsigned dtype = 0; dtype <= 4; ++dtype)
        for (std::size_t rank = 0; rank <= 4; ++rank)
          accepted_pairs +=
              accepted(tensor(static_cast<message_kind>(kind), static_cast<message_dtype>(dtype),
                              std::vector<std::uint32_t>(rank, 1)));
    CHECK(accepted_pairs == static_cast<int>(all_good().size()));
    message_header h = tensor(message_kind::token, message_dtype::u8, {1});
    h.rank = 5;
    CHECK(verdict(h) == errc::frame_malformed);
  }

  TEST_CASE("a field that a kind does not use is zero") {
    struct use {
      message_kind kind;
      bool slot, position, stage, busy, value, logits;
    };
    const use all[] = {
        {message_kind::generate, false, false, false, false, true, true},
        {message_kind::activation, true, true, false, false, false, true},
        {message_kind::release, true, false, false, false, false, false},
        {message_kind::token, true, true, false, true, true, false},
        {message_kind::done, true, true, false, true, true, false},
        {message_kind::failure, true, false, true, false, true, false},
        {message_kind::cancel, false, false, false, false, false, false},
        {message_kind::rooms, false, false, false, false, false, false},
        {message_kind::room_evidence, false, false, false, false, false, false},
    };
    for (const use& u : all) {
      CAPTURE(static_cast<int>(u.kind));
      const message_header good = first_good(u.kind);
      const auto with = [&](auto change) {
        message_header h = good;
        change(h);
        return accepted(h);
      };
      CHECK(with([](auto& h) { h.slot = 1; }) == u.slot);
      CHECK(with([](auto& h) { h.position = 1; }) == u.position);
      CHECK(with([](auto& h) { h.stage = 1; }) == u.stage);
      CHECK(with([](auto& h) { h.busy_ns = 1; }) == u.busy);
      CHECK(with([](auto& h) { h.value = 1; }) == u.value);
      CHECK(with([](auto& h) { h.flags = message_flag_logits; }) == u.logits);
      CHECK(with([](auto& h) { h.request = 1; }));
      for (unsigned bit = 1; bit != 8; ++bit)
        CHECK_FALSE(with([=](auto& h) { h.flags = static_cast<std::uint8_t>(1u << bit); }));
      CHECK_FALSE(with([](auto& h) { h.shape[h.rank] = 1; }));
      CHECK_FALSE(with([](auto& h) { h.payload_size += 1; }));
    }
  }

  TEST_CASE("a value is within what its kind means by it") {
    message_header done = bare(message_kind::done);
    done.value = 2;
    CHECK(verdict(done) == errc::frame_malformed);
    message_header failed = bare(message_kind::failure);
    failed.value = 0;
    CHECK(verdict(failed) == errc::frame_malformed);
    failed.value = 999;
    CHECK(accepted(failed));
    failed.value = 1000;
    CHECK(verdict(failed) == errc::frame_malformed);
    for (const message_kind kind : {message_kind::token, message_kind::generate}) {
      message_header h = first_good(kind);
      h.value = 0xFFFFFFFF;
      CHECK(accepted(h));
      h.value = 0x100000000;
      CHECK(verdict(h) == errc::frame_malformed);
    }
  }

  TEST_CASE("payload and shape agree, and both are bounded") {
    constexpr auto most = static_cast<std::uint32_t>(max_payload_size);
    CHECK(accepted(tensor(message_kind::generate, message_dtype::u8, {most - 1})));
    CHECK(accepted(tensor(message_kind::generate, message_dtype::u8, {most})));
    CHECK(verdict(tensor(message_kind::generate, message_dtype::u8, {most + 1})) ==
          errc::frame_too_large);
    CHECK(accepted(tensor(message_kind::activation, message_dtype::f32, {most / 4, 1})));
    CHECK(verdict(tensor(message_kind::activation, message_dtype::f32, {most / 4 + 1, 1})) ==
          errc::frame_too_large);

    message_header h = tensor(message_kind::activation, message_dtype::f32, {2, 3});
    h.payload_size = 23;
    CHECK(verdict(h) == errc::frame_malformed);
    h.payload_size = 25;
    CHECK(verdict(h) == errc::frame_malformed);
  }

  TEST_CASE("a shape whose product overflows is refused") {
    message_header h = tensor(message_kind::activation, message_dtype::f32, {1, 1});
    h.shape = {0x80000000, 0x80000000, 0, 0};  // times 4 is 2^64
    h.payload_size = 0;
    CHECK(verdict(h) == errc::frame_too_large);
    h.shape = {0xFFFFFFFF, 0xFFFFFFFF, 0, 0};
    CHECK(verdict(h) == errc::frame_too_large);
  }

  TEST_CASE("an activation has at least one element, a prompt may be empty") {
    CHECK(verdict(tensor(message_kind::activation, message_dtype::f32, {0, 768})) ==
          errc::frame_malformed);
    CHECK(verdict(tensor(message_kind::activation, message_dtype::f32, {1, 0})) ==
          errc::frame_malformed);
    CHECK(accepted(tensor(message_kind::generate, message_dtype::u8, {0})));
    CHECK(accepted(tensor(message_kind::failure, message_dtype::u8, {0})));
  }

  TEST_CASE("the evidence of no room, of 64, and of more") {
    constexpr auto most = static_cast<std::uint32_t>(max_rooms_size);
    static_assert(max_rooms_size == 64 * (84 + 65496));
    CHECK(accepted(tensor(message_kind::room_evidence, message_dtype::u8, {0})));
    CHECK(accepted(tensor(message_kind::room_evidence, message_dtype::u8, {most})));
    CHECK(verdict(tensor(message_kind::room_evidence, message_dtype::u8, {most + 1})) ==
          errc::frame_too_large);
  }

  TEST_CASE("a failure may be of no slot") {
    message_header h = bare(message_kind::failure);
    h.slot = no_slot;
    CHECK(accepted(h));
  }

  TEST_CASE("the text of a failure is short") {
    CHECK(accepted(tensor(message_kind::failure, message_dtype::u8, {511})));
    CHECK(accepted(tensor(message_kind::failure, message_dtype::u8, {512})));
    CHECK(verdict(tensor(message_kind::failure, message_dtype::u8, {513})) ==
          errc::frame_too_large);
  }
}

}  // namespace
