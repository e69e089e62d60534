// SPDX-License-Identifier: Apache-2.0
#include <enfilade/verify/claims_table.hpp>

#include "support/some_claims.hpp"

#include <doctest/doctest.h>

namespace {

using namespace enfilade;

TEST_SUITE("verify/claims_table") {
  TEST_CASE("every claim is a line") {
    CHECK(claims_table(test::full_claims()) ==
          "  attester     tdx\n"
          "  register     mrtd           0101\n"
          "  register     plan           0202\n"
          "  place        fmspc          0303\n"
          "  number       evaluation     17\n"
          "  number       tee_tcb_svn.0  6\n"
          "  permits      debug\n"
          "  denies       migration\n"
          "  strength     collateral\n"
          "  TCB status   OutOfDate\n"
          "  advisory     INTEL-SA-00837\n"
          "  made at      2025-06-19T00:00:00Z\n"
          "  judged at    2025-06-20T00:00:00Z\n"
          "  valid until  2025-07-19T00:00:00Z\n");
  }

  TEST_CASE("what the platform does not say has no line") {
    CHECK(claims_table(claims{"nitro", {{"pcr0", test::filled_register(1)}}}) ==
          "  attester     nitro\n"
          "  register     pcr0  0101\n"
          "  strength     signatures\n"
          "  judged at    1970-01-01T00:00:00Z\n");
  }
}

}  // namespace
