// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every transport must do, written once: tests/unit/transport/<transport>.cpp call these with
// their own addresses.

#include <enfilade/transport/transport.hpp>

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace test {

namespace asio = enfilade::asio;
using enfilade::errc;
using enfilade::error_code;

/// One coroutine on its way: how it ended, and a signal that asks it to stop.
struct task {
  bool done = false;
  std::exception_ptr thrown;
  asio::cancellation_signal stop;

  task(asio::io_context& io, asio::awaitable<void> body) {
    asio::co_spawn(io, std::move(body),
                   asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr e) {
                     done = true;
                     thrown = e;
                   }));
  }
  task(const task&) = delete;

  /// The error that ended it; none where it ran to its end.
  error_code error() const {
    if (!thrown) return {};
    try {
      std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& e) {
      return e.code();
    }
  }
};

/// Runs what is ready and what becomes ready; a test that would hang ends here instead.
inline void run(asio::io_context& io) {
  io.restart();
  io.run_for(std::chrono::seconds{10});
  CHECK_MESSAGE(io.stopped(), "the io_context still had work after 10 s");
}

/// Runs what is ready now, and leaves what waits for the outside.
inline void run_ready(asio::io_context& io) {
  io.restart();
  while (io.poll() != 0) {
  }
}

/// The error code of calling `f`; none where it threw nothing.
template <class F>
error_code error_of(F f) {
  try {
    f();
  } catch (const boost::system::system_error& e) {
    return e.code();
  }
  return {};
}

/// Hears one peer to its half-close, and then says all of it back.
template <enfilade::transport T>
asio::awaitable<void> echo(typename T::listener& door) {
  auto stream = co_await door.accept();
  std::string heard;
  error_code ended;
  auto all = asio::dynamic_buffer(heard);
  co_await asio::async_read(stream, all, asio::redirect_error(asio::use_awaitable, ended));
  CHECK(ended == asio::error::eof);
  co_await asio::async_write(stream, asio::buffer(heard), asio::use_awaitable);
  enfilade::shutdown_send(stream);
  stream.close();
}

/// Says `text` in two gathered pieces, ends its sending half, and hears all that comes back.
template <enfilade::transport T>
asio::awaitable<void> converse(asio::any_io_executor executor, typename T::endpoint at,
                               std::string_view text, std::string& heard) {
  auto stream = co_await T::dial(executor, at);
  enfilade::detail::gathered_out pieces{asio::buffer(text.substr(0, text.size() / 2)),
                                        asio::buffer(text.substr(text.size() / 2))};
  co_await asio::async_write(stream, pieces, asio::use_awaitable);
  enfilade::shutdown_send(stream);
  error_code ended;
  auto all = asio::dynamic_buffer(heard);
  co_await asio::async_read(stream, all, asio::redirect_error(asio::use_awaitable, ended));
  CHECK(ended == asio::error::eof);
}

template <enfilade::transport T>
asio::awaitable<void> dial_only(asio::any_io_executor executor, typename T::endpoint at) {
  [[maybe_unused]] auto stream = co_await T::dial(executor, at);
}

template <enfilade::transport T>
asio::awaitable<void> accept_only(typename T::listener& door) {
  [[maybe_unused]] auto stream = co_await door.accept();
}

template <enfilade::transport T>
void carries_bytes_both_ways(const typename T::endpoint& here) {
  asio::io_context io;
  typename T::listener door{io.get_executor(), here};
  std::string heard;
  task answering{io, echo<T>(door)};
  task asking{io, converse<T>(io.get_executor(), door.local(), "one room, then the next", heard)};
  run(io);
  CHECK(asking.error() == error_code{});
  CHECK(answering.error() == error_code{});
  CHECK(heard == "one room, then the next");
}

template <enfilade::transport T>
void carries_bytes_between_threads(const typename T::endpoint& here) {
  asio::io_context left;
  asio::io_context right;
  typename T::listener door{right.get_executor(), here};
  const std::string said(1 << 20, 'e');
  std::string heard;
  task answering{right, echo<T>(door)};
  task asking{left, converse<T>(left.get_executor(), door.local(), said, heard)};
  std::thread other{[&] { right.run_for(std::chrono::seconds{10}); }};
  left.run_for(std::chrono::seconds{10});
  other.join();
  CHECK(asking.error() == error_code{});
  CHECK(answering.error() == error_code{});
  CHECK_MESSAGE((heard == said), "all of it came back, in order");
}

template <enfilade::transport T>
void accept_ends_when_cancelled(const typename T::endpoint& here) {
  asio::io_context io;
  typename T::listener door{io.get_executor(), here};
  task waiting{io, accept_only<T>(door)};
  run_ready(io);
  CHECK_FALSE(waiting.done);
  waiting.stop.emit(asio::cancellation_type::terminal);
  run(io);
  CHECK(waiting.error() == asio::error::operation_aborted);
}

template <enfilade::transport T>
void accept_ends_when_closed(const typename T::endpoint& here) {
  asio::io_context io;
  typename T::listener door{io.get_executor(), here};
  task waiting{io, accept_only<T>(door)};
  run_ready(io);
  door.close();
  run(io);
  CHECK(waiting.error() == asio::error::operation_aborted);

  task late{io, accept_only<T>(door)};
  run(io);
  CHECK(late.error() == asio::error::operation_aborted);
}

template <enfilade::transport T>
void accept_ends_when_destroyed(const typename T::endpoint& here) {
  asio::io_context io;
  auto door = std::make_unique<typename T::listener>(io.get_executor(), here);
  task waiting{io, accept_only<T>(*door)};
  run_ready(io);
  door.reset();
  run(io);
  CHECK(waiting.error() == asio::error::operation_aborted);
}

template <enfilade::transport T>
void second_listener_is_refused(const typename T::endpoint& here) {
  asio::io_context io;
  typename T::listener door{io.get_executor(), here};
  CHECK(error_of([&] {
          typename T::listener second{io.get_executor(), door.local()};
        }) == errc::transport_address_in_use);
}

template <enfilade::transport T>
void dial_without_a_listener_is_refused(const typename T::endpoint& nobody) {
  asio::io_context io;
  task asking{io, dial_only<T>(io.get_executor(), nobody)};
  run(io);
  CHECK(asking.error() == errc::transport_unreachable);
  REQUIRE(asking.thrown);
  try {
    std::rethrow_exception(asking.thrown);
  } catch (const enfilade::failure& e) {
    CHECK(e.where() == T::format(nobody));
  }
}

template <enfilade::transport T>
void parses_what_it_formats(std::string_view text, const typename T::endpoint& meant) {
  const auto parsed = T::parse(text);
  REQUIRE_MESSAGE(parsed.has_value(), text);
  CHECK(*parsed == meant);
  CHECK(T::format(meant) == text);
}

template <enfilade::transport T>
void refuses_to_parse(std::string_view text) {
  const auto parsed = T::parse(text);
  REQUIRE_MESSAGE(parsed.has_error(), text);
  CHECK(parsed.error() == errc::transport_address_invalid);
}

}  // namespace test
