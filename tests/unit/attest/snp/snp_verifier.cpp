// SPDX-License-Identifier: Apache-2.0
//
// Each rule by itself, with reports of a machine that the tests made; those of AMD's are in
// tests/conformance/snp_evidence.cpp.
#include <enfilade/attest/snp/snp_verifier.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/snp_maker.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using std::chrono::sys_seconds;
using test::bytes;
using test::snp_extensions;
using test::snp_maker;

// When the certificates and lists of `snp_maker` are valid.
constexpr sys_seconds now = std::chrono::sys_days{std::chrono::year{2024} / 6 / 10};

std::string answer(const snp_verification& found) {
  CHECK(found.claims.has_value() == found.steps.accepted());
  CHECK(found.steps.steps().size() == 12);
  const auto failed = found.steps.failure();
  return failed ? std::string{failed->name} + ": " + std::string{failed->reason} : "accepted";
}
std::string answer(const snp_maker& maker, const snp_options& options = {}) {
  return answer(maker.verified(maker.document(), now, options));
}
errc code_of(const snp_maker& maker, const snp_options& options = {}) {
  const auto failed = maker.verified(maker.document(), now, options).steps.failure();
  REQUIRE(failed.has_value());
  return failed->code;
}

/// What becomes of a report after `spoil` has had its maker.
template <class Spoil>
std::string answer_with(Spoil spoil, const snp_options& options = {}) {
  snp_maker maker;
  spoil(maker);
  maker.issue();
  return answer(maker, options);
}

std::string under_amd(const snp_maker& maker) {
  const std::vector<detail::byte_span> given(maker.certificates.begin(), maker.certificates.end());
  return answer(verify_snp(maker.document(), {given, {}}, now));
}

