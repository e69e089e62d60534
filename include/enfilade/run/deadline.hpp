// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/close_quietly.hpp>
#include <enfilade/transport/clock.hpp>

#include <algorithm>
#include <chrono>
#include <memory>

namespace enfilade {

/// Closes a stream when its time is over, so that whatever waits on it ends.
///
/// Boost 1.81 has no `cancel_after`. One timer per phase costs nothing per operation, and a closed
/// stream cannot be used half-written afterwards. Whoever sees the stream fail asks `expired`
/// whether the reason is `errc::transport_timeout`.
template <class Stream>
class deadline {
 public:
  deadline(Stream& stream, std::chrono::nanoseconds limit)
      : timer_(stream.get_executor()),
        end_(clock_of<Stream>::now() + limit),
        state_(std::make_shared<state>(&stream)) {
    wait_until(end_);
  }
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;
  ~deadline() {
    state_->guarded = nullptr;
    timer_.cancel();
  }

  /// Gives what comes next `step` from now, and not more than is left of the whole.
  void within(std::chrono::nanoseconds step) {
    wait_until(std::min(end_, clock_of<Stream>::now() + step));
  }

  bool expired() const noexcept { return state_->expired; }

 private:
  struct state {
    explicit state(Stream* stream) : guarded(stream) {}
    Stream* guarded;
    unsigned waits = 0;
    bool expired = false;
  };
  using time_point = typename timer_of<Stream>::time_point;

  void wait_until(time_point end) {
    timer_.expires_at(end);
    timer_.async_wait([state = state_, wait = ++state_->waits](const error_code& error) {
      // The handler may already be queued when the guarded work ends, or its next step begins.
      if (error || state->guarded == nullptr || state->waits != wait) return;
      state->expired = true;
      close_quietly(*state->guarded);
    });
  }

  timer_of<Stream> timer_;
  time_point end_;
  std::shared_ptr<state> state_;
};

}  // namespace enfilade
