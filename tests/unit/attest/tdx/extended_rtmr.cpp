// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/tdx/extended_rtmr.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "support/test_authority.hpp"

namespace {

using namespace enfilade;
using test::bytes;

TEST_SUITE("attest/extended_rtmr") {
  TEST_CASE("a register that was extended holds the hash of what it held and the digest") {
    const bytes first(32, std::byte{1});
    const bytes second(48, std::byte{2});
    const std::array<detail::byte_span, 2> values{first, second};
    // By Python's hashlib.
    CHECK(detail::to_hex(expected_rtmr(values)) ==
          "ae58608854a8d6620d44cd11b6ee6e2afc98a8d1dbc74063"
          "9f771bc0cf5d3b133624ae29a260a27b0cb3749e56cb1ce3");
    CHECK(expected_rtmr(values) ==
          extended_rtmr(expected_rtmr(std::span{values}.first(1)), sha384(second)));
  }

  TEST_CASE("the order counts, and no value leaves it zero") {
    const bytes first(32, std::byte{1});
    const bytes second(32, std::byte{2});
    const std::array<detail::byte_span, 2> one_way{first, second};
    const std::array<detail::byte_span, 2> other_way{second, first};
    CHECK(expected_rtmr(one_way) != expected_rtmr(other_way));
    CHECK(expected_rtmr({}) == std::array<std::byte, 48>{});
  }
}

}  // namespace
