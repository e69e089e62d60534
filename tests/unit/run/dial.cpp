// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/dial.hpp>

#include "unit/transport/conversation.hpp"

#include <enfilade/transport/loopback.hpp>

#include <doctest/doctest.h>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <utility>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;

/// A network in which packets get lost: nobody answers, and nobody says that nobody does.
struct Swamp : Loopback {
  static asio::awaitable<stream> dial(asio::any_io_executor executor, endpoint) {
    asio::steady_timer never{executor, std::chrono::hours{1}};
    co_await never.async_wait(asio::use_awaitable);
    co_return stream{executor};
  }
};
static_assert(transport<Swamp>);

template <transport T>
asio::awaitable<void> dial(asio::any_io_executor executor, typename T::endpoint at,
                           std::chrono::nanoseconds longest) {
  const auto stream = co_await dial_within<T>(executor, std::move(at), longest);
  CHECK(stream.is_open());
}

const Loopback::endpoint somewhere{"dial"};

TEST_SUITE("run/dial") {
  TEST_CASE("a peer that is there is connected, and nothing is left to wait for") {
    asio::io_context io;
    Loopback::listener door{io.get_executor(), somewhere};
    test::task dialling{io, dial<Loopback>(io.get_executor(), somewhere, 1h)};
    test::run_ready(io);
    CHECK(dialling.done);
    CHECK(dialling.error() == error_code{});
    CHECK_MESSAGE(io.stopped(), "the timer went with the wait");
  }

  TEST_CASE("a peer that is not there is named at once, not when the time is over") {
    asio::io_context io;
    test::task dialling{io, dial<Loopback>(io.get_executor(), somewhere, 1h)};
    test::run_ready(io);
    CHECK(dialling.error() == errc::transport_unreachable);
    CHECK(io.stopped());
  }

  TEST_CASE("R6: where nothing answers the time is over when it is over, and where is said") {
    asio::io_context io;
    test::task dialling{io, dial<Swamp>(io.get_executor(), somewhere, 5ms)};
    test::run(io);
    CHECK(dialling.error() == errc::transport_timeout);
    try {
      std::rethrow_exception(dialling.thrown);
    } catch (const failure& f) {
      CHECK(f.where() == "loopback:dial");
    }
  }

  TEST_CASE("who dials may be cancelled") {
    asio::io_context io;
    test::task dialling{io, dial<Swamp>(io.get_executor(), somewhere, 1h)};
    test::run_ready(io);
    dialling.stop.emit(asio::cancellation_type::terminal);
    test::run_ready(io);
    CHECK(dialling.error() == asio::error::operation_aborted);
    CHECK(io.stopped());
  }
}

}  // namespace
