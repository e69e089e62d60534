// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/activations.hpp>

#include "support/tiny_models.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

using enfilade::activations;
using enfilade::matrix;
using test::Small;

std::vector<matrix<float>> parts_of(activations<Small>& a, std::size_t rows) {
  return {a.normed(rows), a.qkv(rows),     a.attended(rows),
          a.update(rows), a.widened(rows), a.scores()};
}

TEST_SUITE("model/activations") {
  TEST_CASE("no part reaches into another, with all rows") {
    activations<Small> a;
    std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges;
    for (const matrix<float> m : parts_of(a, Small::context)) {
      const auto begin = reinterpret_cast<std::uintptr_t>(m.data());
      ranges.emplace_back(begin, begin + m.rows() * m.stride() * sizeof(float));
      CHECK_MESSAGE(begin % 64 == 0, "results must not depend on where a buffer lies");
    }
    std::ranges::sort(ranges);
    for (std::size_t i = 1; i != ranges.size(); ++i) CHECK(ranges[i - 1].second <= ranges[i].first);
  }

  TEST_CASE("what was computed is wiped, as far as it was touched") {
    activations<Small> a;
    a.touch(3);
    a.touch(1);
    for (const matrix<float> m : parts_of(a, 3))
      for (std::size_t i = 0; i != m.rows(); ++i) std::ranges::fill(m.row(i), 1.0F);
    a.wipe();
    for (const matrix<float> m : parts_of(a, 3))
      for (std::size_t i = 0; i != m.rows(); ++i)
        CHECK(std::ranges::all_of(m.row(i), [](float v) { return v == 0.0F; }));
  }
}

}  // namespace
