// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/stage_server.hpp>

#include "building.hpp"

#include <doctest/doctest.h>

#include <type_traits>

namespace {

using namespace enfilade;
using test::building;
using test::One;
using test::scored;
using test::Three;
using test::Two;

static_assert(std::is_same_v<stage_server<One::stage<0>>, first_stage<One::stage<0>>>);
static_assert(std::is_same_v<stage_server<Two::stage<0>>, first_stage<Two::stage<0>>>);
static_assert(std::is_same_v<stage_server<Two::stage<1>>, inner_stage<Two::stage<1>>>);
static_assert(std::is_same_v<stage_server<Three::stage<1>>, inner_stage<Three::stage<1>>>);

template <class Stage>
concept has_a_next = requires(stage_server<Stage>& stage, Loopback::endpoint at) {
  set_next<Stage>(asio::any_io_executor{}, stage, at, nullptr, expectations{});
};
static_assert(has_a_next<Two::stage<0>> && has_a_next<Three::stage<1>>);
static_assert(!has_a_next<One::stage<0>> && !has_a_next<Two::stage<1>>, "nothing is below");

TEST_SUITE("run/stage_server") {
  TEST_CASE("stages that pin each other answer") {
    building<Two> rooms{building<Two>::same(1), test::letters(),
                        test::whom_stage_1_expects::stage_0};
    CHECK(rooms.ask(scored({'a'}, 2)).ended);
  }

  TEST_CASE("a stage that expects somebody else above it refuses, and the request is told") {
    building<Two> rooms{building<Two>::same(1), test::letters(),
                        test::whom_stage_1_expects::itself};
    const test::quiet said{stderr};
    const test::answer refused = rooms.ask(scored({'a'}, 2));
    CHECK(refused.code == errc::stage_lost);
    CHECK(refused.where.find("stage 1 at ") == 0);
    CHECK(said.text().find("stage 1: attest.measurement_mismatch: stage 0: weights: expected ") ==
          0);
  }
}

}  // namespace
