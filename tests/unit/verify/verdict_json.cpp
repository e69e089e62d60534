// SPDX-License-Identifier: Apache-2.0
#include <enfilade/verify/verdict_json.hpp>

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace {

using namespace enfilade;

TEST_SUITE("verify/verdict_json") {
  TEST_CASE("each step is an object, in its order, with the members that its outcome has") {
    verdict steps;
    steps.pass("size");
    steps.skip("age", "no maximum age was given");
    steps.fail("chain", {errc::attest_expired, "chain.expired"});
    CHECK(verdict_json(steps) == nlohmann::json::parse(R"([
      {"name": "size", "outcome": "passed"},
      {"name": "age", "outcome": "skipped", "reason": "no maximum age was given"},
      {"name": "chain", "outcome": "failed", "code": "attest.expired", "rule": "chain.expired"}
    ])"));
  }

  TEST_CASE("of nothing there is an empty array") {
    CHECK(verdict_json(verdict{}) == nlohmann::json::array());
  }
}

}  // namespace
