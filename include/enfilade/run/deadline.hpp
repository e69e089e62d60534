// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/close_quietly.hpp>
#include <enfilade/transport/asio.hpp>

#include <boost/asio/steady_timer.hpp>

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
  deadline(Stream& stream, std::chrono::steady_clock::duration limit)
      : timer_(stream.get_executor(), limit), state_(std::make_shared<state>(&stream)) {
    timer_.async_wait([state = state_](const error_code& error) {
      // The handler may already be queued when the guarded work ends: then `guarded` is null.
      if (error || state->guarded == nullptr) return;
      state->expired = true;
      close_quietly(*state->guarded);
    });
  }
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;
  ~deadline() {
    state_->guarded = nullptr;
    timer_.cancel();
  }

  bool expired() const noexcept { return state_->expired; }

 private:
  struct state {
    explicit state(Stream* stream) : guarded(stream) {}
    Stream* guarded;
    bool expired = false;
  };

  asio::steady_timer timer_;
  std::shared_ptr<state> state_;
};

}  // namespace enfilade
