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
      : stream_(stream),
        timer_(stream.get_executor()),
        end_(clock_of<Stream>::now() + limit),
        due_(end_),
        owner_(std::make_shared<deadline*>(this)) {
    wait_until(due_);
  }
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;
  ~deadline() {
    *owner_ = nullptr;
    timer_.cancel();
  }

  /// Gives what comes next `step` from now, and not more than is left of the whole.
  ///
  /// Costs nothing where the timer already waits for an earlier moment: it looks again then.
  void within(std::chrono::nanoseconds step) {
    due_ = std::min(end_, clock_of<Stream>::now() + step);
    if (due_ < waits_until_) wait_until(due_);
  }

  /// How much of the whole is left; less than nothing where it is over.
  std::chrono::nanoseconds left() const { return end_ - clock_of<Stream>::now(); }

  bool expired() const noexcept { return expired_; }

 private:
  using time_point = typename timer_of<Stream>::time_point;

  void wait_until(time_point moment) {
    waits_until_ = moment;
    timer_.expires_at(moment);
    timer_.async_wait([owner = owner_, moment](const error_code& error) {
      // The handler may already be queued when the guarded work ends, or its next step begins.
      if (!error && *owner != nullptr && (*owner)->waits_until_ == moment) (*owner)->look();
    });
  }

  void look() {
    if (clock_of<Stream>::now() < due_) return wait_until(due_);
    expired_ = true;
    close_quietly(stream_);
  }

  Stream& stream_;
  timer_of<Stream> timer_;
  time_point end_;
  time_point due_;
  time_point waits_until_;
  std::shared_ptr<deadline*> owner_;  // null when the deadline is gone
  bool expired_ = false;
};

}  // namespace enfilade
