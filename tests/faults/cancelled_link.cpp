// SPDX-License-Identifier: Apache-2.0
#include "linked.hpp"
#include "support/campaign.hpp"

#include <enfilade/wire/message.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

// One end of a link is cancelled before each single turn of the executor: while it shakes hands,
// while it sends messages of several records, while it receives them.

namespace {

using namespace test;
using namespace std::chrono_literals;
using enfilade::message_header;
using enfilade::message_kind;

using deployment = over_the_simulation;

constexpr auto longest = 20s;

/// Both ends of a handshake under way, over a network that splits what it carries.
struct two_handshakes {
  two_handshakes() {
    world.sky.splits = 4;
    two_streams streams{world};
    start(world, ups, shake(std::move(streams.up), upstream_terms<deployment>(expect('d')), up));
    start(world, downs,
          shake(std::move(streams.down), downstream_terms<deployment>(expect('u')), down));
  }

  bool over() const { return ups.over && downs.over; }

  network world{1};
  std::shared_ptr<link_type> up;
  std::shared_ptr<link_type> down;
  ending ups;
  ending downs;
};

TEST_CASE("a handshake that is cancelled at any moment ends at both ends, by name at the other") {
  std::size_t turns = 0;
  {
    two_handshakes both;
    while (!both.over()) {
      REQUIRE(both.world.turn(virtual_clock::now() + longest));
      ++turns;
    }
    REQUIRE((both.up && both.down));
  }
  campaign count{"faults.cancelled_handshake"};
  const std::size_t step = fast_build || long_campaigns() ? 1 : 7;
  for (const bool cancel_up : {true, false})
    for (std::size_t at = 0; at < turns; at += step) {
      CAPTURE(cancel_up);
      CAPTURE(at);
      two_handshakes both;
      for (std::size_t i = 0; i != at; ++i) both.world.turn(virtual_clock::time_point::max());
      (cancel_up ? both.ups : both.downs).stop.emit(asio::cancellation_type::terminal);
      count.tried();
      const bool ended =
          both.world.run_until([&] { return both.over(); }, virtual_clock::now() + longest);
      CHECK(ended);
      // The other end may have finished already; then it has a link, and learns that it is dead.
      const ending& others = cancel_up ? both.downs : both.ups;
      const bool known = others.named() || (cancel_up ? both.down : both.up) != nullptr;
      CHECK(known);
      both.up.reset();
      both.down.reset();
      both.world.run_for(1s);
      CHECK(both.world.open_ends() == 0);
      if (ended && known) count.refused();
    }
  CHECK(count.tries() == count.refusals());
}

// Message `number`: as long as its number says, and full of it.
std::size_t size_of(std::size_t number) { return 300'000 + 1000 * number; }

asio::awaitable<void> send_one(link_type& through, std::size_t number) {
  const std::size_t size = size_of(number);
  const auto room = through.prepare(size);
  std::fill(room.begin(), room.end(), static_cast<std::byte>(number));
  message_header header;
  header.kind = message_kind::generate;
  header.dtype = enfilade::message_dtype::u8;
  header.rank = 1;
  header.shape[0] = static_cast<std::uint32_t>(size);
  header.payload_size = size;
  header.request = number;
  co_await through.send(header);
}

asio::awaitable<void> send_some(link_type& through, std::size_t from, std::size_t to,
                                std::size_t& sent) {
  for (std::size_t number = from; number != to; ++number) {
    co_await send_one(through, number);
    ++sent;
  }
}

/// Messages that came whole, and whether each was the next one and as it was written.
struct inbox {
  std::size_t count = 0;
  bool damaged = false;
};

asio::awaitable<void> receive_until(link_type& from, inbox& in, std::size_t count) {
  while (in.count != count) {
    const std::optional<enfilade::message> got = co_await from.receive();
    if (!got) co_return;
    const auto value = static_cast<std::byte>(in.count);
    in.damaged = in.damaged || got->header.request != in.count ||
                 got->payload.size() != size_of(in.count) ||
                 std::count(got->payload.begin(), got->payload.end(), value) !=
                     static_cast<std::ptrdiff_t>(got->payload.size());
    ++in.count;
  }
}

constexpr std::size_t messages = 3;

/// Sends `messages`, with one end cancelled before turn `at`; returns the turns it took.
struct exchange {
  exchange(std::size_t at, bool cancel_sender) : ends(world) {
    REQUIRE((ends.up && ends.down));
    start(world, sending, send_some(*ends.up, 0, messages, sent));
    start(world, receiving, receive_until(*ends.down, in, messages));
    const auto last = virtual_clock::now() + longest;
    while (!(sending.over && receiving.over) && turns != at && world.turn(last)) ++turns;
    if (turns != at) return;
    ending& cancelled = cancel_sender ? sending : receiving;
    cancelled.stop.emit(asio::cancellation_type::terminal);
    world.run_until([&] { return cancelled.over; }, last);
  }

  network world{1};
  linked ends;
  std::size_t sent = 0;
  inbox in;
  ending sending;
  ending receiving;
  std::size_t turns = 0;
};

TEST_CASE("a receive that is cancelled at any moment loses nothing: the next one goes on") {
  const std::size_t turns = exchange{~std::size_t{0}, false}.turns;
  REQUIRE(turns > 50);
  campaign count{"faults.cancelled_receive"};
  const std::size_t step = fast_build || long_campaigns() ? 1 : 9;
  for (std::size_t at = 0; at < turns; at += step) {
    CAPTURE(at);
    exchange one{at, false};
    count.tried();
    start(one.world, one.receiving, receive_until(*one.ends.down, one.in, messages));
    one.world.run_until([&] { return one.receiving.over && one.sending.over; },
                        virtual_clock::now() + longest);
    CHECK(one.in.count == messages);
    CHECK_FALSE(one.in.damaged);
    CHECK(one.sent == messages);
    if (one.in.count == messages && !one.in.damaged) count.refused();
  }
  CHECK(count.tries() == count.refusals());
}

TEST_CASE(
    "a send that is cancelled at any moment was whole, or is the last: never a half message") {
  const std::size_t turns = exchange{~std::size_t{0}, true}.turns;
  campaign count{"faults.cancelled_send"};
  std::size_t died = 0;
  const std::size_t step = fast_build || long_campaigns() ? 1 : 9;
  for (std::size_t at = 0; at < turns; at += step) {
    CAPTURE(at);
    exchange one{at, true};
    count.tried();
    const std::size_t before = one.sent;
    start(one.world, one.sending, send_some(*one.ends.up, before, messages, one.sent));
    one.world.run_until([&] { return one.receiving.over && one.sending.over; },
                        virtual_clock::now() + longest);
    const bool usable = one.sent == messages && one.in.count == messages;
    // Nothing follows half a record: the peer sees the stream end, and no forgery.
    const bool dead = one.sending.code == errc::transport_closed &&
                      one.receiving.code == errc::frame_truncated && one.in.count <= before + 1;
    const std::string said =
        one.sending.code.message() + one.sending.nameless + ", " + one.receiving.code.message();
    CHECK_MESSAGE((usable || dead), said);
    CHECK_FALSE(one.in.damaged);
    died += dead ? 1 : 0;
    if ((usable || dead) && !one.in.damaged) count.refused();
  }
  CHECK(count.tries() == count.refusals());
  CHECK(died > 0);
}

}  // namespace
