// SPDX-License-Identifier: Apache-2.0
#pragma once

// Time that passes when a test says so, and the timers that go by it.

#include <enfilade/error.hpp>
#include <enfilade/transport/asio.hpp>

#include "failing_allocations.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/channel.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace test {

namespace asio = enfilade::asio;

/// A clock that stands still until `virtual_clock::ring_next` moves it. One for the whole process:
/// what is simulated runs in one thread.
///
/// Model of the standard's Clock, so that `enfilade::timer_of` finds its timers below.
class virtual_clock {
 public:
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<virtual_clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept { return state().now; }

  /// Begins anew at zero; nobody may be waiting.
  static void reset() {
    state().now = time_point{};
    state().alarms.clear();
    state().set = 0;
  }

  /// Moves to the earliest alarm, if that is not later than `last`, and rings it. Alarms of one
  /// moment ring in the order in which they were set, so a run repeats itself exactly.
  static bool ring_next(time_point last = time_point::max()) {
    auto& all = state().alarms;
    if (all.empty() || all.begin()->first.first > last) return false;
    auto next = all.extract(all.begin());
    if (next.key().first > state().now) state().now = next.key().first;
    if (const auto waiting = next.mapped().lock()) waiting->ring();
    return true;
  }

  /// Moves to `to`, where no alarm is earlier.
  static void pass_until(time_point to) noexcept {
    if (to > state().now) state().now = to;
  }

  /// Somebody who waits for a moment.
  class sleeper {
   public:
    sleeper() = default;
    sleeper(const sleeper&) = delete;
    sleeper& operator=(const sleeper&) = delete;
    virtual ~sleeper() = default;
    virtual void ring() = 0;
  };

  static void set_alarm(time_point at, const std::shared_ptr<sleeper>& who) {
    if (at == time_point::max()) return;  // never
    const spared tools;
    state().alarms.emplace(std::pair{at, ++state().set}, who);
  }

 private:
  struct everything {
    time_point now;
    std::map<std::pair<time_point, std::uint64_t>, std::weak_ptr<sleeper>> alarms;
    std::uint64_t set = 0;
  };
  static everything& state() {
    static everything instance;
    return instance;
  }
};

/// What a waiting timer tells its waiters when they are cancelled: what Asio's own timers say.
template <class... Signatures>
struct abort_traits : asio::experimental::channel_traits<Signatures...> {
  template <class... Others>
  struct rebind {
    using other = abort_traits<Others...>;
  };
  template <class F>
  static void invoke_receive_cancelled(F f) {
    std::move(f)(enfilade::error_code{asio::error::operation_aborted});
  }
};

/// Those who wait on one virtual timer.
class virtual_waiters : public virtual_clock::sleeper {
 public:
  explicit virtual_waiters(const asio::any_io_executor& executor) : channel_(executor, 0) {}

  void ring() override {
    // An alarm may be of an earlier expiry, which was given up; only the present one counts.
    if (virtual_clock::now() >= expiry) channel_.try_send(enfilade::error_code{});
  }

  /// Ends every wait with `operation_aborted`. Nothing happens where the executor is being
  /// destroyed, and its waiters with it.
  void cancel() { channel_.cancel(); }

  template <class Handler>
  void wait(Handler handler) {
    channel_.async_receive(std::move(handler));
  }

  asio::any_io_executor executor() { return channel_.get_executor(); }

  virtual_clock::time_point expiry;

 private:
  asio::experimental::basic_channel<asio::any_io_executor, abort_traits<>,
                                    void(enfilade::error_code)>
      channel_;
};

}  // namespace test

/// The timers of `virtual_clock`: no file descriptor, no reactor, nothing that depends on how busy
/// the machine is.
template <>
class boost::asio::basic_waitable_timer<test::virtual_clock,
                                        boost::asio::wait_traits<test::virtual_clock>,
                                        boost::asio::any_io_executor> {
 public:
  using clock_type = test::virtual_clock;
  using duration = clock_type::duration;
  using time_point = clock_type::time_point;
  using executor_type = any_io_executor;

  explicit basic_waitable_timer(const any_io_executor& executor) : waiters_(make(executor)) {}
  basic_waitable_timer(const any_io_executor& executor, time_point at)
      : basic_waitable_timer(executor) {
    waiters_->expiry = at;
  }
  basic_waitable_timer(const any_io_executor& executor, duration after)
      : basic_waitable_timer(executor, sum(after)) {}
  basic_waitable_timer(const basic_waitable_timer&) = delete;
  basic_waitable_timer& operator=(const basic_waitable_timer&) = delete;
  ~basic_waitable_timer() { cancel(); }

  any_io_executor get_executor() { return waiters_->executor(); }
  time_point expiry() const { return waiters_->expiry; }

  void expires_at(time_point at) {
    cancel();
    waiters_->expiry = at;
  }
  void expires_after(duration after) { expires_at(sum(after)); }

  void cancel() { waiters_->cancel(); }

  template <class Token>
  auto async_wait(Token&& token) {
    return async_initiate<Token, void(boost::system::error_code)>(
        [waiters = waiters_](auto handler) {
          test::virtual_clock::set_alarm(waiters->expiry, waiters);
          waiters->wait(std::move(handler));
        },
        token);
  }

 private:
  static std::shared_ptr<test::virtual_waiters> make(const any_io_executor& executor) {
    const test::spared tools;
    return std::make_shared<test::virtual_waiters>(executor);
  }

  static time_point sum(duration after) {
    const time_point now = clock_type::now();
    return after > time_point::max() - now ? time_point::max() : now + after;
  }

  std::shared_ptr<test::virtual_waiters> waiters_;
};