TEST_SUITE("attest/snp_verifier") {
  TEST_CASE("a good report is accepted under its root and no other") {
    const snp_maker milan;
    CHECK(answer(milan) == "accepted");
    CHECK(answer(snp_maker{"Genoa"}) == "accepted");
    CHECK(answer(snp_maker{"Turin"}) == "accepted");
    CHECK(answer(snp_maker{"Milan", true}) == "accepted");
    CHECK(answer(snp_maker{"Genoa", true}) == "accepted");
    CHECK(under_amd(milan) == "chain: chain.algorithm");  // AMD's roots sign by RSA
    snp_maker given_root;
    given_root.certificates.push_back(given_root.root());
    CHECK(answer(given_root) == "accepted");
    CHECK(under_amd(given_root) == "certificates: snp.root");
    // Under the names of the root that is expected, and with another key.
    const snp_maker other;
    snp_maker stranger;
    stranger.certificates = other.certificates;
    CHECK(answer(stranger) == "chain: x509.signature");
  }

  TEST_CASE("the claims are those of the report and of its key") {
    snp_maker maker;
    maker.report.put<std::uint32_t>(0x030, 2).put<std::uint32_t>(0x048, 1).fill(0x110, 48, 0xAA);
    maker.report.put<std::uint64_t>(0x038, 0xDC19'0000'0000'0005);  // runs something newer
    maker.report.put<std::uint64_t>(0x1F0, 0xFF18'0000'0000'0004);  // came from somewhere newer
    maker.leaf_fields.not_after = test::utc_time("240630235959Z");
    maker.issue();
    const auto found = maker.verified(maker.document(), now);
    REQUIRE(found.claims.has_value());
    const snp_claims& claims = *found.claims;
    const auto repeated = [](std::size_t size, unsigned value) {
      return detail::to_hex(bytes(size, static_cast<std::byte>(value)));
    };
    CHECK(claims.version == 3);
    CHECK(claims.product == snp_product::milan);
    CHECK(claims.signer == snp_signer::vcek);
    CHECK(claims.valid_until == std::chrono::sys_days{std::chrono::year{2024} / 7 / 1} - 1s);
    CHECK_FALSE(claims.revocation_checked);
    CHECK(claims.measurement.hex() == repeated(48, 0x3E));
    CHECK(detail::to_hex(claims.report_data) == repeated(64, 0xDA));
    CHECK(claims.host_data.hex() == repeated(32, 0x05));
    CHECK(claims.id_key_digest.hex() == repeated(48, 0x1D));
    CHECK(claims.author_key_digest.hex() == repeated(48, 0xAA));
    CHECK(claims.family_id.hex() == repeated(16, 0xF1));
    CHECK(claims.image_id.hex() == repeated(16, 0x11));
    CHECK(claims.guest_svn == 7);
    CHECK(claims.report_id.hex() == repeated(32, 0x1E));
    CHECK(claims.migration_agent == Measurement{});
    CHECK(claims.vmpl == 2);
    CHECK(claims.policy == snp_policy{.smt = true});
    CHECK(claims.chip_id.hex() == repeated(64, 0xC1));
    CHECK(claims.hardware_id.hex() == repeated(64, 0xC1));
    CHECK(claims.provider.empty());
    CHECK(claims.platform == snp_platform{.smt = true, .ecc = true, .alias_check = true});
    CHECK(claims.tcb.reported == snp_tcb{.boot_loader = 4, .snp = 24, .microcode = 219});
    CHECK(claims.tcb.current == snp_tcb{.boot_loader = 5, .snp = 25, .microcode = 220});
    CHECK(claims.tcb.committed == claims.tcb.reported);
    CHECK(claims.tcb.launch.microcode == 255);
    CHECK(claims.current == snp_firmware{.major = 1, .minor = 55, .build = 29});
    CHECK(claims.committed == claims.current);
  }

  TEST_CASE("what a launch did not have is empty, and not zero") {
    snp_maker maker;
    maker.report.fill(0x0E0, 48, 0).fill(0x1A0, 64, 0);
    const auto found = maker.verified(maker.document(), now);
    REQUIRE(found.claims.has_value());
    CHECK(found.claims->id_key_digest == Measurement{});
    CHECK(found.claims->author_key_digest == Measurement{});
    CHECK(found.claims->chip_id == Measurement{});
    CHECK(found.claims->hardware_id.bytes().size() == 64);  // what AMD certified the key for
  }

  TEST_CASE("a VLEK says whose machine it is, and of no processor") {
    const snp_maker maker{"Genoa", true};
    const auto found = maker.verified(maker.document(), now);
    REQUIRE(found.claims.has_value());
    CHECK(found.claims->product == snp_product::genoa);
    CHECK(found.claims->signer == snp_signer::vlek);
    CHECK(found.claims->provider == "CN=cloud.example");
    CHECK(found.claims->hardware_id == Measurement{});
    CHECK(found.claims->chip_id == Measurement{});
    CHECK(found.steps.find("hardware")->outcome == step_outcome::skipped);
  }

  TEST_CASE("a report is what the reader takes") {
    CHECK(answer(snp_maker{}.verified({}, now)) == "size: snp.size");
    CHECK(answer_with([](snp_maker& m) { m.report.version(5); }) == "report: snp.version_5");
    CHECK(answer_with([](snp_maker& m) { m.report.version(2); }) == "accepted");
    CHECK(answer_with([](snp_maker& m) { m.report.version(4); }) == "accepted");
  }

  TEST_CASE("it is signed, and by a key that the machine may use") {
    const auto with = [](std::uint32_t info) {
      snp_maker maker;
      maker.report.put(0x048, info);
      return maker;
    };
    CHECK(answer(with(7 << 2)) == "signer: snp.not_signed");
    CHECK(code_of(with(7 << 2)) == errc::attest_bad_signature);
    CHECK(answer(with(2)) == "signer: snp.masked_key");
    CHECK(code_of(with(2)) == errc::attest_bad_signature);
    snp_maker vlek{"Milan", true};
    vlek.report.put<std::uint32_t>(0x048, 4 | 2);  // the VCEK is forbidden, the VLEK is not
    CHECK(answer(vlek) == "accepted");
  }

  TEST_CASE("debugging is refused unless it is allowed, and then said") {
    snp_maker maker;
    maker.report.put<std::uint64_t>(0x008, 0xB0000);
    CHECK(answer(maker) == "debug: snp.debug");
    CHECK(code_of(maker) == errc::attest_debug_enabled);
    const auto found = maker.verified(maker.document(), now, {.allow_debug = true});
    CHECK(answer(found) == "accepted");
    CHECK(found.claims->policy.debug);
    CHECK(found.steps.find("debug")->outcome == step_outcome::skipped);
  }

  TEST_CASE("migration is refused unless it is allowed, by policy and in fact") {
    snp_maker maker;
    maker.report.put<std::uint64_t>(0x008, 0x70000);
    CHECK(answer(maker) == "policy: snp.migration");
    CHECK(code_of(maker) == errc::attest_guest_policy);
    CHECK(answer(maker, {.allow_migration = true}) == "accepted");
    snp_maker with_agent;
    with_agent.report.fill(0x160, 32, 0xA6);
    CHECK(answer(with_agent) == "policy: snp.migration_agent");
    CHECK(code_of(with_agent) == errc::attest_guest_policy);
    const auto found = with_agent.verified(with_agent.document(), now, {.allow_migration = true});
    CHECK(found.claims->migration_agent.bytes().size() == 32);
    snp_maker without;
    without.report.fill(0x160, 32, 0);
    CHECK(answer(without) == "accepted");
  }

  TEST_CASE("SMT is allowed unless it is refused") {
    snp_maker maker;
    CHECK(answer(maker) == "accepted");
    CHECK(answer(maker, {.allow_smt = false}) == "policy: snp.smt");
    CHECK(code_of(maker, {.allow_smt = false}) == errc::attest_guest_policy);
    maker.report.put<std::uint64_t>(0x008, 0x20000);
    CHECK(answer(maker, {.allow_smt = false}) == "accepted");
  }

  TEST_CASE("the VMPL is any, or not above what is asked for") {
    for (std::uint8_t vmpl = 0; vmpl != 4; ++vmpl) {
      snp_maker maker;
      maker.report.put<std::uint32_t>(0x030, vmpl);
      CHECK(answer(maker) == "accepted");
      for (std::uint8_t most = 0; most != 4; ++most) {
        const snp_options options{.max_vmpl = most};
        CHECK(answer(maker, options) == (vmpl > most ? "policy: snp.max_vmpl" : "accepted"));
        if (vmpl > most) CHECK(code_of(maker, options) == errc::attest_guest_policy);
      }
    }
  }

  TEST_CASE("one key and its issuer are given") {
    const snp_maker good;
    const auto with = [&](const std::vector<bytes>& certificates) {
      snp_maker maker = good;
      maker.certificates = certificates;
      return maker;
    };
    const bytes& key = good.certificates[0];
    const bytes& issuer = good.certificates[1];
    CHECK(answer(with({})) == "certificates: snp.certificates_missing");
    CHECK(answer(with({issuer})) == "certificates: snp.key_missing");
    CHECK(answer(with({key})) == "certificates: snp.issuer_missing");
    CHECK(answer(with({key, good.root()})) == "certificates: snp.issuer_missing");
    for (const auto& some : {std::vector<bytes>{}, {issuer}, {key}})
      CHECK(code_of(with(some)) == errc::attest_endorsement_missing);
    CHECK(answer(with({good.root(), issuer, key})) == "accepted");
    CHECK(answer(with({key, key, issuer})) == "certificates: snp.two_keys");
    CHECK(answer(with({key, issuer, issuer})) == "certificates: snp.two_issuers");
    CHECK(answer(with(std::vector<bytes>(8, good.root()))) == "certificates: snp.key_missing");
    CHECK(answer(with(std::vector<bytes>(9, good.root()))) ==
          "certificates: snp.too_many_certificates");
    CHECK(answer(with({key, issuer, test::hex("3000")})) == "certificates: der.unexpected_element");
    // An authority that nobody asks for makes no difference.
    const snp_maker vlek{"Milan", true};
    CHECK(answer(with({vlek.certificates[1], key, issuer})) == "accepted");
    // A root that is not ours is refused and not ignored.
    CHECK(answer(with({key, issuer, vlek.root()})) == "certificates: snp.root");
  }

  TEST_CASE(
      "the key is of the kind that signed, of the report's product, by that product's issuer") {
    snp_maker kind;
    kind.certificates = snp_maker{"Milan", true}.certificates;
    CHECK(answer(kind) == "certificates: snp_certificate.other_kind");
    CHECK(code_of(kind) == errc::attest_chain_invalid);

    snp_maker product;
    product.report.processor(0x19, 0x11);
    CHECK(answer(product) == "certificates: snp.product");
    CHECK(code_of(product) == errc::attest_chain_invalid);
    product.report.version(2);  // which names no processor
    CHECK(answer(product) == "accepted");

    for (const char* other : {"SEV-Genoa", "SEV-VLEK-Milan", "ARK-Milan", "SEV-Turin"}) {
      CAPTURE(std::string{other});
      snp_maker issuer;
      issuer.issuer_fields.subject = issuer.leaf_fields.issuer = test::amd_name(other);
      issuer.issue();
      CHECK(answer(issuer) == "certificates: snp.key_issuer");
      CHECK(code_of(issuer) == errc::attest_chain_invalid);
    }
    CHECK(answer_with([](snp_maker& m) { m.extensions.drop("0308"); }) ==
          "certificates: snp_certificate.tcb_missing");
  }

  TEST_CASE("each certificate is valid, may do what it does, and is signed") {
    CHECK(answer_with([](snp_maker&) {}) == "accepted");
    CHECK(answer_with([](snp_maker& m) {
            m.leaf_fields.not_after = test::utc_time("240609235959Z");
          }) == "chain: chain.expired");
    CHECK(answer_with([](snp_maker& m) {
            m.issuer_fields.not_before = test::utc_time("240610000001Z");
          }) == "chain: chain.not_yet_valid");
    CHECK(answer_with([](snp_maker& m) {
            m.root_fields.not_after = test::utc_time("240609235959Z");
          }) == "chain: chain.expired");
    CHECK(answer_with([](snp_maker& m) { m.issuer_fields.extensions = {test::authority()}; }) ==
          "chain: chain.key_usage");
    CHECK(answer_with([](snp_maker& m) { m.issuer_fields.issuer = test::amd_name("ARK-Genoa"); }) ==
          "chain: chain.issuer_name");
    CHECK(answer_with([](snp_maker& m) { m.forged_leaf = true; }) == "chain: x509.signature");
  }

  TEST_CASE("a revoked issuer is refused where its root's list is given") {
    snp_maker maker{"Genoa"};
    maker.issuer_fields.serial = test::integer(0x20001);  // which Genoa's real list has
    maker.list_fields.revoked = test::der(
        0x30, {test::der(0x30, {test::integer(0x20001), test::utc_time("240501000000Z")})});
    maker.issue();
    CHECK(answer(maker) == "accepted");
    CHECK(maker.verified(maker.document(), now).steps.find("revocation")->outcome ==
          step_outcome::skipped);
    maker.lists = {maker.list()};
    CHECK(answer(maker) == "revocation: crl.revoked");
    CHECK(code_of(maker) == errc::attest_revoked);
    maker.issuer_fields.serial = test::integer(0x20002);
    maker.issue();
    CHECK(answer(maker) == "accepted");
    CHECK(maker.verified(maker.document(), now).claims->revocation_checked);
  }

  TEST_CASE("a revoked key is refused where its issuer's list is given") {
    snp_maker maker;
    maker.leaf_fields.serial = test::integer(7);
    maker.issue();
    maker.lists = {maker.list()};  // the root's, in which 7 would be another certificate
    CHECK(answer(maker) == "accepted");
    maker.lists = {maker.list_of_issuer()};
    CHECK(answer(maker) == "revocation: crl.revoked");
    maker.leaf_fields.serial = test::integer(0);
    maker.issue();
    const auto found = maker.verified(maker.document(), now);
    CHECK(answer(found) == "accepted");
    CHECK_FALSE(found.claims->revocation_checked);  // nobody looked the issuer up
  }

  TEST_CASE("a list that was asked for is there and in force") {
    const snp_options demanded{.require_revocation = true};
    snp_maker maker;
    CHECK(answer(maker, demanded) == "revocation: snp.revocation_missing");
    CHECK(code_of(maker, demanded) == errc::attest_endorsement_missing);
    maker.lists = {maker.list_of_issuer()};
    CHECK(answer(maker, demanded) == "revocation: snp.revocation_missing");
    maker.lists = {maker.list()};
    CHECK(answer(maker, demanded) == "accepted");
    const auto at = [&](sys_seconds when) {
      return answer(maker.verified(maker.document(), when, demanded));
    };
    CHECK(at(std::chrono::sys_days{std::chrono::year{2024} / 7 / 1} + 1s) ==
          "revocation: crl.expired");
    CHECK(at(std::chrono::sys_days{std::chrono::year{2024} / 6 / 1} - 1s) ==
          "revocation: crl.not_yet_valid");
    maker.lists = {snp_maker{}.list()};  // of the same name, by another key
    CHECK(answer(maker) == "revocation: x509.signature");
    maker.lists = {test::hex("3000")};
    CHECK(answer(maker) == "revocation: der.unexpected_element");
    maker.lists = std::vector<bytes>(4, maker.list());
    CHECK(answer(maker) == "accepted");
    maker.lists = std::vector<bytes>(5, maker.list());
    CHECK(answer(maker) == "revocation: snp.too_many_lists");
  }

  TEST_CASE("the key is that of this processor") {
    snp_maker maker;
    maker.report.fill(0x1DF, 1, 0);
    CHECK(answer(maker) == "hardware: snp.hardware_id");
    CHECK(code_of(maker) == errc::attest_bad_signature);
    maker.report.fill(0x1A0, 64, 0xC1);
    maker.extensions.set("04", test::der(4, {bytes(64, std::byte{0xC1})}));
    maker.issue();
    CHECK(answer(maker) == "accepted");
    maker.extensions.set("04", bytes(64, std::byte{0xC2}));
    maker.issue();
    CHECK(answer(maker) == "hardware: snp.hardware_id");
    // A machine that masks its id says nothing to compare; its key is derived from its fuses still.
    maker.report.fill(0x1A0, 64, 0);
    const auto masked = maker.verified(maker.document(), now);
    CHECK(answer(masked) == "accepted");
    CHECK(masked.steps.find("hardware")->outcome == step_outcome::skipped);

    snp_maker turin{"Turin"};
    turin.report.fill(0x1A8, 1, 1);  // behind the eight bytes that a Turin has
    CHECK(answer(turin) == "hardware: snp.hardware_id");
    turin.report.fill(0x1A7, 2, 0);
    CHECK(answer(turin) == "hardware: snp.hardware_id");

    snp_maker vlek{"Milan", true};
    vlek.report.fill(0x1A0, 64, 0xC3);  // not masked: nothing to compare it with
    CHECK(answer(vlek) == "accepted");
  }

  TEST_CASE("the key is that of the reported TCB") {
    constexpr std::array<std::pair<const char*, std::uint64_t>, 4> parts{
        {{"0301", 5}, {"0302", 1}, {"0303", 23}, {"0308", 220}}};
    for (const auto& [part, version] : parts) {
      CAPTURE(std::string{part});
      snp_maker maker;
      maker.extensions.set(part, test::integer(version));
      maker.issue();
      CHECK(answer(maker) == "tcb: snp.certified_tcb");
      CHECK(code_of(maker) == errc::attest_bad_signature);
    }
    snp_maker turin{"Turin"};
    turin.extensions.set("0309", test::integer(2));
    turin.issue();
    CHECK(answer(turin) == "tcb: snp.certified_tcb");
  }

  TEST_CASE("a report does not say more of the firmware than runs, or than can be") {
    const auto with = [](std::size_t at, std::uint64_t tcb) {
      return answer_with([=](snp_maker& m) { m.report.put(at, tcb); });
    };
    constexpr std::uint64_t good = 0xDB18'0000'0000'0004;
    for (const std::uint64_t less :
         {good - 1, good - (std::uint64_t{1} << 48), good - (std::uint64_t{1} << 56)}) {
      CHECK(with(0x038, less) == "tcb: snp.reported_tcb");
      CHECK(with(0x1E0, less) == "accepted");  // the host may go back
      CHECK(with(0x1F0, less) == "accepted");
    }
    for (const std::uint64_t more : {good + 1, good + 0x100, good + (std::uint64_t{1} << 48)}) {
      CHECK(with(0x038, more) == "accepted");
      CHECK(with(0x1E0, more) == "tcb: snp.committed_tcb");
      CHECK(with(0x1F0, more) == "accepted");  // it may have come from another machine
    }
    for (const std::size_t at : {0x038U, 0x180U, 0x1E0U, 0x1F0U})
      CHECK(with(at, good + 0x10000) == "tcb: snp.reserved_tcb");
  }

  TEST_CASE("the floor holds for what is reported and for what the host may go back to") {
    const snp_tcb floor{.boot_loader = 4, .snp = 24, .microcode = 219};
    const snp_options options{.minimum_tcb = floor};
    snp_maker maker;
    CHECK(maker.verified(maker.document(), now).steps.find("floor")->outcome ==
          step_outcome::skipped);
    CHECK(answer(maker, options) == "accepted");
    CHECK(maker.verified(maker.document(), now, options).steps.find("floor")->outcome ==
          step_outcome::passed);
    snp_tcb above = floor;
    above.microcode = 220;
    CHECK(answer(maker, {.minimum_tcb = above}) == "floor: snp.minimum_tcb");
    CHECK(code_of(maker, {.minimum_tcb = above}) == errc::attest_tcb_out_of_date);
    maker.report.put<std::uint64_t>(0x1E0, 0xDA18'0000'0000'0004);
    CHECK(answer(maker, options) == "floor: snp.minimum_committed_tcb");
    CHECK(code_of(maker, options) == errc::attest_tcb_out_of_date);
    CHECK(answer(maker) == "accepted");
  }

  TEST_CASE("the certificate's key is the one that signed") {
    snp_maker maker;
    const snp_maker other;
    maker.leaf_fields.key_info = other.leaf_fields.key_info;
    maker.issue();
    CHECK(answer(maker) == "signature: snp.not_signed_by_key");
    CHECK(code_of(maker) == errc::attest_bad_signature);
    // A key of another curve signs nothing here.
    maker.leaf_fields.key_info = test::hex(
        "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f2"
        "77037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb640"
        "6837bf51f5");
    maker.issue();
    CHECK(answer(maker) == "signature: snp.not_signed_by_key");
  }

  TEST_CASE("the signature is over all that it must be over, and a number in its range") {
    const snp_maker maker;
    for (const std::size_t at : {0x004U, 0x050U, 0x090U, 0x0C0U, 0x0E0U, 0x140U, 0x1F7U}) {
      CAPTURE(at);
      bytes report = maker.document();
      report[at] ^= std::byte{1};
      CHECK(answer(maker.verified(report, now)) == "signature: snp.not_signed_by_key");
    }
    for (const std::size_t half : {0x2A0U, 0x2E8U}) {
      bytes report = maker.document();
      std::fill_n(report.begin() + static_cast<std::ptrdiff_t>(half), 48, std::byte{0});
      CHECK(answer(maker.verified(report, now)) == "signature: snp.not_signed_by_key");
      std::fill_n(report.begin() + static_cast<std::ptrdiff_t>(half), 48, std::byte{0xFF});
      CHECK(answer(maker.verified(report, now)) == "signature: snp.not_signed_by_key");
    }
  }

  TEST_CASE("nothing is computed with before everything cheap was looked at") {
    int signatures = 0;
    const auto counted = [&](const x509_certificate&, x509_algorithm, detail::byte_span,
                             detail::byte_span) -> judged<void> {
      ++signatures;
      return {};
    };
    const auto look = [&](const snp_maker& maker, sys_seconds when) {
      signatures = 0;
      return answer(maker.verified(maker.document(), when, {}, counted));
    };
    snp_maker maker;
    CHECK(look(maker, now) == "accepted");
    CHECK(signatures == 2);
    CHECK(look(maker, now + 24h * 365) == "chain: chain.expired");
    CHECK(signatures == 0);
    maker.lists = {maker.list()};
    CHECK(look(maker, now) == "accepted");
    CHECK(signatures == 3);
    maker.report.put<std::uint64_t>(0x008, 0xB0000);
    CHECK(look(maker, now) == "debug: snp.debug");
    CHECK(signatures == 0);
  }

  TEST_CASE("one limit holds for the signatures of certificates and lists") {
    snp_maker maker;
    maker.lists = {maker.list()};
    x509_signature_check check;
    for (int i = 0; i != 5; ++i)  // three each time
      CHECK(answer(maker.verified(maker.document(), now, {}, check)) == "accepted");
    CHECK(check.made() == 15);
    CHECK(answer(maker.verified(maker.document(), now, {}, check)) ==
          "chain: x509.too_many_signatures");
  }
}

}  // namespace
