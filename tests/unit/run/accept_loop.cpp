// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/accept_loop.hpp>

#include <enfilade/transport/loopback.hpp>

#include "support/captured.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace enfilade;
using socket = Loopback::stream;

/// Serves a connection until it ends; misbehaves where the peer's first byte says so.
struct server {
  std::size_t open = 0;
  std::size_t most_open = 0;
  std::size_t served = 0;

  asio::awaitable<void> serve(socket connection) {
    most_open = std::max(most_open, ++open);
    char byte = 0;
    error_code failed;
    co_await asio::async_read(connection, asio::buffer(&byte, 1),
                              asio::redirect_error(asio::use_awaitable, failed));
    --open;
    ++served;
    if (byte == 'f') throw failure(errc::frame_malformed, "client");
    if (byte == 's') throw std::runtime_error{"odd"};
  }
};

/// A door whose `accept` fails as often as it is told to.
class sticky_door {
 public:
  explicit sticky_door(Loopback::listener& door) : door_(door) {}
  std::deque<error_code> failures;

  asio::awaitable<socket> accept() {
    if (!failures.empty()) {
      const error_code next = failures.front();
      failures.pop_front();
      throw failure(next, "loopback:sticky");
    }
    return door_.accept();
  }

 private:
  Loopback::listener& door_;
};

/// Says of each peer whose first byte is 'k' that it is known, and serves it on; waits for a peer's
/// turn where the byte is 't'.
struct knowing_server {
  std::size_t open = 0;
  std::size_t turns = 0;
  std::size_t ended = 0;

  asio::awaitable<void> serve(socket connection, visitor<socket> who) {
    ++open;
    std::exception_ptr failed;
    try {
      while (true) {
        char byte = 0;
        co_await asio::async_read(connection, asio::buffer(&byte, 1), asio::use_awaitable);
        if (byte == 'k') who.becomes_known("peer");
        if (byte == 't') {
          co_await who.turn();
          ++turns;
        }
      }
    } catch (const boost::system::system_error& e) {
      if (e.code() != asio::error::eof) failed = std::current_exception();
    }
    --open;
    ++ended;
    if (failed) std::rethrow_exception(failed);
  }
};

/// Limits that a test can count to.
admission_limits small() {
  admission_limits limits;
  limits.known = 2;
  limits.strangers = 2;
  limits.per_source = 3;
  limits.handshakes_per_second = 20;
  limits.handshakes_at_once = 2;
  limits.lines_per_second = 2;
  return limits;
}

/// A door that says who knocks: whatever the test wants.
class telling_door {
 public:
  explicit telling_door(Loopback::listener& door) : door_(door) {}
  std::uint64_t from = 0;

  asio::awaitable<socket> accept() { return door_.accept(); }
  std::uint64_t source(const socket&) const { return from; }

 private:
  Loopback::listener& door_;
};

template <class Door, class Server = server>
struct house {
  explicit house(const admission_limits& l = {}) : limits(l) {}

  admission_limits limits;
  asio::io_context io;
  Loopback::listener door{io.get_executor(), *Loopback::parse("loopback:accept-loop")};
  Door accepting{door};
  Server serving;
  accept_loop<std::remove_reference_t<Door>, Server> loop{io.get_executor(), accepting, serving,
                                                          "stage 9", limits};
  test::task running{io, loop.run()};
  std::vector<socket> visitors;

  /// One more peer knocks.
  void visit() {
    test::task dialling{io, [](house& h) -> asio::awaitable<void> {
                          auto stream =
                              co_await Loopback::dial(h.io.get_executor(), h.door.local());
                          h.visitors.push_back(std::move(stream));
                        }(*this)};
    test::run_ready(io);
    REQUIRE(dialling.error() == error_code{});
  }

  void say(std::size_t visitor, char byte) {
    asio::write(visitors[visitor], asio::buffer(&byte, 1));
    test::run_ready(io);
  }

  /// Whether this end was closed by the other one.
  bool is_closed(std::size_t visitor) {
    char byte = 0;
    error_code ended;
    visitors[visitor].non_blocking(true);
    visitors[visitor].read_some(asio::buffer(&byte, 1), ended);
    return ended == asio::error::eof || ended == asio::error::connection_reset;
  }

