// SPDX-License-Identifier: Apache-2.0
//
// Defects that attested channels and distributed inference have been found to have, each tried on
// this one. The numbers are those of docs/design/threat_model.md §6; where another test already
// plays an attack, docs/design/security_tests.md names it.
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/handshake.hpp>
#include <enfilade/wire/hello.hpp>
#include <enfilade/wire/message.hpp>
#include <enfilade/wire/session.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "attested_end.hpp"
#include "limits_cases.hpp"

namespace {

using namespace enfilade;
using test::attested_end;
using test::bytes;
using test::converse;
using test::ephemeral;
using test::passing;
using test::session_pair;

registers program(char value) {
  std::array<std::byte, 32> measurement{};
  measurement.fill(static_cast<std::byte>(value));
  registers told;
  told.emplace_back("binary", Measurement{measurement});
  return told;
}

expectations pin(char value) { return *expectations::pinned("mock", program(value)); }

handshake_parameters as(link_end end) {
  handshake_parameters parameters;
  parameters.end = end;
  parameters.plan.fill(std::byte{0x91});
  return parameters;
}

attested_end genuine(link_end end, char own, const expectations& of_peer, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  return test::honest(as(end), ephemeral::fresh(random), insecure::Mock{program(own)}, of_peer);
}
attested_end above(char own, const expectations& of_peer, std::uint64_t seed = 1) {
  return genuine(link_end::upstream, own, of_peer, seed);
}
attested_end below(char own, const expectations& of_peer, std::uint64_t seed = 2) {
  return genuine(link_end::downstream, own, of_peer, seed);
}

TEST_SUITE("attack/known defects") {
  TEST_CASE("S2: the host drops any of the records of two requests, down to the last one") {
    // Each request is two chunks and a message; the victim must not take what is left for a whole.
    struct sent {
      std::array<std::byte, record_prefix_size> prefix;
      bytes body;
    };
    const std::pair<std::size_t, std::uint8_t> sizes[] = {{64, flag_more}, {100, 0}, {64, 0},
                                                          {64, flag_more}, {100, 0}, {64, 0}};
    constexpr unsigned count = 7;  // and a goodbye
    for (unsigned kept = 0; kept != 1u << count; ++kept) {
      session_pair link;
      std::vector<sent> records;
      for (const auto& [size, flags] : sizes) {
        sent& record = records.emplace_back();
        record.body.assign(size, std::byte{42});
        REQUIRE(
            link.sender.seal(record_type::message, flags, record.body, record.prefix).has_value());
      }
      sent& goodbye = records.emplace_back();
      REQUIRE(link.sender.seal(record_type::close, 0, goodbye.body, goodbye.prefix).has_value());

      unsigned opened = 0;
      error_code error;
      for (unsigned i = 0; i != count && !error; ++i) {
        if ((kept >> i & 1u) == 0) continue;
        error = link.receiver.open(records[i].prefix, records[i].body).error();
        if (!error) opened |= 1u << i;
      }
      if (!error) error = link.receiver.end_of_stream().error();
      CAPTURE(kept);
      if (kept == (1u << count) - 1) {
        CHECK_FALSE(error);
        continue;
      }
      CHECK(error);
      // What was opened before is what came before the first gap, and nothing else.
      unsigned before_gap = 0;
      while ((kept >> before_gap & 1u) != 0) ++before_gap;
      CHECK(opened == (1u << before_gap) - 1);
    }
  }

  TEST_CASE("S3: evidence answers its verifier's challenge: another nonce alone, and it is stale") {
    const auto shown_to = [](std::byte nonce) {
      std::mt19937_64 random{1};
      ephemeral key = ephemeral::fresh(random);
      key.nonce.fill(nonce);
      attested_end client =
          test::honest(as(link_end::upstream), key, insecure::Mock{program('u')}, pin('d'));
      attested_end stage = below('d', pin('u'));
      REQUIRE(converse(client, stage));
      REQUIRE(client.established());
      return *client.shown();
    };
    const test::shown_evidence first = shown_to(std::byte{1});
    const test::shown_evidence second = shown_to(std::byte{2});
    CHECK(insecure::Mock::verify(first.evidence, first.report_data).has_value());
    CHECK(insecure::Mock::verify(first.evidence, second.report_data).error().code ==
          errc::attest_binding_mismatch);
  }

  TEST_CASE("S4: pins that pin nothing accept nobody, however genuine") {
    CHECK(expectations::pinned("mock", {}).error() == errc::attest_expectations_empty);
    attested_end client = above('u', expectations{});
    attested_end stage = below('d', pin('u'));
    REQUIRE(converse(client, stage));
    CHECK(client.error() == errc::attest_expectations_empty);
    CHECK_FALSE(stage.established());
    CHECK_MESSAGE(!stage.shown(), "and this end's evidence was not shown for it");
  }

  TEST_CASE("S13: neighbours of different images pin each other, and not themselves") {
    const auto link = [](const expectations& of_below, const expectations& of_above) {
      attested_end up = above('u', of_below);
      attested_end down = below('d', of_above);
      REQUIRE(converse(up, down));
      return std::pair{up.error(), down.error()};
    };
    const std::pair<error_code, error_code> neither;
    CHECK(link(pin('d'), pin('u')) == neither);
    CHECK(link(pin('u'), pin('u')).first == errc::attest_measurement_mismatch);
    CHECK(link(pin('d'), pin('d')).second == errc::attest_measurement_mismatch);
    CHECK_MESSAGE(link(pin('d'), expectations::anyone()) == neither,
                  "a client without a TEE is served where that was said");
  }

  TEST_CASE("S14: a stranger who says nothing of sense has no answer, no agreement, no evidence") {
    std::mt19937_64 random{20260};
    for (int run = 0; run != 2000; ++run) {
      bytes noise(record_prefix_size + hello_size);
      for (std::byte& b : noise) b = static_cast<std::byte>(random());
      if (run % 2 == 0) {  // as good a stranger as one that knows the length of a hello
        record_header header;
        header.type = record_type::hello;
        header.body_length = hello_size;
        encode(header, std::span{noise}.first<record_header_size>());
        std::fill_n(noise.begin() + record_header_size, record_tag_size, std::byte{0});
      }
      bool attested = false;
      handshake_parameters parameters = as(link_end::downstream);
      parameters.sends_evidence = true;
      attested_end stage{parameters, ephemeral::fresh(random),
                         [&](auto) -> result<bytes> {
                           attested = true;
                           return bytes(1);
                         },
                         [](const handshake_step&) { return error_code{}; }};
      CHECK(stage.hear(noise).empty());
      CHECK(stage.failed());
      CHECK_FALSE(attested);
    }
  }

  TEST_CASE("S14: a stranger of another deployment is told so, and costs no evidence either") {
    std::mt19937_64 random{1};
    handshake_parameters parameters = as(link_end::downstream);
    parameters.sends_evidence = true;
    bool attested = false;
    attested_end stage{parameters, ephemeral::fresh(random),
                       [&](auto) -> result<bytes> {
                         attested = true;
                         return bytes(1);
                       },
                       [](const handshake_step&) { return error_code{}; }};
    handshake_parameters other = as(link_end::upstream);
    other.plan.fill(std::byte{0x92});
    attested_end stranger =
        test::honest(other, ephemeral::fresh(random), insecure::Mock{program('u')}, pin('d'));
    REQUIRE(converse(stranger, stage));
    CHECK(stage.error() == errc::plan_mismatch);
    CHECK(stranger.error() == errc::plan_mismatch);
    CHECK_FALSE(attested);
  }

  TEST_CASE("S15: no end has a link before the other one has confirmed, each for its own role") {
    constexpr std::size_t confirm_index = 2;
    for (const link_end mute : {link_end::upstream, link_end::downstream}) {
      attested_end up = above('u', pin('d'));
      attested_end down = below('d', pin('u'));
      REQUIRE(converse(up, down, [&](passing p) {
        if (p.from == mute && p.index == confirm_index) p.record.clear();
      }));
      CHECK((mute == link_end::upstream ? down : up).error() == errc::frame_truncated);
    }

    // The other end's confirmation of this very handshake cannot stand for one's own.
    attested_end up = above('u', pin('d'));
    attested_end down = below('d', pin('u'));
    bytes of_above;
    REQUIRE(converse(up, down, [&](passing p) {
      if (p.index != confirm_index) return;
      if (p.from == link_end::upstream) of_above = p.record;
      if (p.from == link_end::downstream) p.record = of_above;
    }));
    CHECK(up.error() == errc::crypto_auth_failed);
  }

  TEST_CASE("S18: a number from the peer drives no allocation: the step after it is a refusal") {
    const auto announce = [](std::size_t index, std::uint32_t length) {
      attested_end up = above('u', pin('d'));
      attested_end down = below('d', pin('u'));
      REQUIRE(converse(up, down, [&](passing p) {
        if (p.from == link_end::downstream && p.index == index)
          detail::store_le(p.record.data(), length);
      }));
      return up.error();
    };
    for (const std::uint32_t length : {1u << 20, 1u << 31, 0xFFFF'FFFFu})
      for (const std::size_t index : {0u, 1u, 2u})
        CHECK(announce(index, length) == errc::frame_too_large);

    message_header header;
    header.kind = message_kind::activation;
    header.dtype = message_dtype::f32;
    header.rank = 2;
    header.shape = {0x8000'0000, 0x8000'0000, 0, 0};
    header.payload_size = 0;  // what the product is in 64 bits
    CHECK(check(header).error() == errc::frame_too_large);
  }

  TEST_CASE(
      "S19: no older, laxer decoder is reachable: one version of each format, all others no") {
    std::array<std::byte, record_header_size> record{};
    record_header header;
    header.type = record_type::heartbeat;
    for (unsigned version = 0; version != 0x1'0000; ++version) {
      encode(header, record);
      detail::store_le(record.data() + 6, static_cast<std::uint16_t>(version));
      const auto read = decode(std::span<const std::byte, record_header_size>{record});
      CHECK(read.has_value() == (version == wire_version));
      if (!read) CHECK(read.error() == errc::frame_bad_version);
    }

    const auto hello_of = [](std::string_view magic) {
      std::array<std::byte, hello_size> body{};
      hello h;
      h.end = link_end::upstream;
      encode(h, body);
      std::copy_n(detail::bytes_of(magic).begin(), 8, body.begin());
      return decode(std::span<const std::byte, hello_size>{body});
    };
    using namespace std::string_view_literals;
    CHECK(hello_of("efl/1\0\0\0"sv).has_value());
    for (const std::string_view other :
         {"efl/0\0\0\0"sv, "efl/2\0\0\0"sv, "efl/11\0\0"sv, "efl/1\0\0\1"sv, "efl/\0\0\0\0"sv})
      CHECK(hello_of(other).error() == errc::frame_bad_version);
    for (const std::string_view other : {"EFL/1\0\0\0"sv, "{\"v\":1}\0"sv, "\0\0\0\0\0\0\0\0"sv})
      CHECK(hello_of(other).error() == errc::frame_malformed);

    // Text of an unversioned protocol where a record belongs.
    std::copy_n(detail::bytes_of("{\"type\": \"init\"}"sv).begin(), record.size(), record.begin());
    CHECK(decode(std::span<const std::byte, record_header_size>{record}).error() ==
          errc::frame_malformed);

    // Evidence under another number, signed with the very key that the mock trusts.
    const std::array<std::byte, 64> data{};
    bytes evidence = *insecure::Mock{program('d')}.attest(data);
    evidence[5] = std::byte{'2'};
    CHECK(insecure::Mock::verify(evidence, data).error().code == errc::attest_malformed);
  }

  TEST_CASE("S20: no plaintext stays in a buffer that was sent, or whose record was refused") {
    const bytes text(256, std::byte{42});
    session_pair link;
    for (const bool refused : {false, true}) {
      std::array<std::byte, record_prefix_size> prefix;
      bytes body = text;
      REQUIRE(link.sender.seal(record_type::message, 0, body, prefix).has_value());
      CHECK(std::search_n(body.begin(), body.end(), 8, std::byte{42}) == body.end());
      if (refused) body[0] ^= std::byte{1};
      CHECK(link.receiver.open(prefix, body).has_value() != refused);
      CHECK(body == (refused ? bytes(256, std::byte{0}) : text));
    }
    // A reader that does not look at errors has nothing to read from then on.
    std::array<std::byte, record_prefix_size> prefix;
    bytes body = text;
    REQUIRE(link.sender.seal(record_type::message, 0, body, prefix).has_value());
    CHECK(link.receiver.open(prefix, body).has_error());
    CHECK(body == bytes(256, std::byte{0}));
  }
}

}  // namespace
