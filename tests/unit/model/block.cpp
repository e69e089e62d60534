// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/block.hpp>

#include <enfilade/compute/reference.hpp>

#include "support/generated.hpp"
#include "support/tiny_models.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace enfilade;
using test::Tiny;

using gpt2_block = block<Gpt2::block>;

// A block's weights in memory of its own, each entry made by `value(name)`.
struct made_block {
  std::map<std::string, std::vector<float>> memory;
  gpt2_block::weights<Tiny> weights;
  kv_cache<Tiny, 1> cache;
  activations<Tiny> scratch;

  template <class Value>
  explicit made_block(Value value) {
    weights.each("", [&](const std::string& name, auto& view, auto... extents) {
      std::vector<float>& values = memory[name];
      values = value(name, (std::size_t{1} * ... * extents));
      view = {values.data(), extents...};
    });
  }

  void run(std::vector<float>& x, std::size_t position) {
    gpt2_block::forward<Tiny>(Reference{}, weights, cache, 0, position,
                              {x.data(), x.size() / Tiny::hidden, Tiny::hidden}, scratch);
  }
};

made_block random_block() {
  std::uint64_t seed = 0;
  return made_block{[&](const std::string&, std::size_t n) { return test::generated(n, ++seed); }};
}

TEST_SUITE("model/block") {
  TEST_CASE("a block has twelve tensors, named as Hugging Face names them") {
    const made_block b = random_block();
    CHECK(b.memory.size() == 12);
    CHECK(b.memory.contains("attn.c_attn.weight"));
    CHECK(b.memory.contains("mlp.c_proj.bias"));
  }

  TEST_CASE("where all weights are zero, the residual stream passes unchanged") {
    made_block b{[](const std::string&, std::size_t n) { return std::vector<float>(n); }};
    std::vector<float> x = test::generated(3 * Tiny::hidden, 1);
    const std::vector<float> before = x;
    b.run(x, 0);
    CHECK(x == before);
  }

  TEST_CASE("the biases of the two projections are added, each once") {
    made_block b{[](const std::string& name, std::size_t n) {
      return std::vector<float>(n, name.ends_with("c_proj.bias") ? 0.25F : 0.0F);
    }};
    std::vector<float> x(Tiny::hidden, 1.0F);
    b.run(x, 0);
    CHECK(x == std::vector<float>(Tiny::hidden, 1.5F));
  }

  TEST_CASE("rows together and rows one after the other give the same") {
    const std::vector<float> start = test::generated(5 * Tiny::hidden, 99);
    made_block together = random_block();
    std::vector<float> x = start;
    together.run(x, 0);

    made_block apart = random_block();
    for (std::size_t i = 0; i != 5; ++i) {
      std::vector<float> row(start.begin() + static_cast<std::ptrdiff_t>(i * Tiny::hidden),
                             start.begin() + static_cast<std::ptrdiff_t>((i + 1) * Tiny::hidden));
      apart.run(row, i);
      CHECK(test::largest_difference(row, std::span{x}.subspan(i * Tiny::hidden, Tiny::hidden)) ==
            0);
    }
  }
}

}  // namespace
