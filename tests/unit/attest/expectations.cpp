// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/expectations.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <type_traits>

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

  TEST_CASE("describes claims as an entry of the file") {
    CHECK(expectations::describe(genuine) ==
          R"({"attester": "mock", "registers": {"binary": "01ff", "weights": "02ff"}})");
    CHECK_THROWS_AS((void)expectations::describe(claims{"mock", {{"a\"b", value(1)}}}), failure);
    CHECK_THROWS_AS((void)expectations::describe(claims{}), failure);
  }
}

}  // namespace
