// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/tdx/tdx_claims.hpp>

#include "support/some_claims.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::filled_register;
using texts = std::vector<std::string>;

tdx_claims quote() {
  tdx_claims out;
  out.mrtd = filled_register(1);
  for (Measurement& rtmr : out.rtmrs) rtmr = filled_register(0);
  out.mrseam = filled_register(3);
  out.mrconfigid = out.mrowner = out.mrownerconfig = filled_register(0);
  out.tee_tcb_svn = {std::byte{5}, std::byte{1}, std::byte{2}};
  out.fmspc.fill(std::byte{4});
  out.ppid.fill(std::byte{5});
  out.valid_until = std::chrono::sys_seconds{500s};
  return out;
}

texts names(const registers& all) {
  texts out;
  for (const auto& [name, value] : all) out.push_back(name);
  return out;
}

TEST_SUITE("attest/tdx_claims") {
  TEST_CASE("the guest is the program, module and platform are the place") {
    const claims found = to_claims(quote());
    CHECK(found.attester == "tdx");
    CHECK(names(found.values) == texts{"mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"});
    CHECK(names(found.place) == texts{"mrseam", "fmspc", "ppid"});
    CHECK(found.find("fmspc")->hex() == "040404040404");
    CHECK(found.number("tee_tcb_svn.0") == 5);
    CHECK(found.number("tee_tcb_svn.1") == 1);
    CHECK(found.number("tee_tcb_svn.2") == 2);
    CHECK(found.valid_until == std::chrono::sys_seconds{500s});
    CHECK(found.denies("debug"));
    CHECK(found.denies("migration"));
  }

  TEST_CASE("what the owner of a guest wrote is there where it is not zero") {
    tdx_claims owned = quote();
    owned.mrconfigid = filled_register(6);
    owned.mrowner = filled_register(7);
    owned.mrownerconfig = filled_register(8);
    owned.mrservicetd = filled_register(9);
    const claims found = to_claims(owned);
    CHECK(found.values.size() == 9);
    CHECK(*found.find("mrconfigid") == filled_register(6));
    CHECK(*found.find("mrservicetd") == filled_register(9));
    owned.mrservicetd = filled_register(0);
    CHECK(to_claims(owned).find("mrservicetd") == nullptr);
  }

  TEST_CASE("what a host may do is a permission") {
    tdx_claims bad = quote();
    bad.debug = true;
    bad.td_attributes = std::uint64_t{1} << 29;
    CHECK(to_claims(bad).permits("debug"));
    CHECK(to_claims(bad).permits("migration"));
  }

  TEST_CASE("with collateral, Intel's judgement is a claim; without it, the strength says so") {
    const claims weak = to_claims(quote());
    CHECK(weak.strength == evidence_strength::signatures);
    CHECK(weak.usual_strength == evidence_strength::collateral);
    CHECK(weak.tcb_status.empty());
    CHECK_FALSE(weak.number("evaluation").has_value());

    tdx_claims judged = quote();
    judged.strength = tdx_strength::collateral;
    judged.tcb = tdx_tcb{tdx_tcb_status::out_of_date, {"INTEL-SA-00837"}};
    judged.evaluation_number = 17;
    const claims found = to_claims(judged);
    CHECK(found.strength == evidence_strength::collateral);
    CHECK(found.tcb_status == "OutOfDate");
    CHECK(found.advisories == texts{"INTEL-SA-00837"});
    CHECK(found.number("evaluation") == 17);
  }
}

}  // namespace
