// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/pulse.hpp>

#include "raw_peer.hpp"
#include "support/manual_clock.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::raw_peer;
using test::text_of;

/// A connection on which time passes when the test says so.
struct timed_stream : test::socket {
  using clock_type = test::manual_clock;
  explicit timed_stream(test::socket&& connected) : test::socket(std::move(connected)) {}
};
using timed_link = enfilade::link<timed_stream, AesGcm>;

static_assert(std::is_same_v<clock_of<timed_stream>, test::manual_clock>);
static_assert(std::is_same_v<clock_of<test::socket>, std::chrono::steady_clock>);

/// A link with its pulse, and at the other end the socket and keys of a `raw_peer`.
struct beating {
  explicit beating(session_limits session = {}) {
    test::socket here{io};
    asio::local::connect_pair(here, there);
    end = std::make_shared<timed_link>(timed_stream{std::move(here)},
                                       test::known_session(link_end::downstream, session),
                                       std::nullopt, "the raw peer");
    asio::awaitable<void> pulse = keep_pulse(std::weak_ptr<timed_link>{end}, link_limits{});
    asio::co_spawn(io, std::move(pulse), [this](std::exception_ptr) { stopped = true; });
    settle();
  }

  void settle() {
    io.restart();
    for (int idle = 0; idle != 3;) idle = io.poll() == 0 ? idle + 1 : 0;
  }

  void pass(std::chrono::nanoseconds time) {
    test::manual_clock::passed += time;
    settle();
  }

  /// What the link has sent since the last call, opened with the link's own keys.
  std::vector<record_type> sent() {
    std::vector<record_type> seen;
    for (const auto& [type, plaintext] : test::arrived_records(there, opens)) seen.push_back(type);
    return seen;
  }

  void send(record_type type, const test::bytes& body = {}) {
    asio::write(there, asio::buffer(test::sealed_record(seals, type, body)));
    settle();
  }
  void send_text(std::size_t size) {
    send(record_type::message, test::whole_message(text_of(size), size));
  }

  asio::io_context io;
  test::socket there{io};
  std::shared_ptr<timed_link> end;
  detail::direction<AesGcm> seals = test::known_direction(link_end::upstream);
  detail::direction<AesGcm> opens = test::known_direction(link_end::downstream);
  bool stopped = false;
};

/// Waits for one message.
struct listener {
  explicit listener(beating& at) : running(at.io, receive(*at.end, heard)) { at.settle(); }

  static asio::awaitable<void> receive(timed_link& from, std::optional<std::size_t>& heard) {
    const auto received = co_await from.receive();
    if (received) heard = received->payload.size();
  }

  std::optional<std::size_t> heard;
  test::task running;
};

asio::awaitable<void> say(timed_link& from, std::size_t size) {
  from.prepare(size);
  co_await from.send(text_of(size));
}

using seen = std::vector<record_type>;

TEST_SUITE("run/pulse") {
  TEST_CASE("a link that has nothing to say says every second that it is alive") {
    beating link;
    link.pass(999ms);
    CHECK(link.sent().empty());
    link.pass(1ms);
    CHECK(link.sent() == seen{record_type::heartbeat});
    for (int i = 0; i != 5; ++i) {
      link.pass(1s);
      CHECK(link.sent() == seen{record_type::heartbeat});
    }
  }

  TEST_CASE("a link that speaks needs no heartbeat") {
    beating link;
    for (int i = 0; i != 5; ++i) {
      link.pass(500ms);
      test::task saying{link.io, say(*link.end, 10)};
      link.settle();
      CHECK(link.sent() == seen{record_type::message});
      link.pass(500ms);
      CHECK(link.sent().empty());
    }
  }

  TEST_CASE("a peer that says nothing for five seconds is dead, and the reason is said") {
    beating link;
    const listener waits{link};
    for (int i = 0; i != 4; ++i) link.pass(1s);
    CHECK_FALSE(waits.running.done);
    link.pass(1s);
    CHECK(waits.running.error() == errc::transport_timeout);
    CHECK(link.stopped);
    test::task saying{link.io, say(*link.end, 10)};
    link.settle();
    CHECK(saying.error() == errc::transport_timeout);
  }

  TEST_CASE("a peer with nothing but heartbeats is alive") {
    beating link;
    const listener waits{link};
    for (int i = 0; i != 20; ++i) {
      link.pass(4s);
      link.send(record_type::heartbeat);
    }
    link.send_text(7);
    CHECK(waits.heard == 7);
  }

  TEST_CASE("bytes that trickle in are no sign of life: a stretched length could go on for ever") {
    beating link;
    const listener waits{link};
    const test::bytes record = test::sealed_record(link.seals, record_type::heartbeat);
    for (std::size_t i = 0; i != 5; ++i) {
      CHECK_FALSE(waits.running.done);
      asio::write(link.there, asio::buffer(record.data() + i, 1));
      link.settle();
      link.pass(1s);
    }
    CHECK(waits.running.error() == errc::transport_timeout);
  }

  TEST_CASE("an end that does not listen does not judge") {
    beating link;
    for (int i = 0; i != 20; ++i) link.pass(1s);
    link.send_text(7);
    const listener late{link};
    CHECK(late.heard == 7);
  }

  TEST_CASE("an end that was stopped itself hears first what came meanwhile") {
    beating link;
    const listener waits{link};
    link.pass(1s);
    test::manual_clock::passed += 1h;
    link.send(record_type::heartbeat);
    CHECK_FALSE(waits.running.done);
  }

  TEST_CASE("a key that is two minutes old is changed on a quiet link too") {
    beating link;
    seen all;
    for (int second = 0; second != 240; ++second) {
      link.pass(1s);
      for (const record_type type : link.sent()) all.push_back(type);
    }
    CHECK(std::count(all.begin(), all.end(), record_type::rekey) == 2);
    CHECK(all[119] == record_type::rekey);
    CHECK(all[239] == record_type::rekey);
  }

  TEST_CASE("a peer that never changes its key is given up when the key is three minutes old") {
    beating link;
    const listener waits{link};
    for (int second = 0; second != 179; ++second) {
      link.pass(1s);
      link.send(record_type::heartbeat);
    }
    CHECK_FALSE(waits.running.done);
    link.pass(1s);
    link.send(record_type::heartbeat);
    CHECK(waits.running.error() == errc::crypto_key_exhausted);
  }

  TEST_CASE("the pulse ends with the link, at once") {
    beating link;
    link.pass(1s);
    SUBCASE("when it is given up") { link.end->abandon(); }
    SUBCASE("when it is closed") {
      test::task leaving{link.io, link.end->close()};
      link.settle();
    }
    SUBCASE("when nobody has it any more") {
      link.end.reset();
      link.pass(1s);
    }
    link.settle();
    CHECK(link.stopped);
    CHECK_MESSAGE(link.io.stopped(), "nothing is left to wait for");
  }
}

}  // namespace
