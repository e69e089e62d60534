// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/nvidia/hopper_claims.hpp>

#include "support/some_claims.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::filled_register;

TEST_SUITE("attest/hopper_claims") {
  TEST_CASE("measurements that are used are registers by their number, and the chip is the place") {
    hopper_claims report;
    report.measurements[0] = filled_register(0);  // not used
    report.measurements[1] = filled_register(2);
    report.measurements[63] = filled_register(64);
    report.firmware_id = filled_register(3);
    report.chip_serial = filled_register(4);
    report.valid_until = std::chrono::sys_seconds{500s};
    const claims found = to_claims(report);
    CHECK(found.attester == "nvidia-hopper");
    std::vector<std::string> names;
    for (const auto& [name, value] : found.values) names.push_back(name);
    CHECK(names == std::vector<std::string>{"m2", "m64", "firmware_id"});
    CHECK(*found.find("m64") == filled_register(64));
    CHECK(found.place == registers{{"chip_serial", filled_register(4)}});
    CHECK(found.valid_until == std::chrono::sys_seconds{500s});
    CHECK(found.numbers.empty());
  }
}

}  // namespace
