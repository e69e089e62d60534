// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/pace.hpp>

#include <doctest/doctest.h>

#include <chrono>

#include "support/fake_kernel.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;

TEST_SUITE("attest/pace") {
  TEST_CASE("the first does not wait, each one after it for the rest of the gap") {
    test::fake_kernel machine;
    pace turns{2s};
    const time_budget budget{machine, 1min};
    CHECK(turns.take_turn(machine, budget));
    CHECK(machine.slept() == 0s);
    CHECK(turns.take_turn(machine, budget));
    CHECK(machine.slept() == 2s);
    machine.pass(1500ms);
    CHECK(turns.take_turn(machine, budget));
    CHECK(machine.slept() == 2500ms);
    machine.pass(3s);
    CHECK(turns.take_turn(machine, budget));
    CHECK(machine.slept() == 2500ms);
  }

  TEST_CASE("who has no time for his turn leaves it to others, and does not wait") {
    test::fake_kernel machine;
    pace turns{2s};
    CHECK(turns.take_turn(machine, time_budget{machine, 1s}));
    CHECK_FALSE(turns.take_turn(machine, time_budget{machine, 1s}));
    CHECK_FALSE(turns.take_turn(machine, time_budget{machine, 2s}));
    CHECK(machine.slept() == 0s);
    CHECK(turns.take_turn(machine, time_budget{machine, 2001ms}));
    CHECK(machine.slept() == 2s);
  }

  TEST_CASE("a process has one for its sev-guest device") {
    CHECK(&sev_guest_pace() == &sev_guest_pace());
  }
}

}  // namespace
