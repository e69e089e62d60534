// SPDX-License-Identifier: Apache-2.0

#include <enfilade/detail/nth.hpp>

#include <doctest/doctest.h>

#include <concepts>

namespace {

using enfilade::detail::nth;

struct incomplete;

static_assert(std::same_as<nth<0, int>, int>);
static_assert(std::same_as<nth<0, int, char, void>, int>);
static_assert(std::same_as<nth<2, int, char, void>, void>);
static_assert(std::same_as<nth<1, int, const char&, void>, const char&>);
static_assert(std::same_as<nth<1, int, int, int>, int>, "a type may stand more than once");
static_assert(std::same_as<nth<1, int, incomplete>, incomplete>);

TEST_CASE("the type at a place of a list is found by the compiler") {
  CHECK(std::same_as<nth<1, int, char, void>, char>);
}

}  // namespace
