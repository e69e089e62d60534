// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/kv_cache.hpp>

#include "support/generated.hpp"
#include "support/tiny_models.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

using enfilade::kv_cache;
using enfilade::matrix;
using test::Tiny;

using cache_type = kv_cache<Tiny, 2>;

static_assert(std::movable<cache_type> && !std::copyable<cache_type>, "a conversation exists once");
static_assert(cache_type::head_size == 4);

bool all_zero(cache_type& cache) {
  for (std::size_t layer = 0; layer != 2; ++layer)
    for (std::size_t head = 0; head != Tiny::heads; ++head)
      for (const matrix<float> m : {cache.keys(layer, head), cache.values(layer, head)})
        for (std::size_t i = 0; i != m.rows(); ++i)
          if (!std::ranges::all_of(m.row(i), [](float v) { return v == 0.0F; })) return false;
  return true;
}

TEST_SUITE("model/kv_cache") {
  TEST_CASE("a new cache is empty") {
    cache_type cache;
    CHECK(cache.length() == 0);
    CHECK(all_zero(cache));
    CHECK(reinterpret_cast<std::uintptr_t>(cache.keys(0, 0).data()) % 64 == 0);
  }

  TEST_CASE("each head finds its own columns of keys and values at their positions") {
    cache_type cache;
    const std::vector<float> qkv = test::generated(3 * 24, 1);
    cache.store(1, 5, {qkv.data(), 3, 24});
    for (std::size_t row = 0; row != 3; ++row)
      for (std::size_t column = 0; column != Tiny::hidden; ++column) {
        CHECK(cache.keys(1, column / 4).row(5 + row)[column % 4] == qkv[row * 24 + 8 + column]);
        CHECK(cache.values(1, column / 4).row(5 + row)[column % 4] == qkv[row * 24 + 16 + column]);
      }
    CHECK(cache.keys(0, 0).row(5)[0] == 0.0F);
    CHECK(cache.keys(1, 0).row(4)[0] == 0.0F);
    CHECK(cache.keys(1, 0).row(8)[0] == 0.0F);
  }

  TEST_CASE("nothing is left after it was wiped") {
    cache_type cache;
    const std::vector<float> qkv = test::generated(16 * 24, 1);
    for (std::size_t layer = 0; layer != 2; ++layer) cache.store(layer, 0, {qkv.data(), 16, 24});
    cache.set_length(16);
    CHECK_FALSE(all_zero(cache));
    cache.wipe();
    CHECK(cache.length() == 0);
    CHECK(all_zero(cache));
  }

  TEST_CASE("nothing is left either where a run was never finished") {
    cache_type cache;
    const std::vector<float> qkv = test::generated(4 * 24, 1);
    cache.store(0, 12, {qkv.data(), 4, 24});
    cache.wipe();
    CHECK(all_zero(cache));
  }
}

}  // namespace
