// SPDX-License-Identifier: Apache-2.0
//
// A program with bounds of its own: they hold instead of Enfilade's, to the byte. It is a program by
// itself, because all of a program must agree on them.
#define ENFILADE_MAX_EVIDENCE_BODY 1064u
#define ENFILADE_MAX_RECORD_BODY (128u << 10)
#define ENFILADE_MAX_MESSAGE_SIZE (256u << 10)

#include <enfilade/wire/limits.hpp>
#include <enfilade/wire/message.hpp>
#include <enfilade/wire/session.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

#include "attack/limits_cases.hpp"
#include "unit/wire/two_ends.hpp"

namespace {

using namespace enfilade;
using test::announced;
using test::session_pair;

static_assert(max_evidence_size == 1024);
static_assert(max_record_body == 131'072 && max_message_size == 262'144);
static_assert(max_payload_size == 262'144 - 64);

TEST_SUITE("attack/limits: a program's own") {
  TEST_CASE("the body of a record") {
    for (const std::size_t size : {max_record_body - 1, max_record_body}) {
      session_pair link;
      CHECK_FALSE(link.message(size));
    }
    session_pair link;
    CHECK(link.message(max_record_body + 1) == errc::frame_too_large);
    CHECK(announced(record_type::message, max_record_body + 1) == errc::frame_too_large);
  }

  TEST_CASE("a message") {
    for (const std::size_t size : {max_message_size - 1, max_message_size}) {
      session_pair link;
      CHECK_FALSE(test::long_message(link, size));
    }
    session_pair link;
    CHECK(test::long_message(link, max_message_size + 1) == errc::frame_too_large);
  }

  TEST_CASE("evidence") {
    const auto outcome = [](std::size_t size) {
      test::end_setup up = test::upstream_setup();
      test::end_setup down = test::downstream_setup();
      test::attest_both(up, down);
      down.evidence.assign(size, std::byte{1});
      const test::two_ends<AesGcm> ends{up, down};
      return ends.established() ? error_code{} : ends.down().error;
    };
    CHECK_FALSE(outcome(1023));
    CHECK_FALSE(outcome(1024));
    CHECK(outcome(1025) == errc::frame_too_large);
    CHECK(announced(record_type::evidence, 1065) == errc::frame_too_large);
  }
}

}  // namespace
