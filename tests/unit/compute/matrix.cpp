// SPDX-License-Identifier: Apache-2.0
#include <enfilade/compute/matrix.hpp>

#include <doctest/doctest.h>

#include <array>
#include <concepts>
#include <numeric>
#include <type_traits>

namespace {

using enfilade::matrix;

static_assert(std::convertible_to<matrix<float>, matrix<const float>>);
static_assert(!std::convertible_to<matrix<const float>, matrix<float>>, "read only stays so");
static_assert(std::is_trivially_copyable_v<matrix<float>>, "a view is passed by value");
static_assert(!std::is_aggregate_v<matrix<float>>, "architecture §9");

struct counted {
  std::array<float, 12> values{};
  counted() { std::iota(values.begin(), values.end(), 0.0F); }
};

TEST_SUITE("compute/matrix") {
  TEST_CASE_FIXTURE(counted, "a row is as long as the matrix is wide") {
    const matrix<float> m{values.data(), 3, 4};
    CHECK(m.row(2).size() == 4);
    CHECK(m.row(2)[1] == 9.0F);
  }

  TEST_CASE_FIXTURE(counted, "some rows are a view of the same memory") {
    const matrix<float> m = matrix<float>{values.data(), 3, 4}.some_rows(1, 2);
    CHECK(m.rows() == 2);
    m.row(0)[0] = 70.0F;
    CHECK(values[4] == 70.0F);
  }

  TEST_CASE_FIXTURE(counted, "some columns keep the distance of the rows") {
    const matrix<const float> m = matrix<float>{values.data(), 3, 4}.some_columns(2, 2);
    CHECK(m.columns() == 2);
    CHECK(m.stride() == 4);
    CHECK(m.row(2)[1] == 11.0F);
  }
}

}  // namespace
