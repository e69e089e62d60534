// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/x509/x509_name.hpp>

#include <doctest/doctest.h>

#include "support/test_authority.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::der;

bytes attribute(std::string_view type, std::string_view value) {
  return der(0x30, {der(6, {test::hex(type)}), test::text(0x0C, value)});
}
constexpr std::string_view common = "550403";
constexpr std::string_view country = "550406";

TEST_SUITE("attest/x509_name") {
  TEST_CASE("a common name is found among others, whole and byte for byte") {
    const bytes name =
        der(0x30, {der(0x31, {attribute(country, "US")}), der(0x31, {attribute(common, "Root")})});
    CHECK(has_common_name(name, "Root"));
    CHECK_FALSE(has_common_name(name, "root"));
    CHECK_FALSE(has_common_name(name, "Roo"));
    CHECK_FALSE(has_common_name(name, "Roots"));
    CHECK_FALSE(has_common_name(name, "US"));
    CHECK(has_common_name(
        der(0x30, {der(0x31, {attribute(country, "US"), attribute(common, "Root")})}), "Root"));
  }

  TEST_CASE("two common names are none") {
    const bytes two =
        der(0x30, {der(0x31, {attribute(common, "A")}), der(0x31, {attribute(common, "Root")})});
    CHECK_FALSE(has_common_name(two, "A"));
    CHECK_FALSE(has_common_name(two, "Root"));
  }

  TEST_CASE("what is no name has none") {
    for (const char* text : {"", "30", "3000", "300130", "31020500", "30020500", "30023100"})
      CHECK_FALSE(has_common_name(test::hex(text), "Root"));
  }
}

}  // namespace
