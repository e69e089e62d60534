// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/verdict.hpp>

#include <doctest/doctest.h>

#include <type_traits>

namespace {

using namespace enfilade;

TEST_SUITE("attest/verdict") {
  TEST_CASE("nothing is accepted where nothing passed") {
    verdict v;
    CHECK_FALSE(v.accepted());
    v.skip("revocation", "no list was given");
    CHECK_FALSE(v.accepted());
    v.pass("chain");
    CHECK(v.accepted());
    CHECK_FALSE(v.failure().has_value());
  }

  TEST_CASE("one failure refuses, whatever passed") {
    verdict v;
    v.pass("size");
    v.fail("chain", {errc::attest_expired, "chain.expired"});
    v.skip("signature", "an earlier step failed");
    CHECK_FALSE(v.accepted());
    CHECK(v.failure() ==
          verdict_step{"chain", step_outcome::failed, errc::attest_expired, "chain.expired"});
    CHECK(v.find("signature")->reason == "an earlier step failed");
    CHECK_FALSE(v.find("debug").has_value());
    CHECK(v.steps().size() == 3);
    CHECK(v.steps()[0].name == "size");
  }

  TEST_CASE("a check adds a step and says how it went") {
    verdict v;
    CHECK(v.check("size", true, {errc::attest_malformed, "x.size"}));
    CHECK(v.steps().back() == verdict_step{"size", step_outcome::passed, {}, {}});
    CHECK(v.check("number", judged<int>{1}));
    CHECK(v.accepted());
    CHECK_FALSE(v.check("number", judged<int>{refusal{errc::attest_stale, "x.old"}}));
    CHECK(v.failure()->code == errc::attest_stale);
    CHECK_FALSE(v.check("size", false, {errc::attest_malformed, "x.size"}));
    CHECK(v.steps().back().reason == "x.size");
    CHECK(v.failure()->reason == "x.old");  // the first
  }

  TEST_CASE("the steps of a verdict that goes away stay") {
    const auto made = [] {
      verdict v;
      v.pass("size");
      return v;
    };
    static_assert(!std::is_reference_v<decltype(made().steps())>);
    int count = 0;
    for (const verdict_step& step : made().steps()) count += step.name == "size" ? 1 : 0;
    CHECK(count == 1);
  }
}

}  // namespace
