// SPDX-License-Identifier: Apache-2.0
#include <enfilade/compute/reference.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace {

using enfilade::Reference;

static_assert(enfilade::compute<Reference>);

// By hand, since everything else is compared with this policy.
TEST_SUITE("compute/reference") {
  TEST_CASE("linear is x · w + b, with w (in, out)") {
    const std::vector<float> x{1, 2}, w{1, 2, 3, 4, 5, 6}, b{10, 20, 30};
    std::vector<float> y(3);
    Reference{}.linear({x.data(), 1, 2}, {w.data(), 2, 3}, b, {y.data(), 1, 3});
    CHECK(y == std::vector<float>{19, 32, 45});
  }

  TEST_CASE("project is x · wᵀ, with w (out, in)") {
    const std::vector<float> x{1, 2}, w{1, 2, 3, 4, 5, 6};
    std::vector<float> y(3);
    Reference{}.project({x.data(), 1, 2}, {w.data(), 3, 2}, {y.data(), 1, 3});
    CHECK(y == std::vector<float>{5, 11, 17});
  }

  TEST_CASE("a norm takes away mean and deviation, then scales and shifts") {
    const std::vector<float> x{1, 3}, gain{2, 3}, bias{0, 1};
    std::vector<float> y(2);
    Reference{}.layer_norm({x.data(), 1, 2}, gain, bias, 0.0F, {y.data(), 1, 2});
    CHECK(y == std::vector<float>{-2, 4});
  }

  TEST_CASE("GELU of 1 is 0.841192 in its tanh form") {
    std::vector<float> y{1, 0};
    Reference{}.gelu({y.data(), 1, 2});
    CHECK(y[0] == doctest::Approx(0.841192));
    CHECK(y[1] == 0.0F);
  }

  TEST_CASE("attention mixes values by the likeness of query and key") {
    const float ln3 = std::log(3.0F);
    const std::vector<float> q{ln3}, k{0, 1}, v{4, 8};
    std::vector<float> y(1), scratch(2);
    Reference{}.attend({q.data(), 1, 1}, {k.data(), 2, 1}, {v.data(), 2, 1}, {scratch.data(), 1, 2},
                       {y.data(), 1, 1});
    CHECK(y[0] == doctest::Approx(7.0));  // shares 1/4 and 3/4
  }
}

}  // namespace
