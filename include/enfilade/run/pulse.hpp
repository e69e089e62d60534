// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/clock.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace enfilade {

namespace detail {

// Apart from the pulse, which must go on while a peer takes nothing off this end's hands.
template <class Link>
asio::awaitable<void> say_alive(std::shared_ptr<Link> of) {
  try {
    co_await of->say_alive();
  } catch (const std::exception&) {  // the link is dead; whoever uses it next is told so
  }
}

}  // namespace detail

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
    if (alive->beat(clock::now() - begin, longest_silence)) {
      try {
        asio::awaitable<void> saying = detail::say_alive(alive);
        asio::co_spawn(timer->get_executor(), std::move(saying), asio::detached);
      } catch (const std::bad_alloc&) {
        alive->abandon();  // a link without a pulse could hang
      }
    }
    if (alive->abandoned_) co_return;
  }
}

}  // namespace enfilade
