// SPDX-License-Identifier: Apache-2.0
#include <enfilade/verify/verdict_table.hpp>

#include <doctest/doctest.h>

namespace {

using namespace enfilade;

TEST_SUITE("verify/verdict_table") {
  TEST_CASE("each step is a line, in its order, with the reason where there is one") {
    verdict steps;
    steps.pass("size");
    steps.skip("age", "no maximum age was given");
    steps.fail("signature", {errc::attest_bad_signature, "cose.not_signed_by_leaf"});
    CHECK(verdict_table(steps) ==
          "  size       passed\n"
          "  age        skipped  no maximum age was given\n"
          "  signature  FAILED   attest.bad_signature cose.not_signed_by_leaf\n");
  }

  TEST_CASE("of nothing there is no line") { CHECK(verdict_table(verdict{}).empty()); }
}

}  // namespace
