// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/transport/clock.hpp>
#include <enfilade/transport/transport.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>

namespace enfilade {

namespace detail {

template <transport T>
asio::awaitable<std::unique_ptr<typename T::stream>> dial_without_limit(
    asio::any_io_executor executor, typename T::endpoint at) {
  typename T::stream connected = co_await T::dial(executor, std::move(at));
  co_return std::make_unique<typename T::stream>(std::move(connected));
}

}  // namespace detail

/// `T::dial` with an end: a peer whose kernel does not answer is `errc::transport_timeout` after
/// `longest`, where TCP alone would wait for minutes. Cancellation reaches the dialling.
template <transport T>
asio::awaitable<typename T::stream> dial_within(asio::any_io_executor executor,
                                                typename T::endpoint at,
                                                std::chrono::nanoseconds longest) {
  timer_of<typename T::stream> timer{executor, longest};
  auto dialling =
      asio::co_spawn(executor, detail::dial_without_limit<T>(executor, at), asio::deferred);
  auto race = asio::experimental::make_parallel_group(std::move(dialling),
                                                      timer.async_wait(asio::deferred));
  auto [order, failed, connected, timed] =
      co_await race.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (connected) co_return std::move(*connected);
  if (order[0] == 1) throw failure(errc::transport_timeout, T::format(at));
  std::rethrow_exception(failed);
}

}  // namespace enfilade
