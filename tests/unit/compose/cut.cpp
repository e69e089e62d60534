// SPDX-License-Identifier: Apache-2.0

#include <enfilade/compose/cut.hpp>

#include <doctest/doctest.h>

#include <array>

namespace {

using enfilade::port;
using enfilade::detail::count_stages;
using enfilade::detail::cut;
using enfilade::diagnose::inspected;

constexpr inspected relay{true, {.name = "relay", .cuts = true, .carrier = "tcp"}};

constexpr inspected layers(std::size_t first, std::size_t last) {
  return {true, {.name = "layers", .runs_layers = true, .first = first, .last = last}};
}

constexpr std::array parts{
    inspected{true,
              {.name = "embed", .takes = port::tokens, .runs_layers = true, .first = 0, .last = 3}},
    layers(3, 4),
    relay,
    layers(4, 8),
    relay,
    inspected{true, {.name = "lm-head", .gives = port::logits}}};

static_assert(count_stages(parts) == 3);
constexpr auto stages = cut<3>(parts);

TEST_SUITE("compose/cut") {
  TEST_CASE("the stages are what lies between the relays") {
    CHECK(stages[0].first_part == 0);
    CHECK(stages[0].last_part == 2);
    CHECK(stages[1].first_part == 3);
    CHECK(stages[1].last_part == 4);
    CHECK(stages[2].first_part == 5);
    CHECK(stages[2].last_part == 6);
  }

  TEST_CASE("runs of layers that stand in one stage are one run") {
    CHECK(stages[0].first_layer == 0);
    CHECK(stages[0].last_layer == 4);
    CHECK(stages[1].first_layer == 4);
    CHECK(stages[1].last_layer == 8);
  }

  TEST_CASE("a stage without layers stands where the one before it ended") {
    CHECK(stages[2].first_layer == 8);
    CHECK(stages[2].last_layer == 8);
  }

  TEST_CASE("what flows out of a stage flows into the next") {
    CHECK(stages[0].input == port::tokens);
    CHECK(stages[0].output == port::hidden);
    CHECK(stages[1].input == port::hidden);
    CHECK(stages[1].output == port::hidden);
    CHECK(stages[2].input == port::hidden);
    CHECK(stages[2].output == port::logits);
  }

  TEST_CASE("only the first stage embeds, and only the last has the head") {
    CHECK(stages[0].embeds);
    CHECK_FALSE(stages[1].embeds);
    CHECK_FALSE(stages[2].embeds);
    CHECK_FALSE(stages[0].has_head);
    CHECK_FALSE(stages[1].has_head);
    CHECK(stages[2].has_head);
  }
}

}  // namespace
