// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/next_stage.hpp>

#include "building.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::answer;
using test::building;
using test::ids;
using test::One;
using test::scored;
using test::Three;
using test::Two;
using namespace std::chrono_literals;

const ids abc{'a', 'b', 'c'};

static_assert(std::is_same_v<next_of<One::stage<0>, int>, std::monostate>, "nothing is below");

template <class Deployment>
struct one_slot : building<Deployment> {
  one_slot() : building<Deployment>(building<Deployment>::same(1)) {}
};

/// The middle of an answer: the stage behind host `I` goes away after the third token.
template <class Deployment, std::size_t I>
answer lost_in_the_middle(building<Deployment>& rooms) {
  const auto model = rooms.client();
  answer heard = rooms.begin(*model, scored(abc, 60), 3);
  rooms.template host_above<I>().cut();
  rooms.hear_out(*model, heard);
  rooms.finish(model->close());
  return heard;
}

template <class Deployment, std::size_t I>
void is_lost_and_comes_back() {
  one_slot<Deployment> rooms;
  const test::quiet said{stderr};
  const answer whole = rooms.ask(scored(abc, 20));
  const std::string stage = "stage " + std::to_string(I);

  const answer cut = lost_in_the_middle<Deployment, I>(rooms);
  CHECK(cut.code == errc::stage_lost);
  CHECK(cut.where.starts_with(stage + " at loopback:building-"));
  CHECK(cut.where.ends_with(", after token " + std::to_string(cut.tokens.size())));
  CHECK(std::equal(cut.logits.begin(), cut.logits.begin() + 3, whole.logits.begin()));

  const answer absent = rooms.ask(scored(abc, 20));
  CHECK(absent.code == errc::stage_lost);
  CHECK(absent.where.starts_with(stage + " at loopback:building-"));
  CHECK(absent.where.ends_with(" (transport.unreachable), at the prompt"));

  rooms.template host_above<I>().open();
  CHECK(rooms.ask(scored(abc, 20)) == whole);
  CHECK_MESSAGE(rooms.template host_above<I>().connections() == 2, "one new handshake");
}

