// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/transport/asio.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>

namespace enfilade {

/// Lets one coroutine of an executor at a time past, in the order in which they came.
///
/// For coroutines of one single-threaded executor; it is not a thread mutex. Unlocking hands the
/// lock to the longest waiter directly, so nobody can overtake.
class async_mutex {
 public:
  explicit async_mutex(asio::any_io_executor executor) : waiting_(executor) {
    waiting_.expires_at(std::chrono::steady_clock::time_point::max());
  }

  /// Holds the lock until it is destroyed.
  class guard {
   public:
    explicit guard(async_mutex& mutex) : mutex_(&mutex) {}
    guard(guard&& other) noexcept : mutex_(other.mutex_) { other.mutex_ = nullptr; }
    guard& operator=(guard&&) = delete;
    ~guard() {
      if (mutex_ != nullptr) mutex_->unlock();
    }

   private:
    async_mutex* mutex_;
  };

  asio::awaitable<guard> lock() {
    if (locked_) {
      error_code woken;
      co_await waiting_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    locked_ = true;
    co_return guard{*this};
  }

 private:
  // `cancel_one` wakes the oldest waiter; `locked_` stays true for it.
  void unlock() {
    if (waiting_.cancel_one() == 0) locked_ = false;
  }

  asio::steady_timer waiting_;
  bool locked_ = false;
};

}  // namespace enfilade
