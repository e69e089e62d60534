// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/relay.hpp>

#include <enfilade/run/accept_loop.hpp>
#include <enfilade/transport/loopback.hpp>
#include <enfilade/transport/tcp.hpp>

#include "support/captured.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;

/// upstream, Loopback, the relay, Tcp, downstream: a relay may join two kinds of transport.
struct three_rooms {
  using relay_type = relay<Loopback, Tcp>;

  asio::io_context io;
  Tcp::listener far_door{io.get_executor(), *Tcp::parse("tcp:127.0.0.1:0")};
  Loopback::listener door{io.get_executor(), *Loopback::parse("loopback:relay")};
  relay_type carrier{far_door.local(), limits()};
  accept_loop<Loopback::listener, relay_type> loop{io.get_executor(), door, carrier, "relay"};
  std::optional<Loopback::stream> up;
  std::optional<Tcp::stream> down;

  static relay_limits limits() {
    relay_limits short_ones;
    short_ones.silence = std::chrono::milliseconds{400};
    return short_ones;
  }

  three_rooms() { asio::co_spawn(io, loop.run(), asio::detached); }
  ~three_rooms() {
    up.reset();
    down.reset();
    door.close();
    far_door.close();
    io.restart();
    io.run_for(std::chrono::seconds{10});
  }

  void connect() {
    test::task answering{io, [](three_rooms& r) -> asio::awaitable<void> {
                           auto stream = co_await r.far_door.accept();
                           r.down.emplace(std::move(stream));
                         }(*this)};
    dial();
    run_until([&] { return answering.done; });
  }

  void dial() {
    test::task dialling{io, [](three_rooms& r) -> asio::awaitable<void> {
                          auto stream =
                              co_await Loopback::dial(r.io.get_executor(), r.door.local());
                          r.up.emplace(std::move(stream));
                        }(*this)};
    run_until([&] { return dialling.done; });
  }

  /// Lets the relay work until `done`; a test that would hang ends after 10 s.
  template <class Done>
  void run_until(Done done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    io.restart();
    while (!done() && std::chrono::steady_clock::now() < give_up)
      io.run_one_for(std::chrono::milliseconds{100});
    CHECK(done());
  }

  /// Reads `stream` to its end, and how it ended.
  template <class Stream>
  std::pair<std::string, error_code> drain(Stream& stream) {
    std::string heard;
    error_code ended;
    bool over = false;
    auto all = asio::dynamic_buffer(heard);
    asio::async_read(stream, all, [&](error_code e, std::size_t) {
      ended = e;
      over = true;
    });
    run_until([&] { return over; });
    return {heard, ended};
  }

  template <class Stream>
  void send(Stream& to, const std::string& text) {
    bool over = false;
    asio::async_write(to, asio::buffer(text), [&](error_code e, std::size_t) {
      CHECK(e == error_code{});
      over = true;
    });
    run_until([&] { return over; });
  }

  template <class Stream>
  std::string read(Stream& from, std::size_t size) {
    std::string heard(size, '\0');
    bool over = false;
    asio::async_read(from, asio::buffer(heard), [&](error_code e, std::size_t) {
      CHECK(e == error_code{});
      over = true;
    });
    run_until([&] { return over; });
    return heard;
  }
};

