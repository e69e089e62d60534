// SPDX-License-Identifier: Apache-2.0
#include <enfilade/compute/denormals_off.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <limits>

namespace {

using enfilade::denormals_off;

static_assert(!std::copyable<denormals_off>, "what was before is restored once");

// Volatile, so that the processor does it and not the compiler.
float half_of(float value) {
  volatile float x = value;
  x = x * 0.5F;
  return x;
}

TEST_SUITE("compute/denormals_off") {
  TEST_CASE("denormal results are zero while a guard lives, and only then") {
    const float smallest = std::numeric_limits<float>::min();
    CHECK(half_of(smallest) > 0.0F);
    {
      const denormals_off guard;
      CHECK(half_of(smallest) == 0.0F);
    }
    CHECK(half_of(smallest) > 0.0F);
  }

  TEST_CASE("denormal operands are zero too") {
    volatile float x = std::numeric_limits<float>::denorm_min();
    const denormals_off guard;
    const float product = x * 1e20F;
    CHECK(product == 0.0F);
  }

  TEST_CASE("an inner guard leaves the outer one in force") {
    const denormals_off outer;
    { const denormals_off inner; }
    CHECK(half_of(std::numeric_limits<float>::min()) == 0.0F);
  }
}

}  // namespace
