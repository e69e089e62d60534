// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/gpt2.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <cstddef>

namespace {

using namespace enfilade;

static_assert(std::same_as<Gpt2Xl::architecture, Gpt2>);

// Every GPT-2 has heads of 64 columns and an MLP of four times the width.
template <class M>
constexpr bool proportions = M::hidden == 64 * M::heads&& M::intermediate == 4 * M::hidden;
static_assert(proportions<Gpt2Small> && proportions<Gpt2Medium> && proportions<Gpt2Large> &&
              proportions<Gpt2Xl>);

template <class M>
constexpr std::size_t parameters() {
  const std::size_t d = M::hidden;
  const std::size_t block = 4 * d + (d * 3 * d + 3 * d) + (d * d + d) +
                            (d * M::intermediate + M::intermediate) + (M::intermediate * d + d);
  return (M::vocab + M::context) * d + M::layers * block + 2 * d;
}

TEST_SUITE("model/gpt2") {
  TEST_CASE("the sizes have as many parameters as published") {
    CHECK(parameters<Gpt2Small>() == 124'439'808);
    CHECK(parameters<Gpt2Medium>() == 354'823'168);
    CHECK(parameters<Gpt2Large>() == 774'030'080);
    CHECK(parameters<Gpt2Xl>() == 1'557'611'200);
  }
}

}  // namespace