TEST_SUITE("run/next_stage") {
  TEST_CASE("a stage that is lost is named, with the token; when it is back all is as before") {
    SUBCASE("the last of two") { is_lost_and_comes_back<Two, 1>(); }
    SUBCASE("the middle of three") { is_lost_and_comes_back<Three, 1>(); }
    SUBCASE("the last of three") { is_lost_and_comes_back<Three, 2>(); }
  }

  TEST_CASE("every request that was under way is told, and every slot is free again") {
    building<Three> rooms;
    const test::quiet said{stderr};
    std::vector<std::unique_ptr<Client<Three>>> models;
    std::vector<answer> heard;
    for (int i = 0; i != 4; ++i) {
      models.push_back(rooms.client());
      heard.push_back(rooms.begin(*models.back(), scored(abc, 60), 1));
    }
    rooms.host_above<2>().cut();
    for (std::size_t i = 0; i != 4; ++i) {
      rooms.hear_out(*models[i], heard[i]);
      CHECK(heard[i].code == errc::stage_lost);
      CHECK(heard[i].where.find("stage 2 at ") == 0);
    }
    rooms.host_above<2>().open();
    heard.assign(4, answer{});
    for (std::size_t i = 0; i != 4; ++i) heard[i] = rooms.begin(*models[i], scored(abc, 5), 1);
    for (std::size_t i = 0; i != 4; ++i) {
      rooms.hear_out(*models[i], heard[i]);
      CHECK(heard[i].ended);
      CHECK(heard[i] == heard[0]);
    }
  }

  TEST_CASE("a request that begins while the next stage is away does not keep the others from it") {
    one_slot<Two> rooms;
    const test::quiet said{stderr};
    rooms.host_above<1>().cut();
    const auto model = rooms.client();
    for (int i = 0; i != 3; ++i) CHECK(rooms.ask(*model, scored(abc, 2)).code == errc::stage_lost);
    rooms.host_above<1>().open();
    CHECK(rooms.ask(*model, scored(abc, 2)).ended);
  }

  /// The same rooms, but stage 0 expects something else behind its next door.
  template <class Deployment>
  void expect_of_next(building<Deployment> & rooms, expectations wanted) {
    using first = typename Deployment::template stage<0>;
    auto& room = rooms.template room_of<0>();
    set_next<first>(rooms.io.get_executor(), *room.stage, room.next->at(), room.own,
                    std::move(wanted));
  }

  expectations something_else() {
    registers pins;
    pins.emplace_back("weights", Measurement{std::array<std::byte, 2>{}});
    return *expectations::pinned("mock", std::move(pins));
  }

  TEST_CASE("a refusal keeps its own name: asking again cannot heal it") {
    building<Two> rooms;
    const test::quiet said{stderr};
    expect_of_next(rooms, something_else());
    const answer refused = rooms.ask(scored(abc, 2));
    CHECK(refused.code == errc::attest_measurement_mismatch);
    CHECK(refused.where.find("stage 1 at ") == 0);
    CHECK(refused.where.find(": weights: expected 0000, found ") != std::string::npos);
    expect_of_next(rooms, expectations{});
    CHECK(rooms.ask(scored(abc, 2)).code == errc::attest_expectations_empty);
  }

  TEST_CASE("waiting for the next stage ends when it is there, and is said once") {
    building<Two> rooms;
    rooms.host_above<1>().cut();
    test::quiet said{stderr};
    auto& next = *rooms.room_of<0>().stage->next;
    test::task waiting{rooms.io, next.connect_when_up("stage 0")};
    rooms.io.restart();
    rooms.io.run_for(std::chrono::milliseconds{100});
    CHECK_FALSE(waiting.done);
    CHECK_FALSE(next.connected());
    CHECK(said.text() == "stage 0: waiting for " + next.where() + "\n");
    rooms.host_above<1>().open();
    while (!waiting.done) rooms.io.run_one();
    CHECK(waiting.error() == error_code{});
    CHECK(next.connected());
    CHECK(rooms.ask(scored(abc, 2)).ended);
    CHECK(rooms.host_above<1>().connections() == 1);
  }

  TEST_CASE("waiting does not outlast a refusal") {
    building<Two> rooms;
    const test::quiet said{stderr};
    expect_of_next(rooms, something_else());
    test::task waiting{rooms.io, rooms.room_of<0>().stage->next->connect_when_up("stage 0")};
    while (!waiting.done) rooms.io.run_one();
    CHECK(waiting.error() == errc::attest_measurement_mismatch);
  }

  TEST_CASE("leaving says goodbye, and the stage below has nothing to complain about") {
    building<Two> rooms;
    const test::quiet said{stderr};
    CHECK(rooms.ask(scored(abc, 2)).ended);
    auto& next = *rooms.room_of<0>().stage->next;
    CHECK(next.connected());
    rooms.finish(next.close());
    rooms.settle();
    CHECK_FALSE(next.connected());
    CHECK(said.text().empty());
    CHECK(rooms.ask(scored(abc, 2)).ended);  // dialled anew
    CHECK(rooms.host_above<1>().connections() == 2);
  }

  /// Stage 1 as somebody who accepts work and never answers; `limits` say how it shows that it
  /// lives.
  asio::awaitable<void> swallow(Loopback::listener & door,
                                std::shared_ptr<const insecure::Mock> own, link_limits limits) {
    using link_type = enfilade::link<Loopback::stream, AesGcm>;
    auto stream = co_await door.accept();
    link_terms<Two> terms{link_end::downstream, 1, own, expectations::anyone(), limits};
    const auto from = co_await establish<link_type>(std::move(stream), std::move(terms), "stage 0");
    bool more = true;
    while (more) {
      const auto taken = co_await from->receive();
      more = taken.has_value();
    }
  }

  /// A building in which stage 0 works with such a stage 1, and knows within 25 ms whether it lives.
  struct with_a_silent_stage : building<Two> {
    explicit with_a_silent_stage(std::chrono::nanoseconds its_heartbeat)
        : silent(io, swallow(door, room_of<1>().own, beating(its_heartbeat))) {
      auto& room = room_of<0>();
      using next_type = first_stage<Two::stage<0>>::next_type;
      link_limits limits = beating(5ms);
      limits.silence = 25ms;
      link_terms<Two> terms{link_end::upstream, 1, room.own, expectations::anyone(), limits};
      room.stage->next = std::make_unique<next_type>(io.get_executor(), door.local(),
                                                     std::move(terms), *room.stage);
    }

    static link_limits beating(std::chrono::nanoseconds heartbeat) {
      link_limits limits;
      limits.heartbeat = heartbeat;
      return limits;
    }

    Loopback::listener door{io.get_executor(), test::fresh_address()};
    test::task silent;
  };

  TEST_CASE("R4: a stage that froze is found by its missing heartbeats, and named") {
    with_a_silent_stage rooms{1h};
    const answer heard = rooms.ask(scored(abc, 2));
    CHECK(heard.code == errc::stage_lost);
    CHECK(heard.where.find("stage 1 at ") == 0);
    CHECK(heard.where.find("transport.timeout") != std::string::npos);
    while (!rooms.silent.done) rooms.io.run_one();
    CHECK(rooms.silent.error() == errc::frame_truncated);
  }

  TEST_CASE("a stage that lives may work on a step for as long as it takes") {
    with_a_silent_stage rooms{5ms};
    const auto model = rooms.client();
    rooms.finish(model->ask(scored(abc, 2)));
    rooms.io.restart();
    rooms.io.run_for(150ms);  // six times the silence that would be death
    CHECK(rooms.room_of<0>().stage->next->connected());
    CHECK_FALSE(rooms.silent.done);
  }
}

}  // namespace
