// SPDX-License-Identifier: Apache-2.0
//
// Both halves of the policy, on a machine and under a root that the tests made.
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/tdx/tdx.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/fake_kernel.hpp"
#include "support/fake_tdx_guest.hpp"
#include "support/fake_tsm.hpp"
#include "support/refusal_text.hpp"
#include "support/tdx_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::tdx_maker;

static_assert(attester<Tdx>);
static_assert(Tdx::name == "tdx" && Tdx::format == 3 && Tdx::takes_time);

/// The root of the domain that runs now.
struct root_of_test {
  inline static bytes now;
  static detail::byte_span der() { return now; }
};

class TestTdx : public detail::tdx_attester<test::fake_kernel&, root_of_test> {
 public:
  TestTdx(registers told, test::fake_kernel& machine) : tdx_attester(std::move(told), machine) {}
};

static_assert(!std::is_convertible_v<TestTdx, Tdx>);

Measurement digest(unsigned char first) {
  std::array<std::byte, 32> value{};
  value.front() = std::byte{first};
  return Measurement{value};
}

constexpr std::chrono::sys_seconds now = std::chrono::sys_days{std::chrono::year{2024} / 6 / 10};

/// A trust domain on Linux 6.16, and a verifier with Intel's collateral.
struct domain {
  test::fake_kernel machine;
  tdx_maker maker;
  test::fake_tdx_guest device{machine};
  test::fake_tsm tsm{machine, "tdx_guest", [this](auto of, unsigned) { return quote(of); }};
  std::array<std::byte, 64> data{};
  registers told{{"weights", digest(2)}, {"plan", digest(1)}};
  endorsements files;

  domain() {
    data.fill(std::byte{5});
    root_of_test::now = maker.root();
    files.tdx_collateral = maker.collateral().dump();
  }

  bytes quote(std::span<const std::byte, 64> of) {
    tdx_maker::put(maker.body, 472, {device.registers[3].begin(), device.registers[3].end()});
    tdx_maker::put(maker.body, 520, {of.begin(), of.end()});
    return maker.quote();
  }

  TestTdx own() { return TestTdx{told, machine}; }
  bytes evidence() {
    const auto made = own().attest(data);
    REQUIRE(made.has_value());
    return *made;
  }
  judged<claims> verify(const bytes& of, bool debug = false) const {
    return TestTdx::verify(of, data, appraisal{now, files, nullptr, debug});
  }
  refusal refused(const bytes& of) const {
    const auto found = verify(of);
    REQUIRE(found.has_error());
    return found.error();
  }

  /// `of`, with another part in it.
  template <class Change>
  static bytes changed(const bytes& of, Change change) {
    auto bundle = evidence_bundle::parse(of);
    REQUIRE(bundle.has_value());
    change(*bundle);
    return *bundle->encode();
  }
};

constexpr refusal not_bound{errc::attest_binding_mismatch, "tdx.report_data"};
constexpr refusal differs{errc::attest_measurement_mismatch, "tdx.register_differs"};