TEST_SUITE("run/relay") {
  TEST_CASE_FIXTURE(three_rooms, "bytes travel both ways, in turn") {
    connect();
    for (int i = 0; i != 3; ++i) {
      send(*up, "down the pipeline");
      CHECK(read(*down, 17) == "down the pipeline");
      send(*down, "and up");
      CHECK(read(*up, 6) == "and up");
    }
  }

  TEST_CASE_FIXTURE(three_rooms, "more than any buffer holds travels both ways at the same time") {
    connect();
    const std::string much(3'000'000, 'd');
    const std::string more(2'000'000, 'u');
    std::string seen_down(much.size(), '\0');
    std::string seen_up(more.size(), '\0');
    int open = 4;
    const auto finish = [&](error_code e, std::size_t) {
      CHECK(e == error_code{});
      --open;
    };
    asio::async_write(*up, asio::buffer(much), finish);
    asio::async_write(*down, asio::buffer(more), finish);
    asio::async_read(*down, asio::buffer(seen_down), finish);
    asio::async_read(*up, asio::buffer(seen_up), finish);
    run_until([&] { return open == 0; });
    CHECK((seen_down == much));
    CHECK((seen_up == more));
  }

  TEST_CASE_FIXTURE(three_rooms,
                    "R3: the end of one direction is passed on, and the other still flows") {
    connect();
    send(*up, "last words");
    shutdown_send(*up);
    const auto [heard, ended] = drain(*down);
    CHECK(heard == "last words");
    CHECK(ended == asio::error::eof);
    send(*down, "a long answer");
    shutdown_send(*down);
    const auto [answer, over] = drain(*up);
    CHECK(answer == "a long answer");
    CHECK(over == asio::error::eof);
  }

  TEST_CASE_FIXTURE(three_rooms, "R3: the end comes from below as well") {
    connect();
    send(*down, "bye");
    shutdown_send(*down);
    CHECK(drain(*up).first == "bye");
    send(*up, "not so fast");
    CHECK(read(*down, 11) == "not so fast");
  }

  TEST_CASE_FIXTURE(three_rooms, "R3: a side that dies is missed by the other at once") {
    connect();
    SUBCASE("downstream") {
      down.reset();
      CHECK(drain(*up).second);
    }
    SUBCASE("downstream, with a reset") {
      down->set_option(asio::socket_base::linger{true, 0});
      down.reset();
      CHECK(drain(*up).second);
    }
    SUBCASE("upstream") {
      up.reset();
      CHECK(drain(*down).second);
    }
  }

  TEST_CASE_FIXTURE(three_rooms,
                    "where the far side is down, the dialler is told by a closed door") {
    const test::captured on_stderr{stderr};
    const std::string there = Tcp::format(far_door.local());
    far_door.close();
    dial();
    const auto [heard, ended] = drain(*up);
    CHECK(heard.empty());
    CHECK(ended == asio::error::eof);
    CHECK(on_stderr.text() ==
          "relay: " + describe(failure(errc::transport_unreachable, there)) + "\n");
  }

  TEST_CASE_FIXTURE(three_rooms, "R9: two silent ends do not hold their place for ever") {
    const test::captured on_stderr{stderr};
    connect();
    send(*up, "hello");
    CHECK(read(*down, 5) == "hello");
    const auto silent_since = std::chrono::steady_clock::now();
    CHECK(drain(*up).second);
    CHECK(drain(*down).second);
    const auto waited = std::chrono::steady_clock::now() - silent_since;
    CHECK(waited >= limits().silence - std::chrono::milliseconds{50});
    CHECK(waited < std::chrono::seconds{5});
    run_until([&] { return loop.known() == 0; });
    CHECK(on_stderr.text().starts_with("relay: transport.timeout: nothing travelled to tcp:"));
  }

  TEST_CASE_FIXTURE(three_rooms,
                    "R9: an end that speaks keeps the connection, though nobody answers") {
    connect();
    asio::steady_timer pause{io};
    for (int i = 0; i != 8; ++i) {
      send(*up, "!");
      CHECK(read(*down, 1) == "!");
      bool over = false;
      pause.expires_after(limits().silence / 4);
      pause.async_wait([&](error_code) { over = true; });
      run_until([&] { return over; });
    }
    send(*down, "still here");
    CHECK(read(*up, 10) == "still here");
  }

  TEST_CASE_FIXTURE(three_rooms, "R9: half an end and then silence is an end as well") {
    const test::captured on_stderr{stderr};
    connect();
    shutdown_send(*up);
    CHECK(drain(*down).second == asio::error::eof);
    CHECK(drain(*up).second);  // nothing came from below in time
    run_until([&] { return loop.known() == 0; });
  }

  TEST_CASE("R6: dialling the far side has a deadline") {
    const test::captured on_stderr{stderr};
    asio::io_context io;
    relay_limits impatient;
    impatient.dial = std::chrono::milliseconds{50};
    // A queue of one that is full: the kernel of the far side does not answer any more.
    asio::ip::tcp::acceptor full{io};
    full.open(asio::ip::tcp::v4());
    full.bind({asio::ip::address_v4::loopback(), 0});
    full.listen(0);
    const auto at = full.local_endpoint();
    std::vector<Tcp::stream> queue;
    for (int i = 0; i != 3; ++i) {
      queue.emplace_back(io);
      queue.back().async_connect(at, [](error_code) {});
    }
    test::run_ready(io);
    relay<Loopback, Tcp> carrier{Tcp::endpoint{"127.0.0.1", at.port()}, impatient};
    Loopback::stream up{io};
    Loopback::stream here{io};
    asio::local::connect_pair(up, here);
    test::task serving{io, carrier.serve(std::move(here))};
    const auto begun = std::chrono::steady_clock::now();
    io.restart();
    while (!serving.done && std::chrono::steady_clock::now() - begun < std::chrono::seconds{10})
      io.run_one_for(std::chrono::milliseconds{100});
    CHECK(serving.error() == errc::transport_timeout);
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{5});
  }

  TEST_CASE_FIXTURE(three_rooms, "connections are carried apart from each other") {
    connect();
    auto first_up = std::move(*up);
    auto first_down = std::move(*down);
    connect();
    send(*up, "second");
    send(first_up, "first");
    CHECK(read(*down, 6) == "second");
    CHECK(read(first_down, 5) == "first");
    first_up.close();
    CHECK(drain(first_down).second == asio::error::eof);
    send(*down, "still here");
    CHECK(read(*up, 10) == "still here");
  }
}

}  // namespace
