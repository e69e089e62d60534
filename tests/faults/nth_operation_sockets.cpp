// SPDX-License-Identifier: Apache-2.0
#include "rooms.hpp"
#include "support/campaign.hpp"
#include "support/faulty.hpp"

#include <enfilade/transport/loopback.hpp>

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>

// As nth_operation.cpp, over sockets of the kernel and in its time: the simulated network is ours,
// and might be kinder.

namespace {

using namespace test;
using namespace std::chrono_literals;

using deployment = two_rooms<faulty<Loopback>>;

struct trial {
  trial() : building(io.get_executor()) {}

  visit pay_one() {
    visit seen;
    request question{some_prompt(), 3};
    asio::co_spawn(io, pay_a_visit(building, std::move(question), seen), asio::detached);
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    io.restart();
    while (!seen.over && std::chrono::steady_clock::now() < give_up) io.run_one_for(100ms);
    REQUIRE_MESSAGE(seen.over, "a visit hangs");
    return seen;
  }

  asio::io_context io{1};
  rooms<deployment> building;
};

TEST_CASE("over real sockets, too, an operation that fails ends in a named failure or no harm") {
  const captured quiet{stderr};
  fault_plan& plan = fault_plan::current();
  plan = {};
  trial clean;
  const visit good = clean.pay_one();
  REQUIRE_MESSAGE(good.succeeded(), good.told());
  const std::size_t operations = plan.seen;

  campaign count{"faults.nth_operation_sockets"};
  const std::size_t step = fast_build || long_campaigns() ? 1 : 7;
  for (const fault what : {fault::reset, fault::end, fault::no_buffers, fault::one_byte})
    for (std::size_t first = 0; first < operations; first += step) {
      CAPTURE(name_of(what));
      CAPTURE(first);
      plan = {};
      plan.first = first;
      plan.what = what;
      trial one;
      const visit seen = one.pay_one();
      count.tried();
      CHECK_MESSAGE(seen.ended_well(), seen.told());
      if (seen.succeeded()) CHECK(seen.heard == good.heard);
      if (what == fault::one_byte) CHECK_MESSAGE(seen.succeeded(), seen.told());
      plan.first = fault_plan::never;
      // Where the link below died, the stage above hears of it in a turn or two of the executor.
      one.io.restart();
      one.io.run_for(1ms);
      const visit next = one.pay_one();
      CHECK_MESSAGE(next.succeeded(), next.told());
      CHECK(next.heard == good.heard);
      if (seen.ended_well() && next.succeeded()) count.refused();
    }
  plan = {};
  CHECK(count.tries() == count.refusals());
}

}  // namespace
