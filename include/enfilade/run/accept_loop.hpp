// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/admission.hpp>
#include <enfilade/run/close_quietly.hpp>
#include <enfilade/run/log_limit.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/run/visitor.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/clock.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade {

namespace detail {

/// What a log gets of what a door has to say: a line each, or how many there were.
template <class Stream>
class limited_log {
 public:
  limited_log(const asio::any_io_executor& executor, std::string who, std::size_t lines_per_second)
      : state_(std::make_shared<state>(std::move(who), lines_per_second)), timer_(executor) {}
  limited_log(const limited_log&) = delete;
  limited_log& operator=(const limited_log&) = delete;
  ~limited_log() {
    timer_.cancel();
    state_->say_rest();
  }

  void operator()(std::string_view line) {
    using clock = clock_of<Stream>;
    if (state_->limit.admit(clock::now().time_since_epoch())) {
      state_->say_rest();
      say(state_->who, line);
    } else if (!std::exchange(state_->armed, true)) {
      timer_.expires_at(typename clock::time_point{
          std::chrono::duration_cast<typename clock::duration>(state_->limit.next())});
      timer_.async_wait([state = state_](const error_code& stopped) {
        state->armed = false;
        if (!stopped) state->say_rest();
      });
    }
  }

 private:
  struct state {
    state(std::string name, std::size_t lines_per_second)
        : who(std::move(name)), limit(lines_per_second) {}
    void say_rest() {
      if (const std::size_t more = limit.take_left_out(); more != 0)
        say(who, "and " + std::to_string(more) + " more");
    }
    std::string who;
    log_limit limit;
    bool armed = false;
  };

  std::shared_ptr<state> state_;
  timer_of<Stream> timer_;
};

}  // namespace detail

/// Accepts peers until the listener is closed, and lets `Server::serve` have each that `admission`
/// lets in.
///
/// A server that takes a `visitor` besides the stream says when its peer is known and waits for its
/// turn; to one that does not (a relay, which cannot know), every peer is known at once. A stranger
/// who has to make room is cancelled inside `serve`; a peer for whom there is no room at all is
/// closed without a word, so that it tries again instead of waiting for nothing.
///
/// A peer that misbehaves ends its own connection, with one line on stderr, and nothing else; of
/// more lines than `admission_limits::lines_per_second`, only the number. A failing `accept` (no
/// more file descriptors) is tried again: peers that leave make room.
template <class Listener, class Server>
class accept_loop {
 public:
  using stream_type = typename decltype(std::declval<Listener&>().accept())::value_type;

  accept_loop(asio::any_io_executor executor, Listener& door, Server& server, std::string who,
              const admission_limits& limits = {})
      : executor_(executor),
        door_(door),
        server_(server),
        log_(executor, std::move(who), limits.lines_per_second),
        pause_(executor),
        inside_(std::make_shared<inside>(tell_apart(limits))) {}

  asio::awaitable<void> run() {
    while (true) {
      bool again = false;
      try {
        stream_type stream = co_await door_.accept();
        let_in(std::move(stream));
      } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted) co_return;
        again = true;
        log_(describe(e));
      } catch (const std::bad_alloc&) {  // that peer is gone; the door stays open
        again = true;
      }
      if (again) co_await wait_a_little();
    }
  }

  /// Peers inside whose handshake is finished, and those whose is not.
  std::size_t known() const noexcept { return inside_->rules.known(); }
  std::size_t strangers() const noexcept { return inside_->rules.strangers(); }

 private:
  static constexpr bool tells_source = requires(const Listener& door, const stream_type& stream) {
    { door.source(stream) } -> std::same_as<admission::source>;
  };
  static constexpr bool takes_visitor =
      requires(Server & server, stream_type stream, visitor<stream_type> who) {
    server.serve(std::move(stream), std::move(who));
  };

  static admission_limits tell_apart(admission_limits limits) {
    if constexpr (!tells_source) limits.per_source = std::numeric_limits<std::size_t>::max();
    return limits;
  }

  // Outlives the loop: a program that stops destroys its coroutines last.
  struct inside {
    explicit inside(const admission_limits& limits) : rules(limits) {}
    admission rules;
    std::map<admission::ticket, std::shared_ptr<asio::cancellation_signal>> stops;
  };

  // One connection's place, which is free again when its coroutine is gone.
  class place {
   public:
    place(std::shared_ptr<inside> in, admission::ticket mine)
        : in_(std::move(in)), mine_(mine), stop_(std::make_shared<asio::cancellation_signal>()) {
      in_->stops.emplace(mine_, stop_);
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() {
      in_->rules.leave(mine_);
      in_->stops.erase(mine_);
    }

    asio::cancellation_slot stop() const noexcept { return stop_->slot(); }
    bool lost() const { return !in_->rules.has(mine_); }
    visitor<stream_type> who() const {
      return {std::shared_ptr<admission>{in_, &in_->rules}, mine_};
    }

   private:
    std::shared_ptr<inside> in_;
    admission::ticket mine_;
    std::shared_ptr<asio::cancellation_signal> stop_;
  };

  void let_in(stream_type stream) {
    admission::source from = 0;
    if constexpr (tells_source) from = door_.source(stream);
    const admission::decision made = inside_->rules.enter(from);
    if (made.displaced) {
      const auto stop = inside_->stops.at(*made.displaced);
      stop->emit(asio::cancellation_type::terminal);
      log_("closed the connection of a stranger, to let another one in");
    }
    if (!made.admitted) {
      log_("refused a connection: there is no room for one more");
      close_quietly(stream);
      return;
    }
    if constexpr (!takes_visitor) inside_->rules.know(*made.admitted);
    const std::shared_ptr<place> mine = place_for(*made.admitted);
    asio::awaitable<void> serving = serve(std::move(stream), mine);
    asio::co_spawn(executor_, std::move(serving),
                   asio::bind_cancellation_slot(mine->stop(), [mine](std::exception_ptr) {}));
  }

  std::shared_ptr<place> place_for(admission::ticket admitted) {
    try {
      return std::make_shared<place>(inside_, admitted);
    } catch (...) {  // no memory; nobody else would give the ticket back
      inside_->rules.leave(admitted);
      throw;
    }
  }

  asio::awaitable<void> serve(stream_type stream, std::shared_ptr<place> mine) {
    try {
      if constexpr (takes_visitor) {
        visitor<stream_type> who = mine->who();
        co_await server_.serve(std::move(stream), std::move(who));
      } else {
        co_await server_.serve(std::move(stream));
      }
    } catch (const std::exception& e) {
      if (!mine->lost()) log_(describe(e));
    }
  }

  asio::awaitable<void> wait_a_little() {
    error_code woken;
    pause_.expires_after(std::chrono::milliseconds{100});
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }

  asio::any_io_executor executor_;
  Listener& door_;
  Server& server_;
  detail::limited_log<stream_type> log_;
  timer_of<stream_type> pause_;
  std::shared_ptr<inside> inside_;
};

}  // namespace enfilade
