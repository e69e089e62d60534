// SPDX-License-Identifier: Apache-2.0
#include <enfilade/wire/link_end.hpp>

#include <doctest/doctest.h>

namespace {

using enfilade::link_end;
using enfilade::opposite;

static_assert(opposite(link_end::upstream) == link_end::downstream);
static_assert(opposite(link_end::downstream) == link_end::upstream);

TEST_SUITE("wire/link_end") {
  TEST_CASE("the ends are the role bytes of the protocol, and zero is none of them") {
    CHECK(static_cast<int>(link_end::upstream) == 1);
    CHECK(static_cast<int>(link_end::downstream) == 2);
  }
}

}  // namespace
