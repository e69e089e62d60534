// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/clock.hpp>

#include <boost/asio/redirect_error.hpp>

#include <chrono>
#include <exception>
#include <memory>

namespace enfilade {

/// The pulse of a link: as long as it lives, one beat every `limits.heartbeat`.
///
/// With it, a peer that froze or whose host went away is found within `limits.silence`, even where
/// nothing is asked of it, and no key outlives its age on a link that is quiet.
template <class Link>
asio::awaitable<void> keep_pulse(std::weak_ptr<Link> of, link_limits limits) {
  using clock = clock_of<typename Link::stream_type>;
  const auto begin = clock::now();
  const auto longest_silence = static_cast<unsigned>(
      (limits.silence + limits.heartbeat - std::chrono::nanoseconds{1}) / limits.heartbeat);
  // Held apart from the link, which must not be kept alive by its own pulse.
  std::shared_ptr<timer_of<typename Link::stream_type>> timer;
  if (const std::shared_ptr<Link> alive = of.lock()) timer = alive->pulse_;
  while (!of.expired()) {
    timer->expires_after(limits.heartbeat);
    error_code woken;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const std::shared_ptr<Link> alive = of.lock();
    if (woken || !alive) co_return;
    try {
      co_await alive->beat(clock::now() - begin, longest_silence);
    } catch (const std::exception&) {
      co_return;  // the link is dead; whoever uses it next is told so
    }
    if (alive->abandoned_) co_return;
  }
}

}  // namespace enfilade
