// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/stage_engine.hpp>

#include "letters.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace {

using namespace enfilade;
using test::ids;
using test::Letters;
using test::One;
using test::Two;

using whole = stage_engine<One::stage<0>>;
using first = stage_engine<Two::stage<0>>;
using last = stage_engine<Two::stage<1>>;

template <class E>
concept embeds = requires(E engine, std::span<const std::uint32_t> tokens, std::span<float> rows) {
  engine.embed(tokens, 0, rows);
};
template <class E>
concept chooses = requires(E engine, std::span<const float> rows) {
  engine.choose(rows);
};

static_assert(embeds<whole> && chooses<whole>);
static_assert(embeds<first> && !chooses<first>, "the head is in another room");
static_assert(!embeds<last> && chooses<last>, "the embedding is in another room");

template <class Engine>
Engine engine_with(std::size_t slots) {
  load_options how;
  how.slots = slots;
  return Engine{Engine::model_type::load(test::letters(), how)};
}

/// The scores after `tokens` in a slot that has seen nothing.
std::vector<float> scores(whole& engine, std::uint32_t slot, const ids& tokens) {
  std::vector<float> hidden(tokens.size() * Letters::hidden);  // (rows, hidden)
  engine.embed(tokens, 0, hidden);
  engine.run(slot, hidden, tokens.size(), 0);
  engine.choose(hidden);
  return {engine.logits().begin(), engine.logits().end()};
}

/// The end of a sequence.
void release(whole& engine, std::uint32_t slot) {
  engine.give_back(slot);
  engine.wipe(slot);
}

TEST_SUITE("run/stage_engine") {
  TEST_CASE("each slot is given once, and again when it is given back") {
    whole engine = engine_with<whole>(3);
    CHECK(engine.slot_count() == 3);
    std::set<std::uint32_t> taken;
    for (int i = 0; i != 3; ++i) {
      const auto slot = engine.acquire();
      REQUIRE(slot);
      CHECK(taken.insert(*slot).second);
    }
    CHECK_FALSE(engine.acquire());
    release(engine, 1);
    CHECK(engine.acquire() == 1);
    CHECK_FALSE(engine.acquire());
  }

  TEST_CASE("a slot that is taken anew holds nothing of the sequence before") {
    whole engine = engine_with<whole>(1);
    const auto slot = *engine.acquire();
    const std::vector<float> alone = scores(engine, slot, {'a', 'b'});
    SUBCASE("wiped at its end") {
      release(engine, slot);
      CHECK(engine.acquire() == slot);
      scores(engine, slot, {'x', 'y', 'z', 'x'});
      release(engine, slot);
      CHECK(engine.acquire() == slot);
    }
    SUBCASE("started anew, whatever happened before") {
      engine.start(slot);
      scores(engine, slot, {'x', 'y', 'z', 'x'});
      engine.give_back(slot);
      CHECK(engine.acquire() == slot);
      engine.start(slot);
    }
    CHECK(scores(engine, slot, {'a', 'b'}) == alone);
  }

  TEST_CASE("the end of a sequence leaves no scores behind") {
    whole engine = engine_with<whole>(1);
    const auto slot = *engine.acquire();
    scores(engine, slot, {'a', 'b'});
    CHECK(std::ranges::any_of(engine.logits(), [](float score) { return score != 0; }));
    release(engine, slot);
    CHECK(std::ranges::all_of(engine.logits(), [](float score) { return score == 0; }));
  }

  TEST_CASE("sequences in two slots do not meet") {
    whole engine = engine_with<whole>(2);
    const auto left = *engine.acquire();
    const auto right = *engine.acquire();
    const std::vector<float> alone = scores(engine, left, {'a', 'b'});
    const std::vector<float> other = scores(engine, right, {'x', 'y'});
    CHECK_FALSE(alone == other);
    release(engine, left);
    CHECK(engine.acquire() == left);
    CHECK(scores(engine, left, {'a', 'b'}) == alone);
  }

  TEST_CASE("rows continue a sequence where it ended, and fit into the context") {
    whole engine = engine_with<whole>(2);
    const auto slot = *engine.acquire();
    CHECK(engine.continues(slot, 0, 1));
    CHECK(engine.continues(slot, 0, Letters::context));
    CHECK_FALSE(engine.continues(slot, 0, Letters::context + 1));
    CHECK_FALSE(engine.continues(slot, 0, 0));
    CHECK_FALSE(engine.continues(slot, 1, 1));
    scores(engine, slot, {'a', 'b'});
    CHECK(engine.continues(slot, 2, 1));
    CHECK(engine.continues(slot, 2, Letters::context - 2));
    CHECK_FALSE(engine.continues(slot, 2, Letters::context - 1));
    CHECK_FALSE(engine.continues(slot, 0, 1));
    CHECK_FALSE(engine.continues(slot, 3, 1));
  }

  TEST_CASE("the token that is chosen has the highest score, and the last row decides") {
    whole engine = engine_with<whole>(1);
    const auto slot = *engine.acquire();
    const ids tokens{'a', 'b', 'c'};
    std::vector<float> hidden(tokens.size() * Letters::hidden);
    engine.embed(tokens, 0, hidden);
    engine.run(slot, hidden, tokens.size(), 0);
    const std::uint32_t token = engine.choose(hidden);
    const auto scored = engine.logits();
    REQUIRE(scored.size() == Letters::vocab);
    CHECK(scored[token] == std::ranges::max(scored));
    const std::vector<float> row(hidden.end() - Letters::hidden, hidden.end());
    CHECK(engine.choose(row) == token);
  }

  TEST_CASE("two stages attest different weights, and the same stage always the same") {
    CHECK(engine_with<first>(1).weights_digest() == engine_with<first>(2).weights_digest());
    CHECK(engine_with<first>(1).weights_digest() != engine_with<last>(1).weights_digest());
  }

  TEST_CASE("time passes") {
    const busy_time busy;
    const std::uint64_t before = busy.nanoseconds();
    std::uint64_t after = before;
    for (int i = 0; i != 1'000'000 && after == before; ++i) after = busy.nanoseconds();
    CHECK(after > before);
  }
}

}  // namespace
