// SPDX-License-Identifier: Apache-2.0
#include <enfilade/compute/cpu_f32.hpp>

#include "support/generated.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

extern "C" int openblas_get_num_threads();

namespace {

using enfilade::CpuF32;
using enfilade::matrix;

static_assert(enfilade::compute<CpuF32>);

TEST_SUITE("compute/cpu_f32") {
  TEST_CASE("one thread, unless told otherwise") {
    CpuF32 c;
    CHECK(openblas_get_num_threads() == 1);
    c.set_threads(2);
    CHECK(openblas_get_num_threads() == 2);
    c.set_threads(0);
    CHECK_MESSAGE(openblas_get_num_threads() == 1, "no thread at all would do no work");
  }

  TEST_CASE("attention uses one thread and leaves the setting as it was") {
    CpuF32 c;
    c.set_threads(2);
    const std::vector<float> x = test::generated(32, 1);
    std::vector<float> scratch(8), y(4);
    c.attend({x.data(), 1, 4}, {x.data(), 8, 4}, {x.data(), 8, 4}, {scratch.data(), 1, 8},
             {y.data(), 1, 4});
    CHECK(openblas_get_num_threads() == 2);
    c.set_threads(1);
  }

  TEST_CASE("products have the same bits wherever input and output lie") {
    // What makes a model in two stages equal to the same model in one: a stage's buffers lie
    // elsewhere in every process.
    constexpr std::size_t in = 67, out = 131;
    const std::vector<float> w = test::generated(in * out, 1), b = test::generated(out, 2);
    for (const std::size_t rows : {1UL, 5UL}) {
      const std::vector<float> x = test::generated(rows * in, 3);
      std::vector<float> expected(rows * out), memory(rows * (in + out) + 40);
      CpuF32{}.linear({x.data(), rows, in}, {w.data(), in, out}, b, {expected.data(), rows, out});
      for (std::size_t shift = 0; shift != 17; ++shift) {
        float* from = memory.data() + shift;
        float* to = from + rows * in + 3;
        std::ranges::copy(x, from);
        CpuF32{}.linear({from, rows, in}, {w.data(), in, out}, b, {to, rows, out});
        CHECK(std::equal(expected.begin(), expected.end(), to));
      }
    }
  }
}

}  // namespace
