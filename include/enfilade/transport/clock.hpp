// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/transport/asio.hpp>

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>
#include <type_traits>

namespace enfilade {

namespace detail {

template <class Stream>
struct find_clock : std::type_identity<std::chrono::steady_clock> {};
template <class Stream>
requires requires { typename Stream::clock_type; }
struct find_clock<Stream> : std::type_identity<typename Stream::clock_type> {};

}  // namespace detail

/// The clock by which deadlines and heartbeats on `Stream` are measured: `Stream::clock_type` where
/// the stream names one, else `std::chrono::steady_clock`.
///
/// Bytes and time belong together: a simulated network brings a simulated time, in which hours of
/// silence are tested in milliseconds.
template <class Stream>
using clock_of = typename detail::find_clock<Stream>::type;

/// A timer of that clock.
template <class Stream>
using timer_of = asio::basic_waitable_timer<clock_of<Stream>>;

}  // namespace enfilade
