// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/admission.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using ticket = admission::ticket;

constexpr admission::source alice = 1;
constexpr admission::source bob = 2;

/// Limits that a test can count to.
admission_limits small() {
  admission_limits limits;
  limits.known = 3;
  limits.strangers = 4;
  limits.per_source = 100;
  limits.handshakes_per_second = 10;
  limits.handshakes_at_once = 2;
  return limits;
}

ticket let_in(admission& door, admission::source from = alice) {
  const admission::decision made = door.enter(from);
  REQUIRE(made.admitted);
  REQUIRE_FALSE(made.displaced);
  return *made.admitted;
}

TEST_SUITE("run/admission") {
  static_assert(admission_limits{}.known == 256);
  static_assert(admission_limits{}.strangers == 64);
  static_assert(admission_limits{}.per_source == 32);
  static_assert(admission_limits{}.handshakes_per_second == 50);
  static_assert(admission_limits{}.handshakes_at_once == 50);

  TEST_CASE("strangers come in up to their limit; the next one takes the oldest one's place") {
    admission door{small()};
    const ticket first = let_in(door);
    const ticket second = let_in(door);
    let_in(door);
    CHECK(door.strangers() == 3);  // limit - 1
    let_in(door);
    CHECK(door.strangers() == 4);  // limit
    const admission::decision one_more = door.enter(alice);
    CHECK(one_more.admitted);
    CHECK(one_more.displaced == first);
    CHECK(door.strangers() == 4);
    CHECK(door.enter(bob).displaced == second);
  }

  TEST_CASE("a stranger that left is not displaced, and its place is free") {
    admission door{small()};
    const ticket first = let_in(door);
    for (int i = 0; i != 3; ++i) let_in(door);
    door.leave(first);
    let_in(door);
    CHECK(door.strangers() == 4);
  }

  TEST_CASE("who is known stays, whatever strangers do") {
    admission door{small()};
    const ticket oldest = let_in(door);
    REQUIRE(door.know(oldest));
    for (int i = 0; i != 100; ++i) CHECK(door.enter(alice).displaced != oldest);
    CHECK(door.has(oldest));
    CHECK(door.known() == 1);
    CHECK(door.strangers() == 4);
  }

  TEST_CASE("as many are known as the limit says; then nobody comes in until one leaves") {
    admission door{small()};
    std::vector<ticket> in;
    for (int i = 0; i != 3; ++i) in.push_back(let_in(door));
    const ticket late = let_in(door);
    for (int i = 0; i != 2; ++i) CHECK(door.know(in[static_cast<std::size_t>(i)]));
    CHECK(door.enter(bob).admitted);  // limit - 1
    CHECK(door.know(in[2]));          // limit
    CHECK_FALSE(door.know(late));     // limit + 1: it began when there was room
    CHECK_FALSE(door.enter(bob).admitted);
    CHECK_FALSE(door.enter(bob).displaced);
    door.leave(in[0]);
    CHECK(door.enter(bob).admitted);
    CHECK(door.know(late));
  }

  TEST_CASE("one source has at most so many, known and not known together") {
    admission_limits limits = small();
    limits.per_source = 3;
    admission door{limits};
    const ticket known = let_in(door, alice);
    REQUIRE(door.know(known));
    const ticket older = let_in(door, alice);  // limit - 1
    let_in(door, alice);                       // limit
    CHECK(door.enter(alice).displaced == older);
    let_in(door, bob);
  }

  TEST_CASE("a source whose places are all taken by known peers is refused, another is not") {
    admission_limits limits = small();
    limits.per_source = 2;
    admission door{limits};
    for (int i = 0; i != 2; ++i) REQUIRE(door.know(let_in(door, alice)));
    CHECK_FALSE(door.enter(alice).admitted);
    CHECK(door.enter(bob).admitted);
  }

  TEST_CASE("a flood from one source displaces itself, not the stranger from another") {
    admission door{small()};
    const ticket good = let_in(door, bob);  // and the oldest of all
    for (int i = 0; i != 3; ++i) let_in(door, alice);
    for (int i = 0; i != 1000; ++i) REQUIRE(door.enter(alice).displaced != good);
    CHECK(door.has(good));
  }

  TEST_CASE("those who only knock do not displace one that has had its turn") {
    admission door{small()};
    const ticket honest = let_in(door, bob);  // the oldest, and the only one of its source
    REQUIRE(door.wait(honest, 0s) == 0s);
    for (admission::source stranger = 100; stranger != 200; ++stranger)
      REQUIRE(door.enter(stranger).displaced != honest);
    CHECK(door.know(honest));
  }

  TEST_CASE(
      "among sources with as many, the oldest stranger leaves, whoever else is of its source") {
    admission_limits limits = small();
    limits.handshakes_at_once = 4;
    admission door{limits};
    REQUIRE(door.know(let_in(door, bob)));
    const ticket oldest = let_in(door, alice);
    let_in(door, 3);
    let_in(door, 4);
    let_in(door, bob);  // the newest, of a source that has been here for longest
    CHECK(door.enter(5).displaced == oldest);
  }

  TEST_CASE("nor do those of its own source") {
    admission_limits limits = small();
    limits.per_source = 2;
    admission door{limits};
    const ticket honest = let_in(door);
    REQUIRE(door.wait(honest, 0s) == 0s);
    const ticket idle = let_in(door);
    CHECK(door.enter(alice).displaced == idle);
  }

  TEST_CASE("who is known takes no turn from those who wait") {
    admission door{small()};
    std::vector<ticket> in;
    for (int i = 0; i != 4; ++i) in.push_back(let_in(door));
    for (const ticket t : in) door.wait(t, 0s);
    REQUIRE(door.know(in[2]));
    CHECK(door.wait(in[3], 100ms) == 0s);
  }

  TEST_CASE("where all have had their turn, the oldest of the source that has the most leaves") {
    admission_limits limits = small();
    limits.handshakes_at_once = 4;
    admission door{limits};
    std::vector<ticket> in{let_in(door, bob), let_in(door, alice), let_in(door, alice),
                           let_in(door, 3)};
    for (const ticket t : in) REQUIRE(door.wait(t, 0s) == 0s);
    CHECK(door.enter(bob).displaced == in[1]);
  }

  TEST_CASE("leaving twice, or with a ticket that was never given, changes nothing") {
    admission door{small()};
    const ticket mine = let_in(door);
    REQUIRE(door.know(mine));
    CHECK(door.know(mine));
    door.leave(mine);
    door.leave(mine);
    door.leave(1000);
    CHECK(door.known() == 0);
    CHECK(door.strangers() == 0);
    CHECK_FALSE(door.know(mine));
  }

  TEST_CASE("handshakes go ahead at once up to the burst, then at the rate") {
    admission door{small()};
    const ticket a = let_in(door);
    const ticket b = let_in(door);
    const ticket c = let_in(door);
    CHECK(door.wait(a, 1h) == 0s);  // burst - 1
    CHECK(door.wait(b, 1h) == 0s);  // burst
    CHECK(door.wait(c, 1h) == 100ms);
    CHECK(door.wait(c, 1h + 99ms) == 1ms);
    CHECK(door.wait(c, 1h + 100ms) == 0s);
  }

  TEST_CASE("quiet time fills the bucket, and not above its brim") {
    admission door{small()};
    for (int round = 1; round != 4; ++round) {
      const admission::time now = round * 1h;
      std::vector<ticket> in;
      for (int i = 0; i != 3; ++i) in.push_back(let_in(door));
      CHECK(door.wait(in[0], now) == 0s);
      CHECK(door.wait(in[1], now) == 0s);
      CHECK(door.wait(in[2], now) == 100ms);
      for (const ticket t : in) door.leave(t);
    }
  }

  TEST_CASE("in one source, turns come in the order of asking; nobody overtakes by asking often") {
    admission door{small()};
    std::vector<ticket> in;
    for (int i = 0; i != 4; ++i) in.push_back(let_in(door));
    CHECK(door.wait(in[0], 0s) == 0s);
    CHECK(door.wait(in[1], 0s) == 0s);
    CHECK(door.wait(in[3], 0s) == 100ms);
    CHECK(door.wait(in[2], 0s) == 100ms);
    CHECK(door.wait(in[2], 150ms) == 50ms);  // that turn was the other one's, who may take it later
    CHECK(door.wait(in[2], 199ms) == 1ms);
    CHECK(door.wait(in[2], 200ms) == 0s);
    CHECK(door.wait(in[3], 900ms) == 0s);
  }

  TEST_CASE("a turn that has come does not go away, and is not given twice") {
    admission door{small()};
    const ticket mine = let_in(door);
    for (int i = 0; i != 10; ++i) CHECK(door.wait(mine, 0s) == 0s);
    CHECK(door.wait(let_in(door), 0s) == 0s);
    CHECK(door.wait(let_in(door), 0s) == 100ms);
  }

  TEST_CASE("who left gives its turn to the next") {
    admission door{small()};
    std::vector<ticket> in;
    for (int i = 0; i != 4; ++i) in.push_back(let_in(door));
    for (const ticket t : in) door.wait(t, 0s);
    door.leave(in[2]);
    CHECK(door.wait(in[3], 100ms) == 0s);
  }

  TEST_CASE("a source that displaces itself faster than it asks does not hold up another one") {
    admission_limits limits = small();
    limits.per_source = 2;
    admission door{limits};
    const ticket good = let_in(door, bob);
    const auto flood = [&](admission::time now) {
      for (int i = 0; i != 100; ++i) door.wait(*door.enter(alice).admitted, now);
    };
    flood(0s);
    CHECK(door.wait(good, 0s) == 100ms);
    flood(100ms);
    flood(200ms);
    CHECK(door.wait(good, 200ms) == 0s);
  }

  TEST_CASE(
      "who waits asks again after one token at the latest, so that no turn is slept through") {
    admission door{small()};
    for (int i = 0; i != 100; ++i) CHECK(door.wait(*door.enter(alice).admitted, 0s) <= 100ms);
  }

  TEST_CASE("the first from elsewhere waits for one turn, however long the queue of a flood is") {
    admission_limits limits = small();
    limits.strangers = 50;
    admission door{limits};
    std::vector<ticket> flood;
    for (int i = 0; i != 40; ++i) flood.push_back(let_in(door, alice));
    for (const ticket t : flood) door.wait(t, 0s);
    const ticket good = let_in(door, bob);
    CHECK(door.wait(good, 0s) == 100ms);
    CHECK(door.wait(good, 100ms) == 100ms);  // the token under way is for the flood
    CHECK(door.wait(flood[2], 100ms) == 0s);
    CHECK(door.wait(flood[3], 200ms) == 100ms);  // the next one not
    CHECK(door.wait(good, 200ms) == 0s);
    CHECK(door.wait(flood[3], 300ms) == 0s);
  }

  TEST_CASE("a source that comes again and again waits for its turn like the others") {
    admission_limits limits = small();
    limits.strangers = 50;
    limits.handshakes_at_once = 1;
    admission door{limits};
    std::deque<ticket> queue;
    for (int i = 0; i != 20; ++i) queue.push_back(let_in(door, alice));
    for (const ticket t : queue) door.wait(t, 0s);  // the first has its turn
    std::size_t turns_of_bob = 0;
    ticket again = let_in(door, bob);
    for (admission::time now{}; now != 2s; now += 100ms) {
      if (door.wait(again, now) != 0s) continue;
      ++turns_of_bob;
      door.leave(again);
      again = let_in(door, bob);
    }
    const auto had = [&](ticket t) { return door.wait(t, 1900ms) == 0s; };
    CHECK(turns_of_bob == 9);  // at 200 ms, 400 ms, ...: every second one
    CHECK(std::ranges::count_if(queue, had) == 11);
    CHECK(std::is_partitioned(queue.begin(), queue.end(), had));
  }

  TEST_CASE("however it floods, everybody who asks in time has a turn within places / rate") {
    admission_limits limits = small();
    limits.strangers = 8;
    admission door{limits};
    std::deque<ticket> waiting;
    for (int i = 0; i != 8; ++i) {
      const ticket newcomer = let_in(door);
      if (door.wait(newcomer, 0s) != 0s) waiting.push_back(newcomer);
    }
    CHECK(waiting.size() == 6);
    admission::time now{};
    for (; !waiting.empty(); waiting.pop_front()) {
      now += door.wait(waiting.front(), now);
      CHECK(door.wait(waiting.front(), now) == 0s);
    }
    CHECK(now <= 8 * 100ms);
  }

  TEST_CASE("a rate of zero is no rate") {
    admission_limits limits = small();
    limits.handshakes_per_second = 0;
    admission door{limits};
    for (int i = 0; i != 4; ++i) CHECK(door.wait(let_in(door), 0s) == 0s);
  }
}

}  // namespace
