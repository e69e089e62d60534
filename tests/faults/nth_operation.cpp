// SPDX-License-Identifier: Apache-2.0
#include "rooms.hpp"
#include "support/campaign.hpp"
#include "support/faulty.hpp"
#include "support/simulated.hpp"

#include <enfilade/transport/loopback.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

// One read or write of a whole session goes wrong: the handshakes of both links, a request through
// both stages, the goodbye. For every one of them, and every way of going wrong.

namespace {

using namespace test;
using namespace std::chrono_literals;

constexpr std::size_t tokens = 3;

request question() { return {some_prompt(), tokens}; }

using deployment = two_rooms<faulty<simulated>>;

/// A building in a good network, and visits to it in virtual time.
struct trial {
  trial() : building(world.io.get_executor()) {}

  /// One visit, until it is over or `longest` of virtual time has passed.
  visit pay_one(std::chrono::nanoseconds longest) {
    auto seen = std::make_shared<visit>();
    asio::co_spawn(world.io, pay(seen), asio::detached);
    world.run_until([&] { return seen->over; }, virtual_clock::now() + longest);
    return *seen;
  }

  network world{1};
  rooms<deployment> building;

 private:
  asio::awaitable<void> pay(std::shared_ptr<visit> seen) {
    co_await pay_a_visit(building, question(), *seen);
  }
};

// A dial, a handshake of the client's link and one of the link below, then silence until somebody
// gives up: no chain of waits is longer, whatever fails.
constexpr auto longest_visit = 40s;

/// What an undisturbed visit hears, and in how many operations.
struct undisturbed {
  undisturbed() {
    fault_plan& plan = fault_plan::current();
    plan = {};
    trial one;
    const visit seen = one.pay_one(longest_visit);
    REQUIRE_MESSAGE(seen.succeeded(), seen.told());
    heard = seen.heard;
    operations = plan.seen;
  }
  answer heard;
  std::size_t operations = 0;
};

/// One visit under `plan`, and one after it that must not know.
void try_plan(const fault_plan& tried, const undisturbed& good, campaign& count) {
  CAPTURE(name_of(tried.what));
  CAPTURE(tried.first);
  CAPTURE(tried.many);
  fault_plan& plan = fault_plan::current();
  plan = tried;
  trial one;
  // Each operation may be late, and the answer late with all of them: alive, and no hurry.
  const bool crawls = tried.what == fault::late && tried.many != 1;
  const visit seen = one.pay_one(crawls ? 600s : longest_visit);
  count.tried();
  CHECK_MESSAGE(seen.ended_well(), seen.told());
  if (seen.succeeded()) CHECK(seen.heard == good.heard);
  if (tried.what == fault::one_byte) CHECK_MESSAGE(seen.succeeded(), seen.told());
  const bool struck = plan.acted != 0;

  plan.first = fault_plan::never;
  one.world.run_for(20s);  // who sits at the other end of a dead link finds out by its silence
  const visit next = one.pay_one(longest_visit);
  CHECK_MESSAGE(next.succeeded(), next.told());
  CHECK(next.heard == good.heard);
  one.world.run_for(20s);
  CHECK_MESSAGE(one.world.open_ends() == 2, "only the link between the stages stays");
  if (struck && seen.ended_well() && next.succeeded()) count.refused();
}

TEST_CASE("any one operation may fail, be short or late: a named failure, or no harm at all") {
  const captured quiet{stderr};
  const undisturbed good;
  REQUIRE(good.operations > 40);
  campaign count{"faults.nth_operation"};
  const std::size_t step = fast_build || long_campaigns() ? 1 : 5;
  for (const fault what : all_faults)
    for (std::size_t first = 0; first < good.operations; first += step) {
      fault_plan plan;
      plan.first = first;
      plan.what = what;
      plan.delay = 4s;  // longer than a step of a handshake may take
      try_plan(plan, good, count);
    }
  CHECK(count.tries() == count.refusals());
}

TEST_CASE("from any one operation on, all may fail, be short or late") {
  const captured quiet{stderr};
  const undisturbed good;
  campaign count{"faults.from_nth_operation"};
  const std::size_t step = fast_build || long_campaigns() ? 1 : 19;
  for (const fault what : all_faults)
    for (std::size_t first = 0; first < good.operations; first += step) {
      fault_plan plan;
      plan.first = first;
      plan.many = fault_plan::every_one;
      plan.what = what;
      plan.delay = 20ms;
      try_plan(plan, good, count);
    }
  CHECK(count.tries() == count.refusals());
}

TEST_CASE("reads and writes are counted apart where a plan says so") {
  const captured quiet{stderr};
  fault_plan& plan = fault_plan::current();
  std::size_t seen = 0;
  for (const auto of : {fault_plan::counts::reads, fault_plan::counts::writes}) {
    plan = {};
    plan.of = of;
    trial one;
    CHECK(one.pay_one(longest_visit).succeeded());
    seen += plan.seen;
  }
  plan = {};
  trial one;
  CHECK(one.pay_one(longest_visit).succeeded());
  CHECK(plan.seen == seen);
  plan = {};
}

}  // namespace
