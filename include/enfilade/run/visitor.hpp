// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/admission.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/clock.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace enfilade {

/// One peer at a door, as far as its handshake is concerned: what `establish` tells `admission`.
///
/// `accept_loop` makes one for each connection and passes it to `serve(stream, visitor)`. A default
/// one is nobody in particular, for connections that came through no door, such as those that this
/// end dialled: no limit holds for it.
template <class Stream>
class visitor {
 public:
  visitor() = default;
  visitor(std::shared_ptr<admission> rules, admission::ticket mine)
      : rules_(std::move(rules)), mine_(mine) {}

  /// Waits until this end may do expensive work for a peer that it does not know. Once a handshake.
  asio::awaitable<void> turn() const {
    if (!rules_) co_return;
    using clock = clock_of<Stream>;
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    timer_of<Stream> timer{executor};
    const std::shared_ptr<admission> rules = rules_;
    const admission::ticket mine = mine_;
    while (true) {
      const admission::time left = rules->wait(mine, clock::now().time_since_epoch());
      if (left == admission::time::zero()) co_return;
      timer.expires_after(left);
      co_await timer.async_wait(asio::use_awaitable);
    }
  }

  /// The handshake is finished. Throws `errc::stage_overloaded`, with `where`, where every place for
  /// those who finished theirs has been taken meanwhile.
  void becomes_known(const std::string& where) const {
    if (rules_ && !rules_->know(mine_)) throw failure(errc::stage_overloaded, where);
  }

 private:
  std::shared_ptr<admission> rules_;
  admission::ticket mine_ = 0;
};

}  // namespace enfilade
