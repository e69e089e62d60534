// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/wait_traits.hpp>

#include <chrono>

namespace test {

/// A clock that stands still until a test moves it.
struct manual_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<manual_clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept { return time_point{passed}; }

  static inline duration passed{};
};

}  // namespace test

/// The reactor must look at its timers whenever it is polled, since no real time announces that the
/// clock was moved.
template <>
struct boost::asio::wait_traits<test::manual_clock> {
  using duration = test::manual_clock::duration;
  static duration to_wait_duration(const duration&) { return duration{0}; }
  static duration to_wait_duration(const test::manual_clock::time_point&) { return duration{0}; }
};
