// SPDX-License-Identifier: Apache-2.0
#include <enfilade/verify/claims_json.hpp>

#include "support/some_claims.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace {

using namespace enfilade;

TEST_SUITE("verify/claims_json") {
  TEST_CASE("every claim is a member") {
    CHECK(claims_json(test::full_claims()) == nlohmann::json::parse(R"({
      "attester": "tdx",
      "registers": {"mrtd": "0101", "plan": "0202"},
      "place": {"fmspc": "0303"},
      "numbers": {"evaluation": 17, "tee_tcb_svn.0": 6},
      "permissions": ["debug"],
      "prohibitions": ["migration"],
      "strength": "collateral",
      "tcb_status": "OutOfDate",
      "advisories": ["INTEL-SA-00837"],
      "judged_at": "2025-06-20T00:00:00Z",
      "made_at": "2025-06-19T00:00:00Z",
      "valid_until": "2025-07-19T00:00:00Z"
    })"));
  }

  TEST_CASE("what the platform does not say is empty or null, and never missing") {
    const nlohmann::json found = claims_json(claims{"nitro", {}});
    CHECK(found.size() == 12);
    CHECK(found.at("registers") == nlohmann::json::object());
    CHECK(found.at("permissions") == nlohmann::json::array());
    CHECK(found.at("made_at").is_null());
    CHECK(found.at("valid_until").is_null());
    CHECK(found.at("tcb_status") == "");
    CHECK(found.at("strength") == "signatures");
  }
}

}  // namespace
