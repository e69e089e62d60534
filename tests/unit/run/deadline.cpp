// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/deadline.hpp>

#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <chrono>
#include <memory>

namespace {

namespace asio = enfilade::asio;
using socket = asio::local::stream_protocol::socket;
using guard = enfilade::deadline<socket>;
using namespace std::chrono_literals;

static_assert(!std::copyable<guard> && !std::movable<guard>, "a timer refers to its stream");

struct two_sockets {
  asio::io_context io;
  socket here{io};
  socket there{io};

  two_sockets() { asio::local::connect_pair(here, there); }
};

/// Waits for a byte, at most `longest`.
asio::awaitable<bool> read_before(socket& stream, std::chrono::milliseconds longest) {
  const guard limit{stream, longest};
  char byte = 0;
  enfilade::error_code failed;
  co_await asio::async_read(stream, asio::buffer(&byte, 1),
                            asio::redirect_error(asio::use_awaitable, failed));
  CHECK(limit.expired() == static_cast<bool>(failed));
  co_return !failed;
}

asio::awaitable<void> note(asio::awaitable<bool> reading, bool& result) {
  result = co_await std::move(reading);
}

TEST_SUITE("run/deadline") {
  TEST_CASE_FIXTURE(two_sockets, "a peer that says nothing ends the wait when the time is over") {
    bool heard = true;
    test::task reading{io, note(read_before(here, 5ms), heard)};
    test::run(io);
    CHECK(reading.done);
    CHECK_FALSE(heard);
    CHECK_FALSE(here.is_open());
  }

  TEST_CASE_FIXTURE(two_sockets, "a peer that speaks in time is heard, and the stream stays open") {
    asio::write(there, asio::buffer("x", 1));
    bool heard = false;
    test::task reading{io, note(read_before(here, 1h), heard)};
    test::run(io);  // it would wait for the hour if the timer outlived its deadline
    CHECK(heard);
    CHECK(here.is_open());
  }

  TEST_CASE_FIXTURE(two_sockets, "what was over is not closed by a handler that is late") {
    auto limit = std::make_unique<guard>(here, 0ms);
    // The timer is due and has not been looked at: its handler runs after the work has ended.
    limit.reset();
    test::run(io);
    CHECK(here.is_open());
  }

  TEST_CASE_FIXTURE(two_sockets, "what is left is of the whole, whatever a step is given") {
    guard limit{here, 1h};
    limit.within(1ms);
    CHECK(limit.left() <= 1h);
    CHECK(limit.left() > 59min);
    limit.within(1h);
    const guard over{there, -1ms};
    CHECK(over.left() < 0ms);
  }

  TEST_CASE_FIXTURE(two_sockets, "no time at all has expired at the first look") {
    const guard limit{here, 0ms};
    CHECK_FALSE(limit.expired());
    test::run(io);
    CHECK(limit.expired());
    CHECK_FALSE(here.is_open());
  }
}

}  // namespace
