// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/accept_loop.hpp>

#include <enfilade/transport/loopback.hpp>

#include "support/captured.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <deque>
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

template <class Door>
struct house {
  asio::io_context io;
  Loopback::listener door{io.get_executor(), *Loopback::parse("loopback:accept-loop")};
  Door accepting{door};
  server serving;
  accept_loop<std::remove_reference_t<Door>, server> loop{io.get_executor(), accepting, serving,
                                                          "stage 9"};
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

  TEST_CASE_FIXTURE(plain_house, "more peers than are let in wait at the door, and come in turn") {
    const std::size_t most = decltype(loop)::most_connections;
    for (std::size_t i = 0; i != most + 2; ++i) visit();
    CHECK(serving.open == most);
    say(0, 'x');
    CHECK(serving.served == 1);
    CHECK(serving.open == most);
    say(1, 'x');
    CHECK(serving.open == most);
    shut();
    CHECK(serving.served == most + 2);
    CHECK(serving.most_open == most);
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
