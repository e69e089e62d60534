// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/transport/asio.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace enfilade {

/// Lets one coroutine of an executor at a time past, in the order in which they came.
///
/// For coroutines of one single-threaded executor; it is not a thread mutex. Unlocking hands the
/// lock to the longest waiter directly, so nobody can overtake. Waiting cannot be cancelled: a
/// coroutine that is cancelled meanwhile gets its turn, and ends at its next wait. A guard may
/// outlive its mutex: a program that stops destroys its coroutines last, and with them the guards
/// that they hold.
class async_mutex {
  struct state {
    explicit state(const asio::any_io_executor& executor) : waiting(executor) {
      waiting.expires_at(std::chrono::steady_clock::time_point::max());
    }
    asio::steady_timer waiting;
    bool locked = false;
  };

 public:
  explicit async_mutex(const asio::any_io_executor& executor)
      : state_(std::make_shared<state>(executor)) {}

  /// Holds the lock until it is destroyed.
  class guard {
   public:
    guard(guard&& other) noexcept : state_(std::move(other.state_)) {}
    guard& operator=(guard&&) = delete;
    // `cancel_one` wakes the oldest waiter; `locked` stays true for it.
    ~guard() {
      if (state_ && state_->waiting.cancel_one() == 0) state_->locked = false;
    }

   private:
    friend class async_mutex;
    explicit guard(std::shared_ptr<state> held) : state_(std::move(held)) {}

    std::shared_ptr<state> state_;
  };

  /// The lock where nobody has it.
  std::optional<guard> try_lock() {
    if (state_->locked) return std::nullopt;
    state_->locked = true;
    return guard{state_};
  }

  asio::awaitable<guard> lock() {
    const std::shared_ptr<state> mine = state_;  // the mutex may be gone when the wait ends
    if (mine->locked) {
      error_code woken;
      // No slot: a cancelled wait would end like one that was given the lock.
      const asio::cancellation_slot none;
      co_await mine->waiting.async_wait(
          asio::bind_cancellation_slot(none, asio::redirect_error(asio::use_awaitable, woken)));
    }
    mine->locked = true;
    co_return guard{mine};
  }

 private:
  std::shared_ptr<state> state_;
};

}  // namespace enfilade
