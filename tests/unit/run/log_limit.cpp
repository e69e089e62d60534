// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/log_limit.hpp>

#include <doctest/doctest.h>

#include <chrono>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;

TEST_SUITE("run/log_limit") {
  TEST_CASE("so many lines a second are written, and the others counted") {
    log_limit log{3};
    for (int i = 0; i != 3; ++i) CHECK(log.admit(7h));
    CHECK_FALSE(log.admit(7h));
    CHECK_FALSE(log.admit(7h + 999ms));
    CHECK(log.next() == 7h + 1s);
    CHECK(log.admit(7h + 1s));
    CHECK(log.take_left_out() == 2);
    CHECK(log.take_left_out() == 0);
  }

  TEST_CASE("a second begins with its first line, whatever the clock begins with") {
    log_limit log{1};
    CHECK(log.admit(0s));
    CHECK_FALSE(log.admit(500ms));
    CHECK(log.admit(1700ms));
    CHECK_FALSE(log.admit(2600ms));
    CHECK(log.admit(2700ms));
  }
}

}  // namespace
