// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/demands.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <string>
#include <type_traits>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;

static_assert(!std::is_aggregate_v<demands>, "g++ 12 miscompiles temporary aggregates");
static_assert(!std::is_aggregate_v<unmet_demand>, "g++ 12 miscompiles temporary aggregates");

Measurement value(unsigned char first) {
  return Measurement{std::array{std::byte{first}, std::byte{0xFF}}};
}

constexpr std::chrono::sys_seconds noon{1'770'000'000s};

/// A machine with something in every member of `claims`.
struct machine {
  claims found{"tee", {{"measurement", value(1)}, {"weights", value(2)}}};
  demands wanted{"tee", {{"measurement", value(1)}}};

  machine() {
    found.place = {{"chip_id", value(3)}};
    found.numbers = {{"tcb.snp", 8}, {"vmpl", 1}};
    found.says("smt", true);
    found.says("debug", false);
    found.says("migration", false);
    found.strength = found.usual_strength = evidence_strength::collateral;
    found.tcb_status = "UpToDate";
    found.judged_at = noon;
    found.made_at = noon - 60s;
  }

  bool met() const { return !wanted.unmet(found); }

  /// Refuses, with this code and this text.
  void refused(errc why, const std::string& text) const {
    const auto unmet = wanted.unmet(found);
    REQUIRE(unmet.has_value());
    CHECK(unmet->code == why);
    CHECK(unmet->detail == text);
  }
};

TEST_SUITE("attest/demands") {
  TEST_CASE_FIXTURE(machine, "a pinned program on a good machine meets the defaults") {
    CHECK(met());
  }

  TEST_CASE_FIXTURE(machine, "attester and registers must be the pinned ones") {
    SUBCASE("another attester") {
      found.attester = "tea";
      refused(errc::attest_measurement_mismatch, "attester: expected tee, found tea");
    }
    SUBCASE("another program") {
      wanted.pins = {{"measurement", value(9)}};
      refused(errc::attest_measurement_mismatch, "measurement: expected 09ff, found 01ff");
    }
    SUBCASE("another instance") {
      wanted.pins.emplace_back("chip_id", value(3));
      CHECK(met());
      wanted.pins.back().second = value(4);
      refused(errc::attest_measurement_mismatch, "chip_id: expected 04ff, found 03ff");
    }
    SUBCASE("a register that is not there") {
      wanted.pins.emplace_back("plan", value(3));
      refused(errc::attest_measurement_mismatch, "plan: expected 03ff, found none");
    }
  }

  TEST_CASE_FIXTURE(machine, "debug and migration are refused unless they are allowed by name") {
    SUBCASE("debug") {
      found.permissions.push_back("debug");
      refused(errc::attest_debug_enabled, "debug: expected denied, found permitted");
      wanted.allow = {"migration"};
      refused(errc::attest_debug_enabled, "debug: expected denied, found permitted");
      wanted.allow = {"debug"};
      CHECK(met());
    }
    SUBCASE("migration") {
      found.permissions.push_back("migration");
      refused(errc::attest_guest_policy, "migration: expected denied, found permitted");
      wanted.allow = {"debug"};
      refused(errc::attest_guest_policy, "migration: expected denied, found permitted");
      wanted.allow = {"migration"};
      CHECK(met());
    }
    SUBCASE("whatever else the evidence says of them") {
      found.prohibitions = {"debug", "migration"};
      found.permissions = {"debug"};
      wanted.deny = {"debug"};
      refused(errc::attest_debug_enabled, "debug: expected denied, found permitted");
    }
  }

  TEST_CASE_FIXTURE(machine, "other permissions are refused where they are denied by name") {
    wanted.deny = {"debug", "smt"};
    refused(errc::attest_guest_policy, "smt: expected denied, found permitted");
    wanted.deny = {"debug", "migration"};
    CHECK(met());
  }

  TEST_CASE_FIXTURE(machine,
                    "denying what the platform does not have is not met: it may be a slip") {
    wanted.deny = {"SMT"};
    refused(errc::attest_guest_policy, "SMT: expected denied, found nothing about it");
  }

  TEST_CASE_FIXTURE(machine, "numbers have floors and ceilings, and must be there") {
    SUBCASE("at the limits") {
      wanted.at_least = {{"tcb.snp", 8}};
      wanted.at_most = {{"vmpl", 1}};
      CHECK(met());
    }
    SUBCASE("below the floor") {
      wanted.at_least = {{"tcb.snp", 9}};
      refused(errc::attest_tcb_out_of_date, "tcb.snp: expected at least 9, found 8");
    }
    SUBCASE("above the ceiling") {
      wanted.at_most = {{"vmpl", 0}};
      refused(errc::attest_guest_policy, "vmpl: expected at most 0, found 1");
    }
    SUBCASE("no such number, floor") {
      wanted.at_least = {{"tcb.fmc", 0}};
      refused(errc::attest_tcb_out_of_date, "tcb.fmc: expected at least 0, found none");
    }
    SUBCASE("no such number, ceiling") {
      wanted.at_most = {{"tcb.fmc", demands::max_number}};
      refused(errc::attest_guest_policy, "tcb.fmc: expected at most 4294967295, found none");
    }
    SUBCASE("larger than any limit can be") {
      found.numbers = {{"vmpl", demands::max_number + 1}};
      wanted.at_most = {{"vmpl", demands::max_number}};
      refused(errc::attest_guest_policy, "vmpl: expected at most 4294967295, found 4294967296");
    }
  }

  TEST_CASE_FIXTURE(machine,
                    "the most that the platform can show is demanded, unless less will do") {
    found.strength = evidence_strength::signatures;
    found.tcb_status = {};
    refused(errc::attest_endorsement_missing, "strength: expected collateral, found signatures");
    wanted.strength = evidence_strength::signatures;
    CHECK(met());
    wanted.strength = evidence_strength::collateral;
    refused(errc::attest_endorsement_missing, "strength: expected collateral, found signatures");
    wanted.strength = {};
    found.usual_strength = evidence_strength::signatures;
    CHECK_MESSAGE(met(), "a platform that has no more");
  }

  TEST_CASE_FIXTURE(machine, "a machine must be up to date, or in a state that was accepted") {
    found.tcb_status = "OutOfDate";
    refused(errc::attest_tcb_out_of_date, "tcb_status: expected UpToDate, found OutOfDate");
    wanted.tcb_status = {"UpToDate", "SWHardeningNeeded"};
    refused(errc::attest_tcb_out_of_date,
            "tcb_status: expected UpToDate or SWHardeningNeeded, found OutOfDate");
    found.tcb_status = "SWHardeningNeeded";
    CHECK(met());
    found.tcb_status = "UpToDate";
    CHECK(met());
    wanted.tcb_status = {"SWHardeningNeeded"};
    refused(errc::attest_tcb_out_of_date, "tcb_status: expected SWHardeningNeeded, found UpToDate");
  }

  TEST_CASE_FIXTURE(machine, "a status that was asked for must be there") {
    found.tcb_status = {};
    CHECK_MESSAGE(met(), "a platform whose maker has no such word");
    wanted.tcb_status = {"UpToDate"};
    refused(errc::attest_endorsement_missing, "tcb_status: expected UpToDate, found none");
  }

  TEST_CASE_FIXTURE(machine,
                    "a machine that is not up to date has advisories, accepted one by one") {
    wanted.tcb_status = {"UpToDate", "SWHardeningNeeded"};
    found.tcb_status = "SWHardeningNeeded";
    found.advisories = {"INTEL-SA-00615", "INTEL-SA-00289"};
    refused(errc::attest_tcb_out_of_date, "advisories: expected none, found INTEL-SA-00615");
    wanted.advisories = {"INTEL-SA-00615"};
    refused(errc::attest_tcb_out_of_date,
            "advisories: expected INTEL-SA-00615, found INTEL-SA-00289");
    wanted.advisories = {"INTEL-SA-00289", "INTEL-SA-00615"};
    CHECK(met());
    wanted.advisories = {};
    found.tcb_status = "UpToDate";
    CHECK_MESSAGE(met(), "what is up to date has been mended");
    found.tcb_status = {};
    wanted.tcb_status = {};
    refused(errc::attest_tcb_out_of_date, "advisories: expected none, found INTEL-SA-00615");
    found.advisories = {"\x1B[2J"};
    refused(errc::attest_tcb_out_of_date, "advisories: expected none, found one that is no name");
  }

  TEST_CASE_FIXTURE(machine, "evidence may be so old, and was not made in the future") {
    wanted.max_age = 60s;
    CHECK(met());
    wanted.max_age = 59s;
    refused(errc::attest_stale, "age: expected at most 59 s, found 60 s");
    wanted.max_age = 0s;
    found.made_at = noon + 5min;
    CHECK_MESSAGE(met(), "the verifier's clock may be behind");
    found.made_at = noon + 5min + 1s;
    refused(errc::attest_not_yet_valid, "age: expected one of the past, found -301 s");
    found.judged_at = {};
    refused(errc::attest_not_yet_valid, "age: expected one of the past, found -1770000301 s");
    found.made_at = {};
    CHECK_MESSAGE(met(), "it is of this session, and so it is of now");
    found.made_at = noon - 10h;
    found.judged_at = noon;
    wanted.max_age = {};
    CHECK_MESSAGE(met(), "its certificates bound it");
  }

  TEST_CASE_FIXTURE(machine, "demands are compared in one order, and how far that came is told") {
    const auto came_to = [this] {
      const auto unmet = wanted.unmet(found);
      REQUIRE(unmet.has_value());
      return unmet->came_to;
    };
    wanted = demands{"tea", {{"measurement", value(1)}, {"weights", value(7)}}};
    wanted.allow = {"debug"};
    wanted.deny = {"smt"};
    wanted.at_most = {{"vmpl", 0}};
    wanted.strength = evidence_strength::collateral;
    wanted.max_age = 1s;
    found.strength = evidence_strength::signatures;
    found.tcb_status = "OutOfDate";
    std::size_t before = came_to();
    CHECK(before == 0);
    const auto further = [&](errc why) {
      CHECK(wanted.unmet(found)->code == why);
      CHECK(came_to() > before);
      before = came_to();
    };
    wanted.attester = "tee";
    further(errc::attest_measurement_mismatch);
    wanted.pins = {{"measurement", value(1)}, {"weights", value(2)}, {"plan", value(1)}};
    further(errc::attest_measurement_mismatch);
    wanted.pins.pop_back();
    further(errc::attest_guest_policy);
    wanted.deny = {};
    further(errc::attest_guest_policy);
    wanted.at_most = {};
    further(errc::attest_endorsement_missing);
    found.strength = evidence_strength::collateral;
    further(errc::attest_tcb_out_of_date);
    found.tcb_status = "UpToDate";
    further(errc::attest_stale);
    wanted.max_age = {};
    CHECK(met());
  }

  TEST_CASE("the text has every demand, each list in alphabetical order") {
    demands all{"tee", {{"weights", value(2)}, {"measurement", value(1)}}};
    CHECK(all.canonical() ==
          R"({"attester": "tee", "registers": {"measurement": "01ff", "weights": "02ff"}})");
    all.allow = {"migration", "debug"};
    all.deny = {"smt", "cxl"};
    all.at_least = {{"tcb.snp", 8}, {"guest_svn", 1}};
    all.at_most = {{"vmpl", 0}};
    all.max_age = 3600s;
    all.strength = evidence_strength::collateral;
    all.tcb_status = {"UpToDate", "ConfigurationAndSWHardeningNeeded"};
    all.advisories = {"INTEL-SA-2", "INTEL-SA-1"};
    CHECK_FALSE(all.invalid());
    CHECK(all.canonical() ==
          R"({"attester": "tee", "registers": {"measurement": "01ff", "weights": "02ff"}, )"
          R"("allow": ["debug", "migration"], "deny": ["cxl", "smt"], )"
          R"("at_least": {"guest_svn": 1, "tcb.snp": 8}, "at_most": {"vmpl": 0}, )"
          R"("max_age": 3600, "strength": "collateral", )"
          R"("tcb_status": ["ConfigurationAndSWHardeningNeeded", "UpToDate"], )"
          R"("advisories": ["INTEL-SA-1", "INTEL-SA-2"]})");
  }

  TEST_CASE("demands to which nobody could be held are invalid") {
    demands one{"tee", {{"measurement", value(1)}}};
    CHECK_FALSE(one.invalid());
    errc expected = errc::attest_expectations_invalid;
    const auto fill = [](auto& list, std::size_t size, auto make) {
      for (std::size_t i = 0; i != size; ++i) list.push_back(make("n" + std::to_string(i)));
    };
    const auto name = [](const std::string& text) { return text; };
    const auto pin = [](const std::string& text) { return std::pair{text, value(1)}; };
    const auto limit = [](const std::string& text) { return demands::limit{text, 1}; };
    SUBCASE("no attester") {
      one.attester = "";
      expected = errc::attest_expectations_empty;
    }
    SUBCASE("no pin") {
      one.pins.clear();
      one.at_least = {{"tcb.snp", 1}};
      expected = errc::attest_expectations_empty;
    }
    SUBCASE("an attester that is no name") { one.attester = "t\"e"; }
    SUBCASE("a pin that is no name") { one.pins = {{"a b", value(1)}}; }
    SUBCASE("too many pins") {
      fill(one.pins, demands::max_pins - 1, pin);
      CHECK_FALSE(one.invalid());
      one.pins.push_back(pin("more"));
    }
    SUBCASE("a pin twice") { one.pins = {{"a", value(1)}, {"a", value(2)}}; }
    SUBCASE("too many names") {
      fill(one.deny, demands::max_names, name);
      CHECK_FALSE(one.invalid());
      one.deny.push_back("more");
    }
    SUBCASE("a name that is none") { one.allow = {""}; }
    SUBCASE("a name twice") { one.tcb_status = {"UpToDate", "UpToDate"}; }
    SUBCASE("a name that is too long") {
      one.advisories = {std::string(64, 'a')};
      CHECK_FALSE(one.invalid());
      one.advisories = {std::string(65, 'a')};
    }
    SUBCASE("allowed and denied") {
      one.allow = {"debug", "migration"};
      one.deny = {"migration"};
    }
    SUBCASE("too many numbers") {
      fill(one.at_most, demands::max_names, limit);
      CHECK_FALSE(one.invalid());
      one.at_most.push_back(limit("more"));
    }
    SUBCASE("a number twice") { one.at_least = {{"a", 1}, {"a", 2}}; }
    SUBCASE("a number without a name") { one.at_least = {{"", 1}}; }
    SUBCASE("a number that is too large") {
      one.at_most = {{"a", demands::max_number}};
      CHECK_FALSE(one.invalid());
      one.at_most = {{"a", demands::max_number + 1}};
    }
    SUBCASE("an age below zero") { one.max_age = -1s; }
    SUBCASE("an age that is too large") {
      one.max_age = std::chrono::seconds{0xFFFF'FFFF};
      CHECK_FALSE(one.invalid());
      *one.max_age += 1s;
    }
    REQUIRE(one.invalid().has_value());
    CHECK(*one.invalid() == expected);
  }
}

}  // namespace
