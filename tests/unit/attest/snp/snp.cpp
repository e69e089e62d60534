// SPDX-License-Identifier: Apache-2.0
//
// Both halves of the policy, on a machine and under roots that the tests made.
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/snp/snp.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/fake_kernel.hpp"
#include "support/fake_sev_guest.hpp"
#include "support/fake_tsm.hpp"
#include "support/refusal_text.hpp"
#include "support/snp_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::snp_maker;

static_assert(attester<SevSnp>);
static_assert(SevSnp::name == "sev-snp" && SevSnp::format == 2 && SevSnp::takes_time);

/// The roots of the machine that runs now, which is a Milan.
struct roots_of_test {
  inline static bytes milan;
  static detail::snp_root_set all() {
    detail::snp_root_set roots = detail::amd_roots();
    roots[0] = milan;
    return roots;
  }
};

class TestSnp : public detail::snp_attester<test::fake_kernel&, roots_of_test> {
 public:
  TestSnp(registers told, test::fake_kernel& machine) : snp_attester(std::move(told), machine) {}
};

static_assert(!std::is_convertible_v<TestSnp, SevSnp>);

Measurement digest(unsigned char first) {
  std::array<std::byte, 32> value{};
  value.front() = std::byte{first};
  return Measurement{value};
}

constexpr std::chrono::sys_seconds now = std::chrono::sys_days{std::chrono::year{2024} / 6 / 10};

/// A guest whose kernel has configfs-tsm, and whose host gives the certificates along.
struct guest {
  test::fake_kernel machine;
  snp_maker maker;
  test::fake_tsm tsm{machine, "sev_guest",
                     [this](auto of, unsigned level) { return report(of, level); }};
  std::array<std::byte, 64> data{};
  registers told{{"weights", digest(2)}, {"plan", digest(1)}};
  endorsements files;

  guest() {
    data.fill(std::byte{5});
    issue();
  }

  /// After a change of the maker's fields.
  void issue() {
    maker.issue();
    roots_of_test::milan = maker.root();
    tsm.aux = test::certificate_table({{detail::snp_vcek_guid, maker.certificates[0]},
                                       {detail::snp_ask_guid, maker.certificates[1]},
                                       {detail::snp_ark_guid, maker.root()}});
  }

  bytes report(std::span<const std::byte, 64> of, unsigned level) {
    for (std::size_t i = 0; i != of.size(); ++i)
      maker.report.put(0x050 + i, std::to_integer<std::uint8_t>(of[i]));
    maker.report.put<std::uint32_t>(0x030, level);
    return maker.document();
  }

