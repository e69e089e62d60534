// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/close_quietly.hpp>
#include <enfilade/run/dial.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/clock.hpp>
#include <enfilade/transport/transport.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace enfilade {

/// How long a relay waits. How many connections it carries is `accept_loop`'s business.
struct relay_limits {
  /// To a connection with the far side.
  std::chrono::nanoseconds dial = std::chrono::seconds{10};

  /// A connection on which nothing travels either way for so long is dead: the ends of a link send
  /// a heartbeat every second, and a handshake is over after ten.
  std::chrono::nanoseconds silence = std::chrono::seconds{30};
};

namespace detail {

/// Closes both streams of a carried connection when nothing has travelled for too long.
template <class From, class To>
class silence_limit {
 public:
  silence_limit(From& from, To& to, std::chrono::nanoseconds longest)
      : timer_(from.get_executor()), state_(std::make_shared<state>(from, to, longest)) {
    watch(timer_, state_);
  }
  silence_limit(const silence_limit&) = delete;
  silence_limit& operator=(const silence_limit&) = delete;
  ~silence_limit() {
    state_->over = true;
    timer_.cancel();
  }

  /// Something travelled.
  void heard() noexcept { state_->last = clock::now(); }
  bool expired() const noexcept { return state_->expired; }

 private:
  using clock = clock_of<From>;
  struct state {
    state(From& f, To& t, std::chrono::nanoseconds l)
        : from(f), to(t), longest(l), last(clock::now()) {}
    From& from;
    To& to;
    std::chrono::nanoseconds longest;
    typename clock::time_point last;
    bool over = false;
    bool expired = false;
  };

  static typename clock::time_point end_of(const state& s) {
    return s.last + std::chrono::duration_cast<typename clock::duration>(s.longest);
  }

  // One timer a connection: it looks when the silence would be too long, not at each byte.
  static void watch(timer_of<From>& timer, const std::shared_ptr<state>& watched) {
    timer.expires_at(end_of(*watched));
    timer.async_wait([&timer, watched](const error_code& stopped) {
      if (stopped || watched->over) return;
      if (clock::now() < end_of(*watched)) return watch(timer, watched);
      watched->expired = true;
      close_quietly(watched->from);
      close_quietly(watched->to);
    });
  }

  timer_of<From> timer_;
  std::shared_ptr<state> state_;
};

/// Copies until `from` ends, then passes the end on: the other direction may still flow.
template <class From, class To, class Limit>
asio::awaitable<void> copy_until_end(From& from, To& to, Limit& limit) {
  // One buffer a direction, freed with the connection. It only ever holds ciphertext.
  auto buffer = std::make_unique<std::array<std::byte, 64 * 1024>>();
  try {
    while (true) {
      const std::size_t size =
          co_await from.async_read_some(asio::buffer(*buffer), asio::use_awaitable);
      limit.heard();
      co_await asio::async_write(to, asio::buffer(buffer->data(), size), asio::use_awaitable);
      limit.heard();
    }
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::eof) {
      shutdown_send(to);
    } else {  // anything but a clean end: neither direction can go on
      close_quietly(from);
      close_quietly(to);
    }
  }
}

}  // namespace detail

/// The untrusted program between two stages that cannot reach each other (two Nitro enclaves on
/// one host): what `accept_loop` accepts on `From` it carries to `To`, ciphertext both ways.
///
/// It holds no key and sees sizes and timing only. The end of one direction is passed on as the
/// end of that direction (half-close), so a stage learns at once that its neighbour is gone. A
/// connection that is silent for too long is closed and `errc::transport_timeout` thrown: its places
/// here and beyond belong to whoever has something to say.
template <transport From, transport To>
class relay {
 public:
  explicit relay(typename To::endpoint forward_to, const relay_limits& limits = {})
      : to_(std::move(forward_to)), limits_(limits) {}

  /// Carries one connection until both directions have ended.
  asio::awaitable<void> serve(typename From::stream upstream) {
    // Where nobody answers, closing `upstream` tells the dialler, and the error is thrown.
    typename To::stream downstream =
        co_await dial_within<To>(upstream.get_executor(), to_, limits_.dial);
    detail::silence_limit limit{upstream, downstream, limits_.silence};
    auto down = detail::copy_until_end(upstream, downstream, limit);
    auto up = detail::copy_until_end(downstream, upstream, limit);
    using namespace asio::experimental::awaitable_operators;
    co_await (std::move(down) && std::move(up));
    if (limit.expired())
      throw failure(errc::transport_timeout, "nothing travelled to " + To::format(to_));
  }

 private:
  typename To::endpoint to_;
  relay_limits limits_;
};

}  // namespace enfilade
