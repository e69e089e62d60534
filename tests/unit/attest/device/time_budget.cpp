// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/time_budget.hpp>

#include <doctest/doctest.h>

#include <chrono>

#include "support/fake_kernel.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;

TEST_SUITE("attest/time_budget") {
  TEST_CASE("it is spent when its time has passed") {
    test::fake_kernel machine;
    const time_budget budget{machine, 5s};
    CHECK(budget.left() == 5s);
    machine.pass(4999ms);
    CHECK_FALSE(budget.spent());
    machine.pass(1ms);
    CHECK(budget.spent());
    CHECK(time_budget{machine, 0s}.spent());
    CHECK(time_budget{machine, -1s}.spent());
  }

  TEST_CASE("it has an end, whatever was asked for") {
    test::fake_kernel machine;
    CHECK(time_budget{machine, std::chrono::nanoseconds::max()}.left() == 1h);
  }

  TEST_CASE("who waits inside it sleeps, who would wait longer is told at once") {
    test::fake_kernel machine;
    const time_budget budget{machine, 5s};
    CHECK(budget.wait(3s));
    CHECK(machine.slept() == 3s);
    CHECK_FALSE(budget.wait(2s));
    CHECK_FALSE(budget.wait(1h));
    CHECK(machine.slept() == 3s);
    CHECK(budget.left() == 2s);
  }
}

}  // namespace
