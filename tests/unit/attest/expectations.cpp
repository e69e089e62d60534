// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/expectations.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;

static_assert(!std::is_aggregate_v<expectations>, "g++ 12 miscompiles temporary aggregates");

Measurement value(unsigned char first) {
  return Measurement{std::array{std::byte{first}, std::byte{0xFF}}};
}

const claims genuine{"mock", {{"binary", value(1)}, {"weights", value(2)}}};

expectations pinned(registers pins, std::string attester = "mock") {
  auto some = expectations::pinned(std::move(attester), std::move(pins));
  REQUIRE(some.has_value());
  return *std::move(some);
}

TEST_SUITE("attest/expectations") {
  TEST_CASE("the expected program is accepted") {
    //[check
    const auto wanted = expectations::pinned("mock", {{"binary", value(1)}, {"weights", value(2)}});
    REQUIRE(wanted.has_value());  // an empty set of pins is errc::attest_expectations_empty
    std::string detail;           // on refusal: "weights: expected 03ff, found 02ff"
    CHECK(wanted->check(genuine, &detail).has_value());
    //]
    CHECK_MESSAGE(pinned({{"weights", value(2)}}).check(genuine).has_value(),
                  "a register that is not pinned may have any value");
  }

  TEST_CASE("any other is refused, and the detail names the register and both values") {
    std::string detail;
    expectations wanted;
    std::string expected_detail;
    SUBCASE("another value") {
      wanted = pinned({{"binary", value(1)}, {"weights", value(3)}});
      expected_detail = "weights: expected 03ff, found 02ff";
    }
    SUBCASE("a value of another size") {
      wanted = pinned({{"binary", Measurement{std::array{std::byte{1}}}}});
      expected_detail = "binary: expected 01, found 01ff";
    }
    SUBCASE("a register that was not measured") {
      wanted = pinned({{"binary", value(1)}, {"PCR0", value(1)}});
      expected_detail = "PCR0: expected 01ff, found none";
    }
    SUBCASE("another attester with the same registers") {
      wanted = pinned({{"binary", value(1)}}, "nitro");
      expected_detail = "attester: expected nitro, found mock";
    }
    const auto checked = wanted.check(genuine, &detail);
    REQUIRE(checked.has_error());
    CHECK(checked.error() == errc::attest_measurement_mismatch);
    CHECK(detail == expected_detail);
    CHECK_MESSAGE(wanted.check(genuine).has_error(), "with nobody to tell the detail to");
  }

  TEST_CASE("an empty set of pins is refused, not taken for anyone") {
    CHECK(expectations::pinned("mock", {}).error() == errc::attest_expectations_empty);
    CHECK(expectations::pinned("", {{"binary", value(1)}}).error() ==
          errc::attest_expectations_empty);
    const expectations forgotten;
    CHECK(forgotten.demand_evidence());
    CHECK(forgotten.check(genuine).error() == errc::attest_expectations_empty);
    CHECK(forgotten.check(claims{}).error() == errc::attest_expectations_empty);
  }

  TEST_CASE("anyone must be said") {
    CHECK_FALSE(expectations::anyone().demand_evidence());
    CHECK(expectations::anyone().check(claims{}).has_value());
    CHECK(pinned({{"binary", value(1)}}).demand_evidence());
  }

  TEST_CASE("of several alternatives one must be met as a whole") {
    demands old_build{"mock", {{"binary", value(7)}, {"weights", value(2)}}};
    demands new_build{"mock", {{"binary", value(1)}, {"weights", value(2)}}};
    CHECK(expectations::any_of({old_build, new_build})->check(genuine).has_value());
    CHECK(expectations::any_of({new_build, old_build})->check(genuine).has_value());
    new_build.pins.back().second = value(8);
    const auto mixed = expectations::any_of({old_build, new_build});
    CHECK_MESSAGE(mixed->check(genuine).error() == errc::attest_measurement_mismatch,
                  "half of the one and half of the other");
  }

  TEST_CASE("of several alternatives the one that came furthest says why") {
    claims debugged = genuine;
    debugged.says("debug", true);
    const demands elsewhere{"nitro", {{"binary", value(1)}}};
    const demands another{"mock", {{"binary", value(9)}, {"weights", value(2)}}};
    const demands almost{"mock", {{"binary", value(1)}}};
    std::vector<demands> all{elsewhere, another, almost};
    for (int turn = 0; turn != 3; ++turn) {
      std::string detail;
      CHECK(expectations::any_of(all)->check(debugged, &detail).error() ==
            errc::attest_debug_enabled);
      CHECK(detail == "debug: expected denied, found permitted");
      std::rotate(all.begin(), all.begin() + 1, all.end());
    }
    std::string detail;
    const demands closer{"mock", {{"weights", value(2)}, {"binary", value(8)}}};
    CHECK(expectations::any_of({another, closer})->check(genuine, &detail).has_error());
    CHECK(detail == "binary: expected 08ff, found 01ff");
  }

  TEST_CASE("alternatives are bounded, and none may be empty") {
    const demands one{"mock", {{"binary", value(1)}}};
    CHECK(expectations::any_of({}).error() == errc::attest_expectations_empty);
    CHECK(expectations::any_of({one, demands{}}).error() == errc::attest_expectations_empty);
    CHECK(expectations::any_of(std::vector(16, one)).has_value());
    CHECK(expectations::any_of(std::vector(17, one)).error() == errc::attest_expectations_invalid);
    demands wrong = one;
    wrong.deny = {"a b"};
    CHECK(expectations::any_of({one, wrong}).error() == errc::attest_expectations_invalid);
  }

  TEST_CASE("equal demands have equal texts, and other demands have others") {
    CHECK(expectations{}.canonical().empty());
    CHECK(expectations::anyone().canonical() == "\"anyone\"");
    const std::string text = R"({"attester": "mock", "registers": {"a": "01ff", "b": "02ff"}})";
    CHECK(pinned({{"b", value(2)}, {"a", value(1)}}).canonical() == text);
    const demands one{"mock", {{"a", value(1)}, {"b", value(2)}}};
    demands two{"nitro", {{"a", value(1)}}};
    const std::string both = expectations::any_of({one, two})->canonical();
    CHECK(both == "[" + text + R"(, {"attester": "nitro", "registers": {"a": "01ff"}}])");
    CHECK(expectations::any_of({two, one})->canonical() == both);
    CHECK(expectations::any_of({one, two, one})->canonical() == both);
    CHECK(expectations::any_of({one, one})->canonical() == text);
    two.at_least = {{"tcb.snp", 8}};
    CHECK(expectations::any_of({one, two})->canonical() != both);
  }

  TEST_CASE("a verifier's terms let debug through where an alternative allows it, not further") {
    const std::chrono::sys_seconds now{std::chrono::seconds{1'770'000'000}};
    const endorsements files;
    known_signatures memory;
    const demands strict{"nitro", {{"binary", value(1)}}};
    demands lenient{"mock", {{"binary", value(1)}}};
    lenient.allow = {"debug"};
    CHECK_FALSE(expectations{}.terms(now, files).allow_debug);
    CHECK_FALSE(expectations::anyone().terms(now, files).allow_debug);
    CHECK_FALSE(expectations::any_of({strict})->terms(now, files).allow_debug);
    const auto both = expectations::any_of({strict, lenient});
    const appraisal terms = both->terms(now, files, &memory);
    CHECK(terms.allow_debug);
    CHECK(terms.now == now);
    CHECK(terms.given == &files);
    CHECK(terms.known == &memory);
    claims debugged{"nitro", {{"binary", value(1)}}};
    debugged.says("debug", true);
    CHECK(both->check(debugged).error() == errc::attest_debug_enabled);
    debugged.attester = "mock";
    CHECK(both->check(debugged).has_value());
  }

  TEST_CASE("describes claims as an entry of the file") {
    CHECK(expectations::describe(genuine) ==
          R"({"attester": "mock", "registers": {"binary": "01ff", "weights": "02ff"}})");
    CHECK_THROWS_AS((void)expectations::describe(claims{"mock", {{"a\"b", value(1)}}}), failure);
    CHECK_THROWS_AS((void)expectations::describe(claims{}), failure);
  }
}

}  // namespace
