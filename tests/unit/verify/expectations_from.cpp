// SPDX-License-Identifier: Apache-2.0
#include <enfilade/verify/expectations_from.hpp>

#include <enfilade/attest/expectations.hpp>

#include "support/some_claims.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace {

using namespace enfilade;
using test::filled_register;

evidence_report report_of(claims says) {
  evidence_report report;
  report.steps.pass("signature");
  report.says = std::move(says);
  return report;
}

bool remarks(const proposed_demands& proposed, std::string_view line) {
  return std::ranges::find(proposed.remarks, line) != proposed.remarks.end();
}

TEST_SUITE("verify/expectations_from") {
  TEST_CASE("the program is pinned, and nothing else") {
    claims plain{"nitro", {{"pcr0", filled_register(1)}, {"pcr8", filled_register(2)}}};
    plain.place = {{"module", filled_register(3)}};
    plain.numbers = {{"vmpl", 2}};
    plain.says("smt", true);
    evidence_report report = report_of(plain);
    report.unproven = {{"plan", filled_register(4)}};
    const proposed_demands proposed = expectations_from(report);
    CHECK(proposed.entry.canonical() ==
          R"({"attester": "nitro", "registers": {"pcr0": "0101", "pcr8": "0202"}})");
    CHECK(remarks(proposed, "pinned: pcr0, pcr8 (the program)"));
    CHECK(remarks(proposed, "left out: module (another machine or instance has others)"));
    CHECK(remarks(proposed, R"(left out: vmpl 2 (a floor would be "at_least"))"));
    CHECK(remarks(proposed, R"(left out: smt (to refuse one, "deny" it))"));
    CHECK(remarks(proposed, "left out: plan (told, and not proven without --nonce)"));
  }

  TEST_CASE("what is worse than usual is allowed by name, with a remark, and is then accepted") {
    claims bad = test::full_claims();
    bad.says("migration", true);
    const proposed_demands proposed = expectations_from(report_of(bad));
    CHECK(proposed.entry.canonical() ==
          R"({"attester": "tdx", "registers": {"mrtd": "0101", "plan": "0202"}, )"
          R"("allow": ["debug", "migration"], )"
          R"("tcb_status": ["OutOfDate"], "advisories": ["INTEL-SA-00837"]})");
    CHECK(remarks(proposed, "allowed: debug (the host can look inside: for tests only)"));
    CHECK(remarks(proposed,
                  "accepted: TCB status OutOfDate (known attacks may work on it: INTEL-SA-00837)"));
    CHECK(expectations::any_of({proposed.entry})->check(bad));
  }

  TEST_CASE("a platform that is as it should be needs no word about it") {
    claims good = test::full_claims();
    good.permissions.clear();
    good.tcb_status = "UpToDate";
    const proposed_demands proposed = expectations_from(report_of(good));
    CHECK(proposed.entry.canonical() ==
          R"({"attester": "tdx", "registers": {"mrtd": "0101", "plan": "0202"}})");
    CHECK(expectations::any_of({proposed.entry})->check(good));
  }

  TEST_CASE("a weaker strength than usual is written down") {
    claims weak = test::full_claims();
    weak.permissions.clear();
    weak.tcb_status = "";
    weak.advisories.clear();
    weak.strength = evidence_strength::signatures;
    const proposed_demands proposed = expectations_from(report_of(weak));
    CHECK(proposed.entry.strength == evidence_strength::signatures);
    CHECK(expectations::any_of({proposed.entry})->check(weak));
    CHECK(std::ranges::any_of(proposed.remarks, [](const std::string& remark) {
      return remark.starts_with("accepted: strength signatures");
    }));
  }

  TEST_CASE("the last remark asks for a review") {
    CHECK(expectations_from(report_of(test::full_claims())).remarks.back() ==
          "review it: whoever pins a value vouches for what it stands for");
  }
}

}  // namespace
