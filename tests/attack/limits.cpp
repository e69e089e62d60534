// SPDX-License-Identifier: Apache-2.0
//
// Each bound of the wire, one below, at it, and one above: at both ends, since a peer may have been
// built by somebody who does not keep to it.
#include <enfilade/attest/insecure.hpp>
#include <enfilade/wire/evidence.hpp>
#include <enfilade/wire/handshake.hpp>
#include <enfilade/wire/limits.hpp>
#include <enfilade/wire/message.hpp>
#include <enfilade/wire/session.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "limits_cases.hpp"
#include "unit/wire/two_ends.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::announced;
using test::bytes;
using test::session_pair;

// What docs/design/wire_format.md §9 promises, unless a program says otherwise.
static_assert(max_record_body == 1'048'576);
static_assert(max_evidence_body == 65'536 && max_evidence_size == 65'496);
static_assert(max_message_size == 16'777'216);
static_assert(max_failure_text == 512);
static_assert(chunk_alignment == 64 && message_header_size == 64);
static_assert(session_limits{}.rekey_records == 1ull << 20 &&
              session_limits{}.last_records == 1ull << 32);
static_assert(session_limits{}.rekey_bytes == 64ull << 30 &&
              session_limits{}.last_bytes == 128ull << 30);
static_assert(session_limits{}.rekey_age == 120s && session_limits{}.last_age == 180s);