TEST_SUITE("attest/tdx") {
  TEST_CASE_FIXTURE(domain, "evidence made for a session is accepted in it, and says what runs") {
    REQUIRE(own().prepare().has_value());
    const auto found = verify(evidence());
    REQUIRE(found.has_value());
    CHECK(found->attester == "tdx");
    CHECK(found->judged_at == now);
    CHECK(found->valid_until > now);
    CHECK(*found->find("plan") == digest(1));
    CHECK(*found->find("weights") == digest(2));
    CHECK(found->find("mrtd") != nullptr);
    CHECK(found->find("ppid") != nullptr);
    CHECK(found->denies("debug"));
    CHECK(found->strength == evidence_strength::collateral);
    CHECK(found->tcb_status == "UpToDate");
    CHECK(expectations::pinned("tdx", {{"mrtd", *found->find("mrtd")}, {"plan", digest(1)}})
              ->check(*found)
              .has_value());
  }

  TEST_CASE_FIXTURE(domain, "prepared once, RTMR3 holds what was told, in one order") {
    told.emplace_back("next", digest(4));
    told.emplace_back("feathers", digest(9));
    REQUIRE(own().prepare().has_value());
    const Measurement plan = digest(1), weights = digest(2), next = digest(4);
    const std::array<detail::byte_span, 3> values{plan.bytes(), weights.bytes(), next.bytes()};
    CHECK(device.registers[3] == expected_rtmr(values));
    CHECK_MESSAGE(own().prepare().has_value(), "a program that was restarted finds its own");
    CHECK(device.registers[3] == expected_rtmr(values));
    CHECK(verify(evidence()).has_value());
    told[2].second = digest(7);
    CHECK_MESSAGE(own().prepare().error() == errc::attest_registers_taken,
                  "restarted with other expectations, it must not be believed");
    CHECK(refused(evidence()) == differs);
  }

  TEST_CASE_FIXTURE(domain, "what was told must be what RTMR3 holds, where it holds anything") {
    REQUIRE(own().prepare().has_value());
    SUBCASE("another value") { told.front().second = digest(8); }
    SUBCASE("less") { told.pop_back(); }
    SUBCASE("more") { told.emplace_back("tokenizer", digest(3)); }
    SUBCASE("the values of two registers, exchanged") { std::swap(told[0].second, told[1].second); }
    SUBCASE("extended later by somebody else") {
      device.registers[3] = extended_rtmr(device.registers[3], device.registers[3]);
    }
    CHECK(refused(evidence()) == differs);
  }

  TEST_CASE_FIXTURE(domain, "an older kernel cannot write RTMR3, and evidence is told only") {
    device.shows_registers = false;
    CHECK(own().prepare().has_value());
    const auto found = verify(evidence());
    REQUIRE(found.has_value());
    CHECK(*found->find("plan") == digest(1));
    CHECK(*found->find("rtmr3") == Measurement{std::array<std::byte, 48>{}});
  }

  TEST_CASE_FIXTURE(domain, "RTMR3 that somebody else has written cannot be had") {
    device.registers[3].fill(std::byte{1});
    CHECK(own().prepare().error() == errc::attest_registers_taken);
  }

  TEST_CASE("a machine without the device says so") {
    test::fake_kernel elsewhere;
    const TestTdx own{{{"plan", digest(1)}}, elsewhere};
    CHECK(own.prepare().error() == errc::attest_device_unavailable);
    CHECK(own.attest(std::array<std::byte, 64>{}).error() == errc::attest_device_unavailable);
  }

  TEST_CASE_FIXTURE(domain, "what the device answers besides quotes is the program's error") {
    tsm.busy = 99;
    CHECK(own().attest(data).error() == errc::attest_device_throttled);
    tsm.busy = 0;
    machine.fail("read", "outblob", EIO);
    CHECK(own().attest(data).error() == errc::attest_device_failed);
  }

  TEST_CASE_FIXTURE(domain, "evidence of one session is refused in another, before any signature") {
    const bytes of_this = evidence();
    data.back() ^= std::byte{1};
    CHECK(refused(of_this) == not_bound);
    root_of_test::now = {};  // which could not be asked for a signature
    CHECK(refused(of_this) == not_bound);
  }

  TEST_CASE_FIXTURE(domain, "told registers that were altered on the way are refused") {
    const bytes of_this = evidence();
    const auto other = encode_told({{"plan", digest(8)}, {"weights", digest(2)}});
    CHECK(refused(changed(of_this, [&](auto& b) { b.told = *other; })) == not_bound);
    const bytes nonsense{std::byte{9}};
    CHECK(refused(changed(of_this, [&](auto& b) { b.told = nonsense; })).rule == "told.count");
  }

  TEST_CASE_FIXTURE(domain, "what the platform calls itself cannot be told") {
    const bytes of_this = evidence();
    for (const char* called : {"mrtd", "rtmr3", "mrconfigid", "mrservicetd", "fmspc", "ppid"}) {
      const auto claimed = encode_told({{called, digest(1)}});
      CHECK(refused(changed(of_this, [&](auto& b) { b.told = *claimed; })) ==
            refusal{errc::attest_malformed, "tdx.told_name"});
      told = {{called, digest(1)}};
      CHECK(own().attest(data).error() == errc::internal);
      CHECK(own().prepare().error() == errc::internal);
    }
  }

  TEST_CASE_FIXTURE(domain, "bytes that are no evidence are refused") {
    CHECK(refused({}).rule == "bundle.magic");
    CHECK(refused(bytes(64 * 1024 + 1)).rule == "bundle.size");
    CHECK(refused(maker.quote()).rule == "bundle.magic");
    const bytes of_this = evidence();
    CHECK(refused({of_this.begin(), of_this.end() - 1}).code == errc::attest_malformed);
    const bytes certificate = maker.pck();
    CHECK(refused(changed(of_this, [&](auto& b) { b.certificates = {certificate}; })) ==
          refusal{errc::attest_malformed, "tdx.certificates"});
    CHECK(refused(changed(of_this, [](auto& b) { b.report = b.report.first(99); })).code ==
          errc::attest_malformed);
    bytes forged(evidence_bundle::parse(of_this)->report.begin(),
                 evidence_bundle::parse(of_this)->report.end());
    forged[48 + 136] ^= std::byte{1};  // another MRTD
    CHECK(refused(changed(of_this, [&](auto& b) { b.report = forged; })) ==
          refusal{errc::attest_bad_signature, "tdx.quote_signature"});
    CHECK_MESSAGE(Tdx::verify(of_this, data, appraisal{now}).error() ==
                      (refusal{errc::attest_chain_invalid, "tdx.root"}),
                  "the policy that programs use trusts Intel's root only");
  }

  TEST_CASE_FIXTURE(domain, "a domain in debug mode is refused unless that was allowed") {
    tdx_maker::put(maker.body, tdx_maker::td_attributes, test::hex("0100001000000000"));
    const bytes of_debug = evidence();
    CHECK(refused(of_debug) == refusal{errc::attest_debug_enabled, "tdx.debug"});
    const auto found = verify(of_debug, true);
    REQUIRE(found.has_value());
    CHECK(expectations::pinned("tdx", {{"plan", digest(1)}})->check(*found).error() ==
          errc::attest_debug_enabled);
  }

  TEST_CASE_FIXTURE(domain, "a domain that may be migrated is for expectations to judge") {
    tdx_maker::put(maker.body, tdx_maker::td_attributes, test::hex("0000003000000000"));
    const auto found = verify(evidence());
    REQUIRE(found.has_value());
    demands wanted{"tdx", {{"plan", digest(1)}}};
    CHECK(expectations::any_of({wanted})->check(*found).error() == errc::attest_guest_policy);
    wanted.allow = {"migration"};
    CHECK(expectations::any_of({wanted})->check(*found).has_value());
  }

  TEST_CASE_FIXTURE(domain,
                    "without collateral evidence is weaker, which must have been accepted") {
    files.tdx_collateral.clear();
    const auto found = verify(evidence());
    REQUIRE(found.has_value());
    demands wanted{"tdx", {{"plan", digest(1)}}};
    CHECK(expectations::any_of({wanted})->check(*found).error() ==
          errc::attest_endorsement_missing);
    wanted.strength = evidence_strength::signatures;
    CHECK(expectations::any_of({wanted})->check(*found).has_value());
    files.tdx_collateral = "{";
    CHECK_MESSAGE(refused(evidence()).code == errc::attest_malformed,
                  "collateral that cannot be read is not the same as none");
  }

  TEST_CASE_FIXTURE(domain, "a platform that is not up to date is for expectations to judge") {
    maker.tcb_info["tcbLevels"][0]["tcbStatus"] = "SWHardeningNeeded";
    maker.tcb_info["tcbLevels"][0]["advisoryIDs"] = {"INTEL-SA-00615"};
    files.tdx_collateral = maker.collateral().dump();
    const auto found = verify(evidence());
    REQUIRE(found.has_value());
    CHECK(found->tcb_status == "SWHardeningNeeded");
    demands wanted{"tdx", {{"plan", digest(1)}}};
    CHECK(expectations::any_of({wanted})->check(*found).error() == errc::attest_tcb_out_of_date);
    wanted.tcb_status = {"UpToDate", "SWHardeningNeeded"};
    CHECK(expectations::any_of({wanted})->check(*found).error() == errc::attest_tcb_out_of_date);
    wanted.advisories = {"INTEL-SA-00615"};
    CHECK(expectations::any_of({wanted})->check(*found).has_value());
  }

  TEST_CASE_FIXTURE(domain, "a platform that Intel has revoked is refused whatever is expected") {
    maker.tcb_info["tcbLevels"][0]["tcbStatus"] = "Revoked";
    files.tdx_collateral = maker.collateral().dump();
    CHECK(refused(evidence()) == refusal{errc::attest_revoked, "tcb.revoked"});
  }
}

}  // namespace