  TestSnp own() { return TestSnp{told, machine}; }
  bytes evidence() {
    const auto made = own().attest(data);
    REQUIRE(made.has_value());
    return *made;
  }
  judged<claims> verify(const bytes& of) const {
    return TestSnp::verify(of, data, appraisal{now, files, nullptr, false});
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

constexpr refusal not_bound{errc::attest_binding_mismatch, "snp.report_data"};

TEST_SUITE("attest/snp") {
  TEST_CASE_FIXTURE(guest, "evidence made for a session is accepted in it, and says what runs") {
    REQUIRE(own().prepare().has_value());
    const auto found = verify(evidence());
    REQUIRE(found.has_value());
    CHECK(found->attester == "sev-snp");
    CHECK(found->judged_at == now);
    CHECK_FALSE(found->made_at.has_value());
    CHECK(found->valid_until > now);
    CHECK(*found->find("plan") == digest(1));
    CHECK(*found->find("weights") == digest(2));
    std::array<std::byte, 48> launched;
    launched.fill(std::byte{0x3E});
    CHECK(*found->find("measurement") == Measurement{launched});
    CHECK(found->find("chip_id") != nullptr);
    CHECK(found->number("tcb.snp") == 24);
    CHECK(found->permits("smt"));
    CHECK(found->denies("debug"));
    demands wanted{"sev-snp", {{"measurement", *found->find("measurement")}, {"plan", digest(1)}}};
    wanted.at_least = {{"tcb.snp", 24}};
    wanted.at_most = {{"vmpl", 0}};
    CHECK(expectations::any_of({wanted})->check(*found).has_value());
    wanted.deny = {"smt"};
    CHECK(expectations::any_of({wanted})->check(*found).error() == errc::attest_guest_policy);
  }

  TEST_CASE_FIXTURE(guest, "an older kernel has /dev/sev-guest, which does as well") {
    test::fake_kernel older;
    test::fake_sev_guest device{older};
    device.make = [this](auto of, unsigned level) { return report(of, level); };
    device.certificates = tsm.aux;
    const TestSnp there{told, older};
    CHECK(there.prepare().has_value());
    const auto made = there.attest(data);
    REQUIRE(made.has_value());
    CHECK(verify(*made).has_value());
  }

  TEST_CASE("a machine without the device says so") {
    test::fake_kernel elsewhere;
    const TestSnp own{{{"plan", digest(1)}}, elsewhere};
    CHECK(own.prepare().error() == errc::attest_device_unavailable);
    CHECK(own.attest(std::array<std::byte, 64>{}).error() == errc::attest_device_unavailable);
    if (!snp_device<>{}.exists())
      CHECK(SevSnp{}.prepare().error() == errc::attest_device_unavailable);
  }

  TEST_CASE_FIXTURE(guest, "what the device answers besides reports is the program's error") {
    tsm.busy = 99;
    CHECK(own().attest(data).error() == errc::attest_device_throttled);
    tsm.busy = 0;
    machine.fail("read", "outblob", EIO);
    CHECK(own().attest(data).error() == errc::attest_device_failed);
  }

  TEST_CASE_FIXTURE(guest, "evidence of one session is refused in another, before any signature") {
    const bytes of_this = evidence();
    data.back() ^= std::byte{1};
    CHECK(refused(of_this) == not_bound);
    roots_of_test::milan = {};  // which could not be asked for a signature
    CHECK(refused(of_this) == not_bound);
  }

  TEST_CASE_FIXTURE(guest, "told registers that were altered on the way are refused") {
    const bytes of_this = evidence();
    const auto other = encode_told({{"plan", digest(8)}, {"weights", digest(2)}});
    const auto fewer = encode_told({{"weights", digest(2)}});
    CHECK(refused(changed(of_this, [&](auto& b) { b.told = *other; })) == not_bound);
    CHECK(refused(changed(of_this, [&](auto& b) { b.told = *fewer; })) == not_bound);
    const bytes nonsense{std::byte{9}};
    CHECK(refused(changed(of_this, [&](auto& b) { b.told = nonsense; })).rule == "told.count");
  }

  TEST_CASE_FIXTURE(guest, "what the platform calls itself cannot be told") {
    const bytes of_this = evidence();
    for (const char* called :
         {"measurement", "host_data", "id_key_digest", "author_key_digest", "chip_id", "report_id",
          "family_id", "image_id", "product", "provider"}) {
      const auto claimed = encode_told({{called, digest(1)}});
      CHECK(refused(changed(of_this, [&](auto& b) { b.told = *claimed; })) ==
            refusal{errc::attest_malformed, "snp.told_name"});
      told = {{called, digest(1)}};
      CHECK(own().attest(data).error() == errc::internal);
      CHECK(own().prepare().error() == errc::internal);
    }
  }

  TEST_CASE_FIXTURE(guest, "bytes that are no evidence are refused") {
    CHECK(refused({}).rule == "bundle.magic");
    CHECK(refused(bytes(64 * 1024 + 1)).rule == "bundle.size");
    CHECK(refused(maker.document()).rule == "bundle.magic");
    const bytes of_this = evidence();
    CHECK(refused({of_this.begin(), of_this.end() - 1}).code == errc::attest_malformed);
    CHECK(refused(changed(of_this, [](auto& b) { b.report = b.report.first(1183); })).rule ==
          "snp.size");
    bytes forged = maker.document();
    forged[0x090] ^= std::byte{1};  // another measurement
    CHECK(refused(changed(of_this, [&](auto& b) { b.report = forged; })) ==
          refusal{errc::attest_bad_signature, "snp.not_signed_by_key"});
    CHECK_MESSAGE(SevSnp::verify(of_this, data, appraisal{now}).error() ==
                      (refusal{errc::attest_chain_invalid, "snp.root"}),
                  "the policy that programs use trusts AMD's roots only");
  }

  TEST_CASE_FIXTURE(guest, "a guest that may be debugged is refused unless that was allowed") {
    maker.report.put<std::uint64_t>(0x008, 0xB0000);
    const bytes of_debug = evidence();
    CHECK(refused(of_debug) == refusal{errc::attest_debug_enabled, "snp.debug"});
    const auto found = TestSnp::verify(of_debug, data, appraisal{now, files, nullptr, true});
    REQUIRE(found.has_value());
    CHECK(expectations::pinned("sev-snp", {{"plan", digest(1)}})->check(*found).error() ==
          errc::attest_debug_enabled);
  }

  TEST_CASE_FIXTURE(guest, "a guest that may be migrated is for expectations to judge") {
    maker.report.put<std::uint64_t>(0x008, 0x70000);
    const auto found = verify(evidence());
    REQUIRE(found.has_value());
    demands wanted{"sev-snp", {{"plan", digest(1)}}};
    CHECK(expectations::any_of({wanted})->check(*found).error() == errc::attest_guest_policy);
    wanted.allow = {"migration"};
    CHECK(expectations::any_of({wanted})->check(*found).has_value());
  }

  TEST_CASE_FIXTURE(guest, "where the host gives no certificates, the operator's are taken") {
    const bytes key = maker.certificates[0];
    const bytes issuer = maker.certificates[1];
    SUBCASE("none at all") { tsm.aux = {}; }
    SUBCASE("nonsense") { tsm.aux = bytes(23, std::byte{1}); }
    const bytes bare = evidence();
    CHECK(evidence_bundle::parse(bare)->certificates.empty());
    CHECK(refused(bare) == refusal{errc::attest_endorsement_missing, "snp.certificates_missing"});
    files.certificates = {key, issuer};
    CHECK(verify(bare).has_value());
  }

  TEST_CASE_FIXTURE(guest, "of which product a machine is, and who lent a key, can be pinned") {
    const auto digest_of = [](std::string_view text) {
      return Measurement{sha256(detail::bytes_of(text))};
    };
    const auto own_key = verify(evidence());
    CHECK(*own_key->find("product") == digest_of("Milan"));
    CHECK(own_key->find("provider") == nullptr);
    CHECK(own_key->denies("memory_aliases"));
    maker = snp_maker{"Milan", true};
    issue();
    files.certificates = maker.certificates;
    tsm.aux = {};
    const auto lent = verify(evidence());
    REQUIRE(lent.has_value());
    CHECK(*lent->find("provider") == digest_of("CN=cloud.example"));
  }

  TEST_CASE_FIXTURE(guest, "a list of AMD's makes the evidence stronger, and can revoke") {
    CHECK(verify(evidence())->strength == evidence_strength::signatures);
    files.revocation_lists = {maker.list()};
    CHECK(verify(evidence())->strength == evidence_strength::collateral);
    maker.issuer_fields.serial = test::integer(7);
    issue();
    CHECK(refused(evidence()).code == errc::attest_revoked);
  }

  TEST_CASE_FIXTURE(guest, "authorities that were found good are not computed again") {
    known_signatures memory;
    const appraisal terms{now, files, &memory, false};
    CHECK(TestSnp::verify(evidence(), data, terms).has_value());
    const std::size_t after_first = memory.size();
    CHECK(after_first == 2);
    data.front() ^= std::byte{1};
    CHECK(TestSnp::verify(evidence(), data, terms).has_value());
    CHECK(memory.size() == after_first);
  }
}

}  // namespace
