// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/claims.hpp>

#include <doctest/doctest.h>

#include <string>
#include <type_traits>

namespace {

using enfilade::claims;
using enfilade::is_register_name;
using enfilade::Measurement;

static_assert(!std::is_aggregate_v<claims>, "g++ 12 miscompiles temporary aggregates");
static_assert(is_register_name("weights"));
static_assert(is_register_name("PCR0"));
static_assert(is_register_name("a.b_c-d"));
static_assert(is_register_name("12345678901234567890123456789012"));
static_assert(!is_register_name("123456789012345678901234567890123"));
static_assert(!is_register_name(""));
static_assert(!is_register_name("a b"));
static_assert(!is_register_name("a\"b"));
static_assert(!is_register_name("a\n"));

TEST_SUITE("attest/claims") {
  TEST_CASE("a register is found by its name, or not at all") {
    const Measurement binary{std::array{std::byte{1}}};
    const Measurement weights{std::array{std::byte{2}}};
    const claims of{"mock", {{"binary", binary}, {"weights", weights}}};
    REQUIRE(of.find("weights") != nullptr);
    CHECK(*of.find("weights") == weights);
    CHECK(*of.find("binary") == binary);
    CHECK(of.find("PCR0") == nullptr);
    CHECK(of.find("") == nullptr);
  }

  TEST_CASE("a number is found by its name, or not at all") {
    claims of;
    of.numbers = {{"tcb.snp", 8}};
    CHECK(of.number("tcb.snp") == 8);
    CHECK_FALSE(of.number("tcb").has_value());
  }

  TEST_CASE("what a platform does not have is neither permitted nor denied") {
    claims of;
    of.says("smt", true);
    of.says("debug", false);
    CHECK(of.permits("smt"));
    CHECK_FALSE(of.denies("smt"));
    CHECK(of.denies("debug"));
    CHECK_FALSE(of.permits("debug"));
    CHECK_FALSE(of.permits("migration"));
    CHECK_FALSE(of.denies("migration"));
  }
}

}  // namespace
