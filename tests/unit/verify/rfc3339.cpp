// SPDX-License-Identifier: Apache-2.0
#include <enfilade/verify/rfc3339.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string_view>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year;

constexpr sys_seconds moment = sys_days{year{2024} / 9 / 7} + 14h + 37min + 39s;

TEST_SUITE("verify/rfc3339") {
  TEST_CASE("a time in UTC is read and written alike") {
    CHECK(parse_rfc3339("2024-09-07T14:37:39Z") == moment);
    CHECK(format_rfc3339(moment) == "2024-09-07T14:37:39Z");
    CHECK(format_rfc3339(sys_seconds{}) == "1970-01-01T00:00:00Z");
    CHECK(format_rfc3339(sys_seconds{-1s}) == "1969-12-31T23:59:59Z");
    for (const std::string_view text :
         {"1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
          "2024-02-29T23:00:01Z", "2000-02-29T00:00:00Z"}) {
      CAPTURE(text);
      REQUIRE(parse_rfc3339(text).has_value());
      CHECK(format_rfc3339(*parse_rfc3339(text)) == text);
    }
  }

  TEST_CASE("letters may be small, fractions are cut off, and other zones are converted") {
    for (const std::string_view text :
         {"2024-09-07t14:37:39z", "2024-09-07T14:37:39.0Z", "2024-09-07T14:37:39.999999999999Z",
          "2024-09-07T16:37:39+02:00", "2024-09-07T11:07:39.5-03:30", "2024-09-07T14:37:39-00:00",
          "2024-09-08T14:36:39+23:59"}) {
      CAPTURE(text);
      CHECK(parse_rfc3339(text) == moment);
    }
  }

  TEST_CASE("anything else is no time") {
    for (const std::string_view text : {"",
                                        "now",
                                        "2024-09-07",
                                        "2024-09-07 14:37:39Z",
                                        "2024-09-07T14:37:39",
                                        "2024-9-7T1:1:1Z",
                                        "2024-09-07T14:37Z",
                                        "2024-09-07T14:37:39.Z",
                                        "2024-09-07T14:37:39+02",
                                        "2024-09-07T14:37:39+0200",
                                        "2024-09-07T14:37:39Z ",
                                        " 2024-09-07T14:37:39Z",
                                        "2024-09-07T14:37:39ZZ",
                                        "2024-13-07T14:37:39Z",
                                        "2024-00-07T14:37:39Z",
                                        "2024-09-31T14:37:39Z",
                                        "2023-02-29T14:37:39Z",
                                        "2024-09-07T24:00:00Z",
                                        "2024-09-07T14:60:00Z",
                                        "2024-09-07T14:37:60Z",
                                        "2024-09-07T14:37:39+24:00",
                                        "2024-09-07T14:37:39+00:60",
                                        "20240907T143739Z",
                                        "-024-09-07T14:37:39Z",
                                        "+024-09-07T14:37:39Z"}) {
      CAPTURE(text);
      CHECK_FALSE(parse_rfc3339(text).has_value());
    }
  }
}

}  // namespace
