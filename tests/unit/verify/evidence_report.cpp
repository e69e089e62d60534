// SPDX-License-Identifier: Apache-2.0
#include <enfilade/verify/evidence_report.hpp>

#include "support/some_claims.hpp"

#include <doctest/doctest.h>

#include <string_view>

namespace {

using namespace enfilade;
using test::filled_register;

evidence_report genuine() {
  evidence_report report;
  report.steps.pass("signature");
  report.says = claims{"nitro", {{"pcr0", filled_register(1)}}};
  return report;
}

verdict_step last_of(const evidence_report& report) { return report.steps.steps().back(); }

TEST_SUITE("verify/evidence_report") {
  TEST_CASE("accepted is what says something and failed nowhere") {
    CHECK(genuine().accepted());
    CHECK_FALSE(evidence_report{}.accepted());
    evidence_report silent = genuine();
    silent.says.reset();
    CHECK_FALSE(silent.accepted());
    evidence_report failed = genuine();
    failed.steps.fail("binding", {errc::attest_binding_mismatch, "evidence.nonce"});
    CHECK_FALSE(failed.accepted());
  }

  TEST_CASE("what is expected passes as a step of its own") {
    evidence_report report = genuine();
    compare(report, *expectations::pinned("nitro", {{"pcr0", filled_register(1)}}));
    CHECK(last_of(report) == verdict_step{"expectations", step_outcome::passed, {}, {}});
    CHECK(report.accepted());
    CHECK(report.detail.empty());
  }

  TEST_CASE("what is not expected is refused, and says what differs") {
    evidence_report report = genuine();
    compare(report, *expectations::pinned("nitro", {{"pcr0", filled_register(2)}}));
    CHECK(last_of(report) == verdict_step{"expectations", step_outcome::failed,
                                          errc::attest_measurement_mismatch, "expectations.unmet"});
    CHECK_FALSE(report.accepted());
    CHECK(report.says.has_value());
    CHECK(report.detail == "pcr0: expected 0202, found 0101");

    evidence_report other = genuine();
    compare(other, *expectations::pinned("sev-snp", {{"pcr0", filled_register(1)}}));
    CHECK_FALSE(other.accepted());
    evidence_report nobody = genuine();
    compare(nobody, expectations{});
    CHECK(last_of(nobody).code == errc::attest_expectations_empty);
  }

  TEST_CASE("nothing is compared where anyone may come, or nothing is genuine") {
    evidence_report report = genuine();
    compare(report, expectations::anyone());
    CHECK(last_of(report).outcome == step_outcome::skipped);
    CHECK(report.accepted());

    evidence_report forged = genuine();
    forged.says.reset();
    forged.steps.fail("signature", {errc::attest_bad_signature, "x"});
    compare(forged, *expectations::pinned("nitro", {{"pcr0", filled_register(1)}}));
    CHECK(last_of(forged) ==
          verdict_step{"expectations", step_outcome::skipped, {}, "an earlier step failed"});
  }

  TEST_CASE("appended steps are the same steps") {
    verdict all;
    all.pass("a");
    all.skip("b", "why");
    all.fail("c", {errc::attest_expired, "c.rule"});
    verdict copy;
    detail::append(copy, all);
    CHECK(copy.steps() == all.steps());
  }
}

}  // namespace