TEST_SUITE("attack/limits: one record") {
  TEST_CASE("the body of a hello has one length, and so has that of a confirmation") {
    CHECK(announced(record_type::hello, hello_size - 1) == errc::frame_malformed);
    CHECK_FALSE(announced(record_type::hello, hello_size));
    CHECK(announced(record_type::hello, hello_size + 1) == errc::frame_too_large);
    CHECK(announced(record_type::confirm, confirm_size - 1) == errc::frame_malformed);
    CHECK_FALSE(announced(record_type::confirm, confirm_size));
    CHECK(announced(record_type::confirm, confirm_size + 1) == errc::frame_too_large);
  }

  TEST_CASE("the body of an evidence record, below and above") {
    CHECK(announced(record_type::evidence, evidence_header_size - 1) == errc::frame_malformed);
    CHECK_FALSE(announced(record_type::evidence, evidence_header_size));
    CHECK_FALSE(announced(record_type::evidence, evidence_header_size + 1));
    CHECK_FALSE(announced(record_type::evidence, max_evidence_body - 1));
    CHECK_FALSE(announced(record_type::evidence, max_evidence_body));
    CHECK(announced(record_type::evidence, max_evidence_body + 1) == errc::frame_too_large);
  }

  TEST_CASE("evidence, in a handshake that carries it") {
    const auto outcome = [](std::size_t size) {
      test::end_setup up = test::upstream_setup();
      test::end_setup down = test::downstream_setup();
      test::attest_both(up, down);
      down.evidence.assign(size, std::byte{1});
      const test::two_ends<AesGcm> ends{up, down};
      if (ends.established()) CHECK(ends.shown_to_up == down.evidence);
      return ends.established() ? error_code{} : ends.down().error;
    };
    CHECK(outcome(0) == errc::attest_missing);
    CHECK_FALSE(outcome(1));
    CHECK_FALSE(outcome(max_evidence_size - 1));
    CHECK_FALSE(outcome(max_evidence_size));
    CHECK(outcome(max_evidence_size + 1) == errc::frame_too_large);
  }

  TEST_CASE("the body of a message record") {
    CHECK(announced(record_type::message, 0) == errc::frame_malformed);
    CHECK_FALSE(announced(record_type::message, 1));
    for (const std::size_t size : {max_record_body - 1, max_record_body}) {
      session_pair link;
      CHECK_FALSE(link.message(size));
      CHECK_FALSE(announced(record_type::message, static_cast<std::uint32_t>(size)));
    }
    session_pair link;
    CHECK(link.message(max_record_body + 1) == errc::frame_too_large);
    CHECK(link.refused_by == 's');
    CHECK(announced(record_type::message, max_record_body + 1) == errc::frame_too_large);
    CHECK(announced(record_type::message, 0xFFFF'FFFF) == errc::frame_too_large);
  }

  TEST_CASE("records that have nothing to say have no body") {
    for (const record_type type :
         {record_type::rekey, record_type::heartbeat, record_type::close}) {
      CHECK_FALSE(announced(type, 0));
      CHECK(announced(type, 1) == errc::frame_too_large);
      session_pair link;
      CHECK(link.pass(type, 1) == errc::frame_too_large);
    }
  }

  TEST_CASE("a chunk that is not the last ends where the next may begin") {
    for (const std::size_t size : {chunk_alignment, 2 * chunk_alignment, max_record_body}) {
      for (const std::size_t wrong : {size - 1, size + 1}) {
        if (wrong > max_record_body) continue;
        session_pair link;
        CHECK(link.message(wrong, flag_more) == errc::frame_malformed);
        CHECK(announced(record_type::message, static_cast<std::uint32_t>(wrong), flag_more) ==
              errc::frame_malformed);
      }
      session_pair link;
      CHECK_FALSE(link.message(size, flag_more));
      CHECK_FALSE(link.message(1));
    }
  }
}

TEST_SUITE("attack/limits: one message") {
  TEST_CASE("the first record of a message has room for its header") {
    session_pair link;
    CHECK_FALSE(link.message(message_header_size + 1));
    CHECK_FALSE(link.message(message_header_size));
    CHECK(link.message(message_header_size - 1) == errc::frame_malformed);
  }

  TEST_CASE("all chunks together") {
    for (const std::size_t size : {max_message_size - 1, max_message_size}) {
      session_pair link;
      CHECK_FALSE(test::long_message(link, size));
      CHECK_FALSE_MESSAGE(test::long_message(link, message_header_size), "the next begins anew");
    }
    session_pair link;
    CHECK(test::long_message(link, max_message_size + 1) == errc::frame_too_large);
  }

  TEST_CASE("a peer that does not keep to it is refused by the header of the chunk too many") {
    session_pair link;
    constexpr std::size_t whole = max_message_size / max_record_body;
    for (std::size_t i = 0; i != whole; ++i)
      REQUIRE_FALSE(link.message(max_record_body, flag_more));
    record_header header;
    header.type = record_type::message;
    header.body_length = 1;
    header.sequence = whole;
    std::array<std::byte, record_prefix_size> prefix{};
    encode(header, std::span{prefix}.first<record_header_size>());
    CHECK(link.receiver.open_header(prefix).error() == errc::frame_too_large);
  }

  TEST_CASE("the payload that a message's header announces") {
    const auto announces = [](std::uint64_t size) {
      message_header header;
      header.kind = message_kind::generate;
      header.dtype = message_dtype::u8;
      header.rank = 1;
      header.shape[0] = static_cast<std::uint32_t>(size);
      header.payload_size = size;
      return check(header).error();
    };
    CHECK_FALSE(announces(max_payload_size - 1));
    CHECK_FALSE(announces(max_payload_size));
    CHECK(announces(max_payload_size + 1) == errc::frame_too_large);
  }

  TEST_CASE("the text and the number of a failure") {
    const auto says = [](std::uint64_t size, std::uint64_t value) {
      message_header header;
      header.kind = message_kind::failure;
      header.dtype = message_dtype::u8;
      header.rank = 1;
      header.shape[0] = static_cast<std::uint32_t>(size);
      header.payload_size = size;
      header.value = value;
      return check(header).error();
    };
    CHECK_FALSE(says(max_failure_text - 1, 902));
    CHECK_FALSE(says(max_failure_text, 902));
    CHECK(says(max_failure_text + 1, 902) == errc::frame_too_large);
    CHECK(says(1, 0) == errc::frame_malformed);
    CHECK_FALSE(says(1, 1));
    CHECK_FALSE(says(1, 999));
    CHECK(says(1, 1000) == errc::frame_malformed);
  }

  TEST_CASE("the most tokens that a request may ask for are a number of 32 bits") {
    const auto asks = [](std::uint64_t value) {
      message_header header;
      header.kind = message_kind::generate;
      header.dtype = message_dtype::u8;
      header.rank = 1;
      header.value = value;
      return check(header).error();
    };
    CHECK_FALSE(asks(0xFFFF'FFFE));
    CHECK_FALSE(asks(0xFFFF'FFFF));
    CHECK(asks(0x1'0000'0000) == errc::frame_malformed);
  }
}

TEST_SUITE("attack/limits: one key") {
  // Small numbers for the limit under test; all others are out of reach.
  session_limits only(void (*set)(session_limits&)) {
    session_limits limits;
    set(limits);
    return limits;
  }

  TEST_CASE("a rekey is due after so many records, and undoes that") {
    session_pair link{only([](session_limits& l) { l.rekey_records = 10; })};
    for (int i = 0; i != 9; ++i) REQUIRE_FALSE(link.message(64));
    CHECK_FALSE(link.sender.rekey_due());
    REQUIRE_FALSE(link.message(64));
    CHECK(link.sender.rekey_due());
    REQUIRE_FALSE(link.message(64));
    CHECK(link.sender.rekey_due());
    CHECK_FALSE_MESSAGE(link.receiver.rekey_due(), "the other direction has a key of its own");
    REQUIRE_FALSE(link.pass(record_type::rekey));
    CHECK_FALSE(link.sender.rekey_due());
  }

  TEST_CASE("a rekey is due after so many bytes") {
    for (const auto& [size, due] : {std::pair{999, false}, {1000, true}, {1001, true}}) {
      session_pair link{only([](session_limits& l) { l.rekey_bytes = 1000; })};
      REQUIRE_FALSE(link.message(static_cast<std::size_t>(size)));
      CHECK(link.sender.rekey_due() == due);
      REQUIRE_FALSE(link.pass(record_type::rekey));
      CHECK_FALSE(link.sender.rekey_due());
    }
  }

  TEST_CASE("a rekey is due after so much time") {
    session_pair link{only([](session_limits& l) { l.rekey_age = 120s; })};
    link.sender.set_time(120s - 1ns);
    CHECK_FALSE(link.sender.rekey_due());
    link.sender.set_time(120s);
    CHECK(link.sender.rekey_due());
    link.sender.set_time(120s + 1ns);
    CHECK(link.sender.rekey_due());
    REQUIRE_FALSE(link.pass(record_type::rekey));
    CHECK_FALSE_MESSAGE(link.sender.rekey_due(), "the new key is young");
    link.sender.set_time(240s + 1ns);
    CHECK(link.sender.rekey_due());
  }

  TEST_CASE("no key seals or opens more records than its last, not even a rekey or a goodbye") {
    const session_limits ten = only([](session_limits& l) { l.last_records = 10; });
    for (const record_type last : {record_type::message, record_type::rekey, record_type::close}) {
      const std::size_t size = last == record_type::message ? 64 : 0;
      for (const bool sender_counts : {true, false}) {
        session_pair link{sender_counts ? ten : session_limits{},
                          sender_counts ? session_limits{} : ten};
        for (int i = 0; i != 10; ++i) REQUIRE_FALSE(link.message(64));
        CHECK(link.pass(last, size) == errc::crypto_key_exhausted);
        CHECK(link.refused_by == (sender_counts ? 's' : 'r'));
        CHECK_MESSAGE((sender_counts ? link.sender : link.receiver).end_of_stream().error() ==
                          errc::crypto_key_exhausted,
                      "and the session is dead");
      }
      session_pair link{ten, ten};
      for (int i = 0; i != 9; ++i) REQUIRE_FALSE(link.message(64));
      CHECK_FALSE_MESSAGE(link.pass(last, size), "the last one may be of any type");
    }
  }

  TEST_CASE("no key goes on after its last byte, but for a rekey or a goodbye") {
    const session_limits thousand = only([](session_limits& l) { l.last_bytes = 1000; });
    for (const bool sender_counts : {true, false}) {
      for (const auto& [size, refused] : {std::pair{999, false}, {1000, true}, {1001, true}}) {
        session_pair link{sender_counts ? thousand : session_limits{},
                          sender_counts ? session_limits{} : thousand};
        REQUIRE_FALSE(link.message(static_cast<std::size_t>(size)));
        CHECK(link.message(64) ==
              (refused ? error_code{errc::crypto_key_exhausted} : error_code{}));
        if (refused) CHECK(link.refused_by == (sender_counts ? 's' : 'r'));
      }
    }
    session_pair link{thousand, thousand};
    REQUIRE_FALSE(link.message(1000));
    REQUIRE_FALSE(link.pass(record_type::rekey));
    CHECK_FALSE(link.message(1000));
    CHECK_FALSE(link.pass(record_type::close));
  }

  TEST_CASE("no key outlives its last age, but for a rekey or a goodbye") {
    for (const bool sender_counts : {true, false}) {
      for (const auto& [age, refused] :
           {std::pair{180s - 1ns, false}, {180s + 0ns, true}, {180s + 1ns, true}}) {
        session_pair link;
        REQUIRE_FALSE(link.message(64));
        (sender_counts ? link.sender : link.receiver).set_time(age);
        CHECK(link.message(64) ==
              (refused ? error_code{errc::crypto_key_exhausted} : error_code{}));
        if (refused) CHECK(link.refused_by == (sender_counts ? 's' : 'r'));
      }
    }
    session_pair link;
    link.sender.set_time(181s);
    link.receiver.set_time(181s);
    REQUIRE_FALSE(link.pass(record_type::rekey));
    CHECK_FALSE(link.message(64));
    link.sender.set_time(500s);
    CHECK_FALSE(link.pass(record_type::close));
  }

  TEST_CASE("time that goes back stands still, and no clock makes an old key young") {
    session_pair link;
    link.sender.set_time(180s);
    link.sender.set_time(0s);
    CHECK(link.message(64) == errc::crypto_key_exhausted);
  }

  TEST_CASE("each direction counts for itself") {
    const session_limits ten = only([](session_limits& l) { l.last_records = 10; });
    session_pair link{ten, ten};
    for (int i = 0; i != 10; ++i) {
      REQUIRE_FALSE(link.message(64));
      std::array<std::byte, record_prefix_size> prefix;
      bytes body(64);
      REQUIRE(link.receiver.seal(record_type::message, 0, body, prefix).has_value());
      REQUIRE(link.sender.open(prefix, body).has_value());
    }
    CHECK(link.message(64) == errc::crypto_key_exhausted);
  }
}

}  // namespace
