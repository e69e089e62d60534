// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/snp/snp_claims.hpp>

#include "support/some_claims.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::filled_register;
using texts = std::vector<std::string>;

snp_claims report() {
  snp_claims out;
  out.product = snp_product::milan;
  out.valid_until = std::chrono::sys_seconds{500s};
  out.measurement = filled_register(1);
  out.host_data = filled_register(2);
  out.report_id = filled_register(3);
  out.chip_id = filled_register(4);
  out.family_id = filled_register(5);
  out.image_id = filled_register(6);
  out.guest_svn = 7;
  out.vmpl = 2;
  out.policy.abi_major = 1;
  out.policy.abi_minor = 55;
  out.tcb.reported = {.boot_loader = 3, .tee = 2, .snp = 8, .microcode = 115};
  out.tcb.committed = {.boot_loader = 4, .tee = 1, .snp = 8, .microcode = 114};
  out.tcb.current = {.fmc = 99, .boot_loader = 99, .tee = 99, .snp = 99, .microcode = 99};
  return out;
}

texts names(const registers& all) {
  texts out;
  for (const auto& [name, value] : all) out.push_back(name);
  return out;
}

TEST_SUITE("attest/snp_claims") {
  TEST_CASE("the launch is the program, the processor and the run are the place") {
    const claims found = to_claims(report());
    CHECK(found.attester == "sev-snp");
    CHECK(names(found.values) == texts{"measurement", "host_data"});
    CHECK(names(found.place) == texts{"chip_id", "report_id", "family_id", "image_id", "product"});
    CHECK(*found.find("measurement") == filled_register(1));
    CHECK(*found.find("image_id") == filled_register(6));
    CHECK(found.valid_until == std::chrono::sys_seconds{500s});
    CHECK_FALSE(found.made_at.has_value());
    CHECK(found.tcb_status.empty());
  }

  TEST_CASE("keys of the launch are there where there are any, a chip's id unless it is masked") {
    snp_claims with = report();
    with.id_key_digest = filled_register(7);
    with.author_key_digest = filled_register(8);
    with.chip_id = Measurement{};
    const claims found = to_claims(with);
    CHECK(names(found.values) ==
          texts{"measurement", "host_data", "id_key_digest", "author_key_digest"});
    CHECK(names(found.place) == texts{"report_id", "family_id", "image_id", "product"});
  }

  TEST_CASE("a part of the TCB is the lower of what is reported and what is committed") {
    const claims found = to_claims(report());
    CHECK(found.number("tcb.bootloader") == 3);
    CHECK(found.number("tcb.tee") == 1);
    CHECK(found.number("tcb.snp") == 8);
    CHECK(found.number("tcb.microcode") == 114);
    CHECK_FALSE(found.number("tcb.fmc").has_value());
    CHECK(found.number("guest_svn") == 7);
    CHECK(found.number("vmpl") == 2);
    CHECK(found.number("abi.major") == 1);
    CHECK(found.number("abi.minor") == 55);
    snp_claims turin = report();
    turin.product = snp_product::turin;
    turin.tcb.reported.fmc = 5;
    turin.tcb.committed.fmc = 4;
    CHECK(to_claims(turin).number("tcb.fmc") == 4);
  }

  TEST_CASE("each bit of the policy is a permission or a prohibition") {
    const auto of = [](auto spoil) {
      snp_claims one = report();
      spoil(one);
      return to_claims(one);
    };
    const claims strict = of([](snp_claims& c) {
      c.policy.single_socket = c.policy.rapl_disabled = true;
      c.policy.page_swap_disabled = c.policy.ciphertext_hiding = true;
    });
    for (const std::string_view name :
         {"debug", "migration", "smt", "cxl", "multi_socket", "rapl", "page_swap", "ciphertext"}) {
      CAPTURE(name);
      CHECK(strict.denies(name));
      CHECK_FALSE(strict.permits(name));
    }
    CHECK(of([](snp_claims& c) { c.policy.debug = true; }).permits("debug"));
    CHECK(of([](snp_claims& c) { c.policy.migration = true; }).permits("migration"));
    CHECK(of([](snp_claims& c) { c.migration_agent = filled_register(1); }).permits("migration"));
    CHECK(of([](snp_claims& c) { c.policy.smt = true; }).permits("smt"));
    CHECK(of([](snp_claims& c) { c.policy.cxl = true; }).permits("cxl"));
    const claims loose = to_claims(report());
    for (const std::string_view name : {"multi_socket", "rapl", "page_swap", "ciphertext"})
      CHECK(loose.permits(name));
  }

  TEST_CASE("the strength says whether AMD's list was looked at") {
    CHECK(to_claims(report()).strength == evidence_strength::signatures);
    snp_claims checked = report();
    checked.revocation_checked = true;
    CHECK(to_claims(checked).strength == evidence_strength::collateral);
  }
}

}  // namespace
