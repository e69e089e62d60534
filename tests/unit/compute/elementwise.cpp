// SPDX-License-Identifier: Apache-2.0
#include <enfilade/compute/elementwise.hpp>

#include "support/generated.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace {

using namespace enfilade::detail;

TEST_SUITE("compute/elementwise") {
  TEST_CASE("exp4 is within 2e-7 of e^x") {
    double worst = 0;
    for (float x = -87.0F; x < 88.0F; x += 0.0113F)
      worst = std::max(worst, std::abs(double{exp4(all(x))[3]} / std::exp(double{x}) - 1));
    CHECK(worst < 2e-7);
    CHECK(exp4(all(0.0F))[0] == 1.0F);
  }

  TEST_CASE("exp4 stays finite and positive beyond its ends") {
    CHECK(exp4(all(-1e30F))[0] > 0.0F);
    CHECK(exp4(all(-1e30F))[0] < 1e-37F);
    CHECK(std::isfinite(exp4(all(1e30F))[0]));
  }

  TEST_CASE("gelu4 is within 1e-6 of its formula") {
    double worst = 0;
    for (float x = -30.0F; x < 30.0F; x += 0.0037F) {
      const double v = x;
      const double exact =
          0.5 * v * (1 + std::tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)));
      worst =
          std::max(worst, std::abs(double{gelu4(all(x))[1]} - exact) / std::max(1.0, std::abs(v)));
    }
    CHECK(worst < 1e-6);
    CHECK(gelu4(all(-1e4F))[0] == doctest::Approx(0.0));
    CHECK(gelu4(all(1e4F))[0] == doctest::Approx(1e4));
  }

  TEST_CASE("every length is summed, and has a maximum, to its last element") {
    for (std::size_t n = 1; n != 70; ++n) {
      std::vector<float> x(n);
      std::iota(x.begin(), x.end(), 1.0F - static_cast<float>(2 * n));
      const auto count = static_cast<float>(n);
      CHECK(sum4(x) == doctest::Approx(count * (1 - 2 * count) + count * (count - 1) / 2));
      CHECK(max4(x) == x.back());
      std::ranges::reverse(x);
      CHECK(max4(x) == x.front());
    }
  }

  TEST_CASE("rows of every length are multiplied to their last element") {
    for (std::size_t n = 1; n != 70; ++n) {
      const std::vector<float> x = test::generated(n, 1), w = test::generated(n, 2);
      double exact = 0;
      for (std::size_t i = 0; i != n; ++i) exact += double{x[i]} * double{w[i]};
      CHECK(std::abs(double{dot4(x.data(), w.data(), n)} - exact) < 1e-5);
    }
  }

  TEST_CASE("a sum has the same bits wherever it lies") {
    const std::vector<float> values = test::generated(1003, 5);
    std::vector<float> memory(1020);
    for (std::size_t shift = 0; shift != 17; ++shift) {
      std::ranges::copy(values, memory.begin() + static_cast<std::ptrdiff_t>(shift));
      CHECK(sum4({memory.data() + shift, values.size()}) == sum4(values));
    }
  }

  TEST_CASE("nothing is written beyond the end") {
    std::vector<float> x(23, 1.0F);
    each4({x.data(), 21}, x.data(), [](floats4 v) { return v + 1.0F; });
    CHECK(x[20] == 2.0F);
    CHECK(x[21] == 1.0F);
  }

  TEST_CASE("softmax of enormous scores is finite and sums to one") {
    std::vector<float> x{1e4F, -1e4F, 1e4F, 0.0F, 30.0F};
    softmax_row(x, 0.125F);
    CHECK(x[0] == doctest::Approx(0.5));
    CHECK(x[1] == doctest::Approx(0.0));
    CHECK(sum4(x) == doctest::Approx(1.0));
  }
}

}  // namespace
