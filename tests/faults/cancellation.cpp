// SPDX-License-Identifier: Apache-2.0
#include "rooms.hpp"
#include "support/campaign.hpp"
#include "support/simulated.hpp"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

// A client is cancelled at every point at which it can be suspended: before each single turn of the
// executor. Afterwards its link is as good as before, or dead by name.

namespace {

using namespace test;
using namespace std::chrono_literals;

using deployment = two_rooms<simulated>;
constexpr std::size_t tokens = 3;

/// What the pipeline says to `some_prompt`, and two questions of it.
struct session {
  explicit session(network& in) : world(in), building(in.io.get_executor()) {}

  network& world;
  rooms<deployment> building;
  std::optional<Client<deployment>> model;
  ids heard;  // of all answers, one after the other
  std::size_t asked = 0;
  std::size_t answered = 0;
  bool closed = false;

  bool over = false;
  error_code code;
  std::string nameless;
  asio::cancellation_signal stop;

  /// Goes on from wherever the session is: dials, asks, hears out, asks again, leaves.
  void go_on() {
    over = false;
    code = {};
    nameless.clear();
    asio::awaitable<void> going = guarded();
    asio::co_spawn(world.io, std::move(going),
                   asio::bind_cancellation_slot(stop.slot(), asio::detached));
  }

  bool finish() {
    return world.run_until([this] { return over; }, virtual_clock::now() + 60s);
  }

 private:
  asio::awaitable<void> guarded() {
    try {
      co_await all();
    } catch (const failure& f) {
      code = f.code();
    } catch (const boost::system::system_error& e) {
      code = e.code();
      nameless = e.what();
    } catch (const std::exception& e) {
      nameless = e.what();
    }
    over = true;
  }

  asio::awaitable<void> all() {
    if (!model) {
      auto dialled = co_await building.dial();
      model.emplace(std::move(dialled));
    }
    while (answered != 2) {
      if (asked == answered) {
        request question{some_prompt(), tokens};
        co_await model->ask(std::move(question));
        ++asked;
      }
      const std::optional<answer_token> token = co_await model->next();
      if (token)
        heard.push_back(token->id);
      else
        ++answered;
    }
    co_await model->close();
    closed = true;
  }
};

ids twice(const ids& once) {
  ids both = once;
  both.insert(both.end(), once.begin(), once.end());
  return both;
}

bool begins(const ids& whole, const ids& part) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

TEST_CASE("a client that is cancelled at any moment finds its link as it was, or dead by name") {
  const captured quiet{stderr};
  ids expected;
  std::size_t turns = 0;
  {
    network world{1};
    world.sky.splits = 4;
    session undisturbed{world};
    undisturbed.go_on();
    while (!undisturbed.over && world.turn(virtual_clock::time_point::max())) ++turns;
    REQUIRE(undisturbed.closed);
    expected = undisturbed.heard;
    REQUIRE(expected == twice({expected.begin(), expected.begin() + tokens}));
  }
  REQUIRE(turns > 200);

  campaign count{"faults.cancelled_client"};
  std::size_t usable = 0;
  std::size_t dead = 0;
  const std::size_t step = fast_build || long_campaigns() ? 1 : 17;
  for (std::size_t at = 0; at < turns; at += step) {
    CAPTURE(at);
    network world{1};
    world.sky.splits = 4;
    session one{world};
    one.go_on();
    for (std::size_t i = 0; i != at; ++i) world.turn(virtual_clock::time_point::max());
    one.stop.emit(asio::cancellation_type::terminal);
    count.tried();
    bool good = one.finish();
    CHECK_MESSAGE(good, "it goes on as if nothing had been said");
    const bool was_established = one.model.has_value();

    // As if nothing had happened; the answer goes on at its next token.
    if (!one.closed) {
      one.go_on();
      good = one.finish() && good;
    }
    const bool whole = one.closed && one.heard == expected;
    const bool named = one.code && one.code.category() == enfilade::error_category() &&
                       one.code != errc::internal && one.nameless.empty();
    CHECK_MESSAGE((whole || named), (one.code.message() + " " + one.nameless));
    CHECK_MESSAGE(begins(expected, one.heard), "a token was lost, or heard twice");
    good = good && (whole || named) && begins(expected, one.heard);
    ++(whole ? usable : dead);
    if (!was_established) CHECK_MESSAGE(whole, "before there is a link, nothing can be dead");

    // Nobody else is hurt.
    one.model.reset();
    world.run_for(15s);
    visit next;
    request question{some_prompt(), tokens};
    asio::co_spawn(world.io, pay_a_visit(one.building, std::move(question), next), asio::detached);
    world.run_until([&] { return next.over; }, virtual_clock::now() + 60s);
    CHECK_MESSAGE(next.succeeded(), next.told());
    world.run_for(15s);
    CHECK(world.open_ends() == 2);
    if (good && next.succeeded()) count.refused();
  }
  CHECK(count.tries() == count.refusals());
  // While a client waits, it waits for an answer: most cancellations find it there.
  CHECK(usable > dead);
  if (step == 1) CHECK(dead > 0);
}

}  // namespace