  void shut() {
    visitors.clear();
    door.close();
    test::run(io);
  }
};

/// The loop at the door itself.
using plain_house = house<Loopback::listener&>;

/// The loop at a door that can be made to fail.
using sticky_house = house<sticky_door>;

/// The loop with a server that gets to know its peers, and room for few of them.
struct careful_house : house<telling_door, knowing_server> {
  careful_house() : house(small()) {}
};

/// The loop that may say little.
struct terse_house : house<Loopback::listener&> {
  terse_house() : house(small_log()) {}
  static admission_limits small_log() {
    admission_limits limits;
    limits.lines_per_second = 2;
    return limits;
  }
};

TEST_SUITE("run/accept_loop") {
  TEST_CASE_FIXTURE(plain_house, "peers are served at the same time") {
    for (int i = 0; i != 3; ++i) visit();
    CHECK(serving.open == 3);
    say(1, 'x');
    CHECK(serving.open == 2);
    shut();
    CHECK(serving.served == 3);
  }

  TEST_CASE_FIXTURE(plain_house, "a closed door ends the loop, without a word") {
    const test::captured on_stderr{stderr};
    visit();
    CHECK_FALSE(running.done);
    shut();
    CHECK(running.done);
    CHECK(running.error() == error_code{});
    CHECK(on_stderr.text().empty());
  }

  TEST_CASE_FIXTURE(plain_house, "a peer that misbehaves ends its own connection, in one line") {
    const test::captured on_stderr{stderr};
    visit();
    visit();
    say(0, 'f');
    CHECK(on_stderr.text() ==
          "stage 9: " + describe(failure(errc::frame_malformed, "client")) + "\n");
    CHECK(serving.open == 1);
    visit();
    CHECK(serving.open == 2);
    shut();
  }

  TEST_CASE_FIXTURE(plain_house, "an error that is nobody's is told too, and harms nobody") {
    const test::captured on_stderr{stderr};
    visit();
    say(0, 's');
    CHECK(on_stderr.text() == "stage 9: internal: odd\n");
    visit();
    CHECK(serving.open == 1);
    shut();
  }

  TEST_CASE_FIXTURE(plain_house, "a peer for whom there is no room is told so by a closed door") {
    const test::captured on_stderr{stderr};
    const std::size_t most = admission_limits{}.known;
    for (std::size_t i = 0; i != most - 1; ++i) visit();
    CHECK(serving.open == most - 1);
    visit();
    CHECK(serving.open == most);
    visit();
    CHECK(serving.open == most);
    CHECK(is_closed(most));
    CHECK(on_stderr.text() == "stage 9: refused a connection: there is no room for one more\n");
    say(0, 'x');
    visit();
    CHECK(serving.open == most);
    CHECK(loop.known() == most);
    shut();
    CHECK(serving.served == most + 1);
    CHECK(serving.most_open == most);
  }

  TEST_CASE_FIXTURE(careful_house,
                    "the oldest stranger makes room for a newcomer; who is known stays") {
    const test::captured on_stderr{stderr};
    visit();
    say(0, 'k');
    visit();
    visit();
    CHECK(loop.known() == 1);
    CHECK(loop.strangers() == 2);
    accepting.from = 1;
    visit();
    CHECK(loop.strangers() == 2);
    CHECK_FALSE(is_closed(0));
    CHECK(is_closed(1));
    CHECK_FALSE(is_closed(2));
    CHECK_FALSE(is_closed(3));
    CHECK(serving.open == 3);
    CHECK(on_stderr.text() ==
          "stage 9: closed the connection of a stranger, to let another one in\n");
    shut();
    CHECK(running.done);
    CHECK(loop.known() == 0);
    CHECK(loop.strangers() == 0);
  }

  TEST_CASE_FIXTURE(careful_house, "a source with all its places taken by known peers is refused") {
    const test::captured on_stderr{stderr};
    for (std::size_t i = 0; i != 2; ++i) {
      visit();
      say(i, 'k');
    }
    CHECK(loop.known() == 2);
    visit();
    CHECK(is_closed(2));
    say(0, 'x');
    visitors[0].close();
    test::run_ready(io);
    CHECK(loop.known() == 1);
    visit();
    CHECK_FALSE(is_closed(3));
    shut();
  }

  TEST_CASE_FIXTURE(careful_house, "a stranger who comes too late to be known is told so by name") {
    const test::captured on_stderr{stderr};
    visit();
    say(0, 'k');
    visit();
    visit();
    say(1, 'k');
    say(2, 'k');
    CHECK(is_closed(2));
    CHECK(on_stderr.text() ==
          "stage 9: " + describe(failure(errc::stage_overloaded, "peer")) + "\n");
    shut();
  }

  TEST_CASE_FIXTURE(careful_house, "a stranger is displaced while it waits for its turn as well") {
    const test::captured on_stderr{stderr};
    for (std::size_t i = 0; i != 3; ++i) {
      accepting.from = i;
      visit();
      say(i, 't');
    }
    // Two had their turns at once, and one of them has left for the third, which waits for its own.
    CHECK(serving.turns == 2);
    CHECK(serving.open == 2);
    accepting.from = 3;
    visit();
    CHECK(is_closed(2));
    CHECK_FALSE(is_closed(1));
    CHECK(serving.open == 2);
    shut();
    CHECK(serving.turns == 2);
    CHECK(serving.ended == 4);
  }

  TEST_CASE_FIXTURE(careful_house, "turns come at their rate") {
    const auto begun = std::chrono::steady_clock::now();
    for (int burst = 0; burst != 3; ++burst) {
      accepting.from = static_cast<std::uint64_t>(burst);
      visit();
      say(visitors.size() - 1, 't');
      if (burst < 2) {
        CHECK(serving.turns == visitors.size());
        visitors.back().close();
        test::run_ready(io);
      }
    }
    const auto give_up = begun + std::chrono::seconds{10};
    io.restart();
    while (serving.turns != 3 && std::chrono::steady_clock::now() < give_up)
      io.run_one_for(std::chrono::milliseconds{100});
    CHECK(serving.turns == 3);
    CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds{50});
    shut();
  }

  TEST_CASE("a loop that ends with strangers inside leaves nothing behind") {
    const test::captured on_stderr{stderr};
    auto abandoned = std::make_unique<careful_house>();
    for (std::size_t i = 0; i != 3; ++i) abandoned->visit();
    abandoned->say(2, 't');
    abandoned.reset();  // the leak check of the sanitizer sees the rest
    CHECK(on_stderr.text().starts_with("stage 9: closed the connection of a stranger"));
  }

  TEST_CASE_FIXTURE(terse_house,
                    "S17: a flood of junk is a few lines in the log, and their number") {
    const test::captured on_stderr{stderr};
    for (std::size_t i = 0; i != 20; ++i) {
      visit();
      say(i, 'f');
    }
    const std::string line =
        "stage 9: " + describe(failure(errc::frame_malformed, "client")) + "\n";
    io.restart();
    io.run_for(std::chrono::milliseconds{1100});
    CHECK(on_stderr.text() == line + line + "stage 9: and 18 more\n");
    visit();
    say(20, 'f');
    CHECK(on_stderr.text() == line + line + "stage 9: and 18 more\n" + line);
    visit();
    CHECK(serving.open == 1);
    shut();
  }

  TEST_CASE("what the log left out is said at the end at the latest") {
    const test::captured on_stderr{stderr};
    {
      terse_house brief;
      for (std::size_t i = 0; i != 3; ++i) {
        brief.visit();
        brief.say(i, 'f');
      }
      brief.door.close();
      brief.visitors.clear();
    }
    CHECK(on_stderr.text().ends_with("\nstage 9: and 1 more\n"));
  }

  TEST_CASE_FIXTURE(sticky_house, "an accept that fails is told, and tried again") {
    const error_code no_more =
        boost::system::errc::make_error_code(boost::system::errc::too_many_files_open);
    accepting.failures.assign(2, no_more);
    const test::captured on_stderr{stderr};
    io.restart();
    io.run_for(std::chrono::milliseconds{350});
    const std::string line = "stage 9: internal: loopback:sticky: " + no_more.message() + "\n";
    CHECK(on_stderr.text() == line + line);
    visit();
    CHECK(serving.open == 1);
    shut();
    CHECK(running.done);
  }
}

}  // namespace
