// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/transport/asio.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>

namespace enfilade {

/// Accepts peers until the listener is closed, and lets `Server::serve` have each.
///
/// A peer that misbehaves ends its own connection, with one line on stderr, and nothing else. A
/// failing `accept` (no more file descriptors) is tried again: peers that leave make room.
template <class Listener, class Server>
class accept_loop {
 public:
  accept_loop(asio::any_io_executor executor, Listener& door, Server& server, std::string who)
      : executor_(executor), door_(door), server_(server), who_(std::move(who)), pause_(executor) {
    pause_.expires_at(std::chrono::steady_clock::time_point::max());
  }

  /// Connections at the same time; more wait in the kernel's queue.
  static constexpr std::size_t most_connections = 256;

  asio::awaitable<void> run() {
    while (true) {
      while (open_ == most_connections) co_await wait(std::chrono::hours{1});
      bool again = false;
      try {
        auto stream = co_await door_.accept();
        ++open_;
        asio::awaitable<void> serving = serve(std::move(stream));
        asio::co_spawn(executor_, std::move(serving), asio::detached);
      } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted) co_return;
        say(who_, describe(e));
        again = true;
      }
      if (again) co_await wait(std::chrono::milliseconds{100});
    }
  }

 private:
  template <class Stream>
  asio::awaitable<void> serve(Stream stream) {
    try {
      co_await server_.serve(std::move(stream));
    } catch (const std::exception& e) {
      say(who_, describe(e));
    }
    --open_;
    pause_.cancel();
  }

  asio::awaitable<void> wait(std::chrono::steady_clock::duration longest) {
    error_code woken;
    pause_.expires_after(longest);
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }

  asio::any_io_executor executor_;
  Listener& door_;
  Server& server_;
  std::string who_;
  asio::steady_timer pause_;
  std::size_t open_ = 0;
};

}  // namespace enfilade
