// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/step.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace enfilade;

static_assert(!std::is_aggregate_v<step>, "g++ 12 miscompiles temporary aggregates");

/// A message as a link hands it out.
struct told {
  explicit told(message_kind kind, std::string text = {}) {
    header.kind = kind;
    payload.resize(text.size());
    if (!text.empty()) std::memcpy(payload.data(), text.data(), text.size());
  }
  message view() { return message{header, payload}; }

  message_header header;
  std::vector<std::byte> payload;
};

TEST_SUITE("run/step") {
  TEST_CASE("a token is its id and the time that the stages took") {
    told t{message_kind::token};
    t.header.value = 1234;
    t.header.busy_ns = 99;
    const step s{t.view()};
    CHECK_FALSE(s.failed);
    CHECK(s.token == 1234);
    CHECK(s.busy_ns == 99);
    CHECK(s.logits.empty());
  }

  TEST_CASE("a token may bring its logits, which outlive the message") {
    std::vector<float> scores{1.5F, -2};
    message_header header;
    header.kind = message_kind::token;
    header.dtype = message_dtype::f32;
    const step s{message{header, std::as_writable_bytes(std::span{scores})}};
    scores.assign(2, 0);
    CHECK(s.logits == std::vector<float>{1.5F, -2});
  }

  TEST_CASE("a failure has its cause, its stage and its place") {
    told t{message_kind::failure, "stage 2 at tcp:a:1"};
    t.header.value = static_cast<std::uint64_t>(errc::stage_lost);
    t.header.stage = 2;
    const step s{t.view()};
    REQUIRE(s.failed);
    CHECK(s.failed->code() == errc::stage_lost);
    CHECK(s.failed->where() == "stage 2 at tcp:a:1");
    CHECK(s.stage == 2);
  }

  TEST_CASE("a failure's text cannot move a cursor or begin a line") {
    told t{message_kind::failure, "a\x1b[2Jb\nc\r\td\x7f \xc3\xa9"};
    t.header.value = static_cast<std::uint64_t>(errc::stage_lost);
    CHECK(failure_from(t.view()).where() == "a[2Jbcd ");
  }

  TEST_CASE("a cause that this build does not know is internal") {
    told t{message_kind::failure, "x"};
    t.header.value = 998;
    CHECK(failure_from(t.view()).code() == errc::internal);
  }

  TEST_CASE("anything else that comes up is out of place") {
    const step s{told{message_kind::activation}.view()};
    REQUIRE(s.failed);
    CHECK(s.failed->code() == errc::frame_unexpected);
  }

  TEST_CASE("a lost stage says where in the answer that was, other failures do not") {
    step prompt{failure(errc::stage_lost, "stage 1"), 1};
    prompt.note_token(0);
    CHECK(prompt.failed->where() == "stage 1, at the prompt");
    step later{failure(errc::stage_lost, "stage 1"), 1};
    later.note_token(7);
    CHECK(later.failed->where() == "stage 1, after token 7");
    CHECK(later.failed->code() == errc::stage_lost);
    step other{failure(errc::stage_overloaded, "stage 1"), 1};
    other.note_token(7);
    CHECK(other.failed->where() == "stage 1");
  }
}

}  // namespace
