// SPDX-License-Identifier: Apache-2.0

#include <enfilade/compose/inspect.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace {

using enfilade::part_facts;
using enfilade::port;
using enfilade::diagnose::inspect;
using enfilade::diagnose::inspected;
using enfilade::diagnose::plain;
using enfilade::diagnose::rule;

constexpr part_facts embed{
    .name = "embed", .takes = port::tokens, .runs_layers = true, .first = 0, .last = 6};
constexpr part_facts relay{.name = "relay", .cuts = true, .carrier = "tcp"};
constexpr part_facts layers{.name = "layers", .runs_layers = true, .first = 6, .last = 12};
constexpr part_facts head{.name = "lm-head", .gives = port::logits};

template <class... Facts>
constexpr rule broken(const Facts&... facts) {
  return inspect(std::array<inspected, sizeof...(facts)>{inspected{true, facts}...}).broken;
}

static_assert(broken(embed, relay, layers, head) == rule::holds);
static_assert(broken(embed, layers, head) == rule::holds);

TEST_SUITE("compose/inspect") {
  TEST_CASE("every list that lacks one part of a good one is refused") {
    CHECK(broken(relay, layers, head) == rule::relay_without_peer);
    CHECK(broken(embed, relay, head) == rule::holds);  // a shorter model
    CHECK(broken(embed, relay, layers) == rule::lm_head_missing);
    CHECK(broken(layers, head) == rule::embed_misplaced);
    CHECK(broken() == rule::pipeline_empty);
  }

  TEST_CASE("of the orders of four good parts, those are accepted in which every door lines up") {
    const std::array<part_facts, 4> good{embed, relay, layers, head};
    std::array<std::size_t, 4> order{0, 1, 2, 3};
    int accepted = 0;
    do {
      accepted +=
          broken(good[order[0]], good[order[1]], good[order[2]], good[order[3]]) == rule::holds;
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK(accepted == 2);  // embed, relay, layers, head; or the head in a stage of its own
  }

  TEST_CASE("a part that takes logits needs a head before it") {
    constexpr part_facts sampler{.name = "sampler", .takes = port::logits, .gives = port::logits};
    CHECK(broken(embed, layers, sampler) == rule::lm_head_missing);
    CHECK(broken(embed, layers, head, sampler) == rule::holds);
  }

  TEST_CASE("a part may end the pipeline with tokens") {
    constexpr part_facts sampler{.name = "sampler", .takes = port::logits, .gives = port::tokens};
    CHECK(broken(embed, layers, head, sampler) == rule::holds);
  }

  TEST_CASE("a name that could forge a line of the plan is refused") {
    CHECK(plain("aes-256-gcm"));
    CHECK(plain("minilm_l6.v2"));
    CHECK_FALSE(plain(""));
    CHECK_FALSE(plain("Upper"));
    CHECK_FALSE(plain("two words"));
    CHECK_FALSE(plain("mock\ncipher plain"));
    CHECK_FALSE(plain(std::string("nul\0", 4)));

    part_facts forged = layers;
    forged.name = "layers 6 12\npart layers";
    CHECK(broken(embed, forged, head) == rule::name_not_plain);
    part_facts carried = relay;
    carried.carrier = "";
    CHECK(broken(embed, carried, layers, head) == rule::name_not_plain);
  }
}

}  // namespace
