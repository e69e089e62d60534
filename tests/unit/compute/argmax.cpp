// SPDX-License-Identifier: Apache-2.0
#include <enfilade/compute/argmax.hpp>

#include <doctest/doctest.h>

#include <vector>

namespace {

using enfilade::argmax;

TEST_SUITE("compute/argmax") {
  TEST_CASE("the largest score wins") {
    CHECK(argmax(std::vector<float>{-3.0F, -1.0F, -2.0F}) == 1);
    CHECK(argmax(std::vector<float>{0.5F}) == 0);
  }
  TEST_CASE("of several equal scores the first wins") {
    CHECK(argmax(std::vector<float>{1.0F, 2.0F, 2.0F, 0.0F, 2.0F}) == 1);
  }
}

}  // namespace
