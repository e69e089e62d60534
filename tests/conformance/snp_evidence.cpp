// SPDX-License-Identifier: Apache-2.0
//
// Reports that real processors of AMD made, with AMD's certificates and lists: each verdict is that of
// expected.json beside them.
#include <enfilade/attest/snp/snp_certificate.hpp>
#include <enfilade/attest/snp/snp_report.hpp>
#include <enfilade/attest/snp/snp_roots.hpp>
#include <enfilade/attest/snp/snp_verifier.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/campaign.hpp"
#include "support/evidence_files.hpp"
#include "support/refusal_text.hpp"
#include "support/snp_maker.hpp"
#include "support/test_data.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::sys_seconds;
using test::bytes;
using test::utc;

const sys_seconds written = utc("2026-11-21T00:00:00");   // when these tests were
const sys_seconds in_force = utc("2025-07-01T00:00:00");  // of all keys and of both lists

constexpr snp_options debug_allowed{.allow_debug = true};

std::optional<std::filesystem::path> snp_folder(const char* test_name) {
  auto data = test::data_directory(test_name);
  if (data) *data /= "attestation/sev-snp";
  return data;
}

/// ASK and ARK of a line, in this order.
std::vector<bytes> authorities(const std::filesystem::path& snp, std::string_view file) {
  return test::pem_certificates(test::read_file(snp / "amd-roots" / file));
}

/// A report of the test data, its certificates, and what is to be expected of it.
struct evidence_file {
  json expected;
  bytes report;
  std::vector<bytes> certificates;  ///< key, ASK, ARK; none where the key was not published

  std::string name() const { return expected.at("name"); }
  bool has_key() const { return !certificates.empty(); }
  bool debug() const { return expected.at("debug_allowed"); }
  sys_seconds first() const { return utc(expected.at("key_not_before").get<std::string>()); }
  sys_seconds last() const { return utc(expected.at("key_not_after").get<std::string>()); }
};

/// All six; none where there is no test data.
std::vector<evidence_file> all_evidence() {
  const auto snp = snp_folder("SEV-SNP evidence");
  if (!snp) return {};
  std::vector<evidence_file> all;
  for (const json& expected : json::parse(test::read_file(*snp / "derived" / "expected.json"))) {
    evidence_file file{expected, test::read_bytes(*snp / expected.at("report")), {}};
    if (!expected.at("key").is_null()) {
      const std::string product = expected.at("product") == "Milan" ? "milan" : "genoa";
      const std::string kind = expected.at("key_type") == "VLEK" ? "_vlek" : "";
      file.certificates = authorities(*snp, "ask_ark_" + product + kind + ".pem");
      REQUIRE(file.certificates.size() == 2);
      file.certificates.insert(file.certificates.begin(),
                               test::read_bytes(*snp / expected.at("key")));
    }
    all.push_back(std::move(file));
  }
  REQUIRE(all.size() == 6);
  return all;
}

/// The five whose key is known.
std::vector<evidence_file> with_key() {
  std::vector<evidence_file> all = all_evidence();
  std::erase_if(all, [](const evidence_file& file) { return !file.has_key(); });
  if (!all.empty()) REQUIRE(all.size() == 5);
  return all;
}

std::optional<evidence_file> the(std::string_view name) {
  for (evidence_file& file : all_evidence())
    if (file.name() == name) return std::move(file);
  return std::nullopt;
}

snp_verification verified(const bytes& report, const std::vector<bytes>& certificates,
                          sys_seconds now, const snp_options& options = debug_allowed,
                          const std::vector<bytes>& lists = {}, known_signatures* known = nullptr) {
  const std::vector<detail::byte_span> given(certificates.begin(), certificates.end());
  const std::vector<detail::byte_span> revoked(lists.begin(), lists.end());
  return verify_snp(report, {given, revoked}, now, options, known);
}

/// Where it was refused and why: "chain: chain.expired"; empty where it was accepted.
std::string refusal_of(const snp_verification& found) {
  CHECK(found.claims.has_value() == found.steps.accepted());
  CHECK(found.steps.steps().size() == 12);
  const auto failed = found.steps.failure();
  if (!failed) return "";
  return std::string{failed->name} + ": " + std::string{failed->reason};
}

/// As if every certificate and list were signed: what else is wrong with a forged one.
judged<void> taken_for_good(const x509_certificate&, x509_algorithm, detail::byte_span,
                            detail::byte_span) {
  return {};
}
snp_verification if_it_were_signed(const bytes& report, const std::vector<bytes>& certificates) {
  const std::vector<detail::byte_span> given(certificates.begin(), certificates.end());
  return detail::snp_verifier{detail::amd_roots(), in_force, debug_allowed}.verify(
      report, {given, {}}, taken_for_good);
}

std::uint64_t number(const json& hexadecimal) {
  return std::stoull(hexadecimal.get<std::string>(), nullptr, 16);
}

void check_tcb(const snp_tcb& tcb, const json& expected) {
  CHECK(tcb == snp_tcb{.boot_loader = expected.at("boot_loader"),
                       .tee = expected.at("tee"),
                       .snp = expected.at("snp"),
                       .microcode = expected.at("microcode")});
}

TEST_SUITE("conformance/snp_evidence") {
  TEST_CASE("genuine reports are accepted while their keys are valid, and say what they say") {
    for (const evidence_file& file : with_key()) {
      CAPTURE(file.name());
      const json& expected = file.expected;
      for (const sys_seconds now : {file.first(), file.last(), file.first() + 24h * 30})
        CHECK(refusal_of(verified(file.report, file.certificates, now)) == "");
      CHECK(refusal_of(verified(file.report, file.certificates, file.first() - 1s)) ==
            "chain: chain.not_yet_valid");
      CHECK(refusal_of(verified(file.report, file.certificates, file.last() + 1s)) ==
            "chain: chain.expired");

      const auto found = verified(file.report, file.certificates, in_force);
      REQUIRE(found.claims.has_value());
      const snp_claims& claims = *found.claims;
      const bool is_vlek = expected.at("key_type") == "VLEK";
      CHECK(claims.version == expected.at("version").get<std::uint32_t>());
      CHECK(name_of(claims.product) == expected.at("product").get<std::string>());
      CHECK(claims.signer == (is_vlek ? snp_signer::vlek : snp_signer::vcek));
      CHECK(claims.valid_until == file.last());
      CHECK_FALSE(claims.revocation_checked);
      CHECK(claims.guest_svn == expected.at("guest_svn").get<std::uint32_t>());
      CHECK(claims.vmpl == expected.at("vmpl").get<unsigned>());
      CHECK(claims.measurement.hex() == expected.at("measurement").get<std::string>());
      CHECK(detail::to_hex(claims.report_data) == expected.at("report_data").get<std::string>());
      CHECK(claims.host_data.hex() == expected.at("host_data").get<std::string>());
      CHECK(claims.report_id.hex() == expected.at("report_id").get<std::string>());
      CHECK(claims.migration_agent == Measurement{});
      const std::string chip = expected.at("chip_id");
      CHECK(claims.chip_id.hex() == (is_vlek ? "" : chip));
      CHECK(claims.hardware_id.hex() == (is_vlek ? "" : chip));
      CHECK(claims.provider == (is_vlek ? "CN=cc-us-east-2.amazonaws.com" : ""));

      const std::uint64_t policy = number(expected.at("policy"));
      CHECK(claims.policy == snp_policy{.abi_major = static_cast<std::uint8_t>(policy >> 8),
                                        .abi_minor = static_cast<std::uint8_t>(policy),
                                        .smt = expected.at("smt_allowed"),
                                        .migration = expected.at("migrate_ma"),
                                        .debug = file.debug()});
      const std::uint64_t platform = number(expected.at("platform_info"));
      CHECK(claims.platform == snp_platform{.smt = (platform & 1) != 0,
                                            .tsme = (platform & 2) != 0,
                                            .ecc = (platform & 4) != 0,
                                            .alias_check = (platform & 0x20) != 0});
      check_tcb(claims.tcb.reported, expected.at("reported_tcb"));
      check_tcb(claims.tcb.current, expected.at("current_tcb"));
      check_tcb(claims.tcb.committed, expected.at("committed_tcb"));
      check_tcb(claims.tcb.launch, expected.at("launch_tcb"));
      // Azure signs its launches, without an author key; the others do not.
      const bool is_azure = file.name().find("azure") != std::string::npos;
      CHECK((claims.id_key_digest == Measurement{}) == !is_azure);
      CHECK(claims.author_key_digest == Measurement{});
    }
  }

  TEST_CASE("what is looked at, in order") {
    const auto file = the("virtee_milan_v2");
    if (!file) return;
    std::vector<std::string_view> names;
    const auto found = verified(file->report, file->certificates, in_force, {});
    for (const verdict_step& step : found.steps.steps()) {
      names.push_back(step.name);
      const bool skipped = step.name == "revocation" || step.name == "floor";
      CHECK(step.outcome == (skipped ? step_outcome::skipped : step_outcome::passed));
    }
    CHECK(names == std::vector<std::string_view>{"size", "report", "signer", "debug", "policy",
                                                 "certificates", "chain", "revocation", "hardware",
                                                 "tcb", "floor", "signature"});
  }

  TEST_CASE("certificates come in any order, with the root or without") {
    for (const evidence_file& file : with_key()) {
      CAPTURE(file.name());
      std::vector<bytes> all = file.certificates;
      std::ranges::sort(all);
      do {
        CHECK(refusal_of(verified(file.report, all, in_force)) == "");
      } while (std::ranges::next_permutation(all).found);
      all = file.certificates;
      all.pop_back();
      CHECK(refusal_of(verified(file.report, all, in_force)) == "");
      all.pop_back();
      CHECK(refusal_of(verified(file.report, all, in_force)) == "certificates: snp.issuer_missing");
      CHECK(refusal_of(verified(file.report, {file.certificates[1]}, in_force)) ==
            "certificates: snp.key_missing");
      CHECK(refusal_of(verified(file.report, {}, in_force)) ==
            "certificates: snp.certificates_missing");
    }
  }

  TEST_CASE("a guest that its host may debug is refused unless that was allowed") {
    int refused = 0;
    for (const evidence_file& file : with_key()) {
      CAPTURE(file.name());
      const auto found = verified(file.report, file.certificates, in_force, {});
      CHECK(refusal_of(found) == (file.debug() ? "debug: snp.debug" : ""));
      if (!file.debug()) continue;
      ++refused;
      CHECK(found.steps.failure()->code == errc::attest_debug_enabled);
      const auto allowed = verified(file.report, file.certificates, in_force);
      CHECK(allowed.steps.find("debug")->outcome == step_outcome::skipped);
      CHECK(allowed.claims->policy.debug);
    }
    CHECK((refused == 1 || with_key().empty()));
  }

  TEST_CASE("today the VLEK has expired, since 2025-12-10, and the VCEKs have not") {
    for (const evidence_file& file : with_key()) {
      CAPTURE(file.name());
      const bool is_vlek = file.name() == "trustee_milan_vlek_v3";
      const auto found = verified(file.report, file.certificates, written);
      CHECK(refusal_of(found) == (is_vlek ? "chain: chain.expired" : ""));
      if (!is_vlek) continue;
      CHECK(found.steps.failure()->code == errc::attest_expired);
      CHECK(found.steps.find("signature")->outcome == step_outcome::skipped);
      const sys_seconds end = utc("2025-12-10T22:14:21");
      CHECK(refusal_of(verified(file.report, file.certificates, end)) == "");
      CHECK(refusal_of(verified(file.report, file.certificates, end + 1s)) ==
            "chain: chain.expired");
    }
  }

  TEST_CASE("VMPL and SMT are as the caller asks") {
    for (const evidence_file& file : with_key()) {
      CAPTURE(file.name());
      const bool in_vmpl_1 = file.expected.at("vmpl") == 1;
      CHECK(refusal_of(verified(file.report, file.certificates, in_force,
                                {.allow_debug = true, .max_vmpl = std::uint8_t{0}})) ==
            (in_vmpl_1 ? "policy: snp.max_vmpl" : ""));
      CHECK(refusal_of(verified(file.report, file.certificates, in_force,
                                {.allow_debug = true, .allow_smt = false})) == "policy: snp.smt");
    }
  }

  TEST_CASE("a floor is met by its own TCB, and by nothing below it in any part") {
    for (const evidence_file& file : with_key()) {
      CAPTURE(file.name());
      const auto floor = [&](const snp_tcb& minimum) {
        return verified(file.report, file.certificates, in_force,
                        {.allow_debug = true, .minimum_tcb = minimum});
      };
      const snp_tcb own = verified(file.report, file.certificates, in_force).claims->tcb.reported;
      CHECK(refusal_of(floor(own)) == "");
      CHECK(floor(own).steps.find("floor")->outcome == step_outcome::passed);
      for (std::uint8_t snp_tcb::*part : {&snp_tcb::fmc, &snp_tcb::boot_loader, &snp_tcb::tee,
                                          &snp_tcb::snp, &snp_tcb::microcode}) {
        snp_tcb above = own;
        ++(above.*part);
        CHECK(refusal_of(floor(above)) == "floor: snp.minimum_tcb");
        CHECK(floor(above).steps.failure()->code == errc::attest_tcb_out_of_date);
      }
    }
  }

  TEST_CASE("the key of another machine did not sign a report") {
    const std::vector<evidence_file> all = all_evidence();
    for (const evidence_file& file : all)
      for (const evidence_file& other : all) {
        if (file.name() == other.name() || !other.has_key()) continue;
        CAPTURE(file.name());
        CAPTURE(other.name());
        const auto why = refusal_of(verified(file.report, other.certificates, in_force));
        const json& a = file.expected;
        const json& b = other.expected;
        if (a.at("key_type") != b.at("key_type")) {
          CHECK(why == "certificates: snp_certificate.other_kind");
        } else if (a.at("product") == b.at("product")) {
          CHECK(why == "hardware: snp.hardware_id");
        } else if (a.at("version") == 2) {
          // It names no processor, so the key's product is that of the report.
          CHECK(why == "hardware: snp.hardware_id");
        } else {
          CHECK(why == "certificates: snp.product");
        }
      }
  }

  // Its own key is not published. Mended until nothing but the signature can tell.
  TEST_CASE("a report is not that of a key which says the same of the machine") {
    const auto file = the("openpcc_gce_milan_v4_nokey");
    const auto other = the("virtee_milan_v2");
    if (!file || !other) return;
    const auto read = read_snp_report(file->report);
    REQUIRE(read.has_value());
    CHECK(read->version == 4);
    CHECK(detail::to_hex(read->measurement) == file->expected.at("measurement").get<std::string>());
    CHECK(read->product == snp_product::milan);

    bytes report = file->report;
    const auto at = [&] { return refusal_of(verified(report, other->certificates, in_force)); };
    CHECK(at() == "hardware: snp.hardware_id");
    std::copy_n(other->report.begin() + 0x1A0, 64, report.begin() + 0x1A0);
    CHECK(at() == "tcb: snp.certified_tcb");
    std::copy_n(other->report.begin() + 0x180, 8, report.begin() + 0x180);
    CHECK(at() == "signature: snp.not_signed_by_key");
    // With the signature of a report that the key did sign.
    std::copy_n(other->report.begin() + 0x2A0, 512, report.begin() + 0x2A0);
    CHECK(at() == "signature: snp.not_signed_by_key");
  }

  TEST_CASE("a VLEK does not lead to the issuer of other keys") {
    const auto snp = snp_folder("VLEK under other authorities");
    const auto file = the("trustee_milan_vlek_v3");
    if (!snp || !file) return;
    for (const char* other :
         {"ask_ark_milan.pem", "ask_ark_genoa_vlek.pem", "ask_ark_turin_vlek.pem"}) {
      CAPTURE(std::string{other});
      auto certificates = authorities(*snp, other);
      const auto found = verified(file->report, {file->certificates[0], certificates[0]}, in_force);
      CHECK(refusal_of(found) == "certificates: snp.issuer_missing");
      certificates.insert(certificates.begin(), file->certificates[0]);
      CHECK(refusal_of(verified(file->report, certificates, in_force)) ==
            (std::string_view{other}.find("milan") == std::string_view::npos
                 ? "certificates: snp.root"
                 : "certificates: snp.issuer_missing"));
    }
    // All three that AMD's service hands out for a product may be given with it.
    auto whole = authorities(*snp, "milan_ask_ark_asvk.pem");
    whole.push_back(file->certificates[0]);
    CHECK(refusal_of(verified(file->report, whole, in_force)) == "");
  }

  TEST_CASE("altered VCEKs are not signed, and would not fit if they were") {
    const auto snp = snp_folder("altered VCEKs");
    const auto file = the("virtee_milan_v2");
    if (!snp || !file) return;
    for (const char* altered :
         {"snp_test-vcek-invalid-legacy.der", "snp_test-vcek-invalid-new.der"}) {
      CAPTURE(std::string{altered});
      auto certificates = file->certificates;
      certificates[0] = test::read_bytes(*snp / "trustee" / altered);
      const auto found = verified(file->report, certificates, in_force);
      CHECK(refusal_of(found) == "chain: x509.signature");
      CHECK(found.steps.failure()->code == errc::attest_bad_signature);

      // In the newer one the id is wrapped, and read all the same.
      const auto certificate = x509_certificate::parse(certificates[0]);
      REQUIRE(certificate.has_value());
      const auto vcek = read_snp_vcek(*certificate);
      REQUIRE(vcek.has_value());
      CHECK(vcek->hardware_id.size() == 64);
      CHECK(detail::to_hex(vcek->hardware_id).starts_with("0001020304"));
      CHECK(refusal_of(if_it_were_signed(file->report, certificates)) ==
            "hardware: snp.hardware_id");
      bytes report = file->report;
      std::ranges::copy(vcek->hardware_id, report.begin() + 0x1A0);
      CHECK(refusal_of(if_it_were_signed(report, certificates)) == "tcb: snp.certified_tcb");
    }
    // The one that they were made of is good, and another machine's.
    auto certificates = file->certificates;
    certificates[0] = test::read_bytes(*snp / "trustee" / "snp_test-vcek.der");
    CHECK(refusal_of(verified(file->report, certificates, in_force)) ==
          "hardware: snp.hardware_id");
  }

  TEST_CASE("the lists of AMD's roots are looked at, at their time") {
    const auto snp = snp_folder("AMD's revocation lists");
    if (!snp) return;
    const bytes genoa = test::read_bytes(*snp / "derived" / "ark_genoa.crl.der");
    const bytes milan = test::read_bytes(*snp / "derived" / "ark_milan.crl.der");
    for (const evidence_file& file : with_key()) {
      CAPTURE(file.name());
      const bool is_genoa = file.expected.at("product") == "Genoa";
      const auto with = [&](const std::vector<bytes>& lists, sys_seconds now, bool demanded) {
        return verified(file.report, file.certificates, now,
                        {.allow_debug = true, .require_revocation = demanded}, lists);
      };
      const bytes& own = is_genoa ? genoa : milan;
      const bytes& other = is_genoa ? milan : genoa;
      for (const auto& lists : {std::vector<bytes>{own}, std::vector<bytes>{own, other},
                                std::vector<bytes>{other, own}}) {
        const auto found = with(lists, in_force, true);
        CHECK(refusal_of(found) == "");
        CHECK(found.claims->revocation_checked);
        CHECK(found.steps.find("revocation")->outcome == step_outcome::passed);
      }
      for (const auto& lists : {std::vector<bytes>{}, std::vector<bytes>{other}}) {
        CHECK(refusal_of(with(lists, in_force, true)) == "revocation: snp.revocation_missing");
        const auto found = with(lists, in_force, false);
        CHECK(refusal_of(found) == "");
        CHECK_FALSE(found.claims->revocation_checked);
      }
      // Both are older than the reports that they are about are today.
      if (file.last() < written) continue;
      const auto today = with({own}, written, false);
      CHECK(refusal_of(today) == "revocation: crl.expired");
      CHECK(today.steps.failure()->code == errc::attest_expired);
    }
  }

  // The ASK that it revokes is not among the test data; tests/unit shows with authorities of its own
  // that a key under such a one is refused.
  TEST_CASE("Genoa's list revokes the ASK 020001, and not the one that replaced it") {
    const auto snp = snp_folder("the revoked Genoa ASK");
    if (!snp) return;
    const bytes der = test::read_bytes(*snp / "derived" / "ark_genoa.crl.der");
    const auto list = x509_crl::parse(der);
    REQUIRE(list.has_value());
    const auto root = x509_certificate::parse(snp_root(snp_product::genoa));
    REQUIRE(root.has_value());
    CHECK(list->verify(*root, in_force).has_value());
    CHECK(list->revokes(test::hex("020001")));
    const auto today = authorities(*snp, "ask_ark_genoa.pem");
    CHECK(detail::to_hex(x509_certificate::parse(today[0])->serial()) == "020002");
    CHECK_FALSE(list->revokes(test::hex("020002")));
  }

  // There is no report of a Turin. Made up from its certificate, one fails for want of a signature
  // and nothing else.
  TEST_CASE("the VCEK of a Turin leads to its root, and all but a signature can be made up") {
    const auto snp = snp_folder("a Turin's VCEK");
    if (!snp) return;
    auto certificates = authorities(*snp, "ask_ark_turin_vcek.pem");
    certificates.insert(certificates.begin(),
                        test::read_bytes(*snp / "virtee-sev" / "vcek_turin.der"));
    const auto certificate = x509_certificate::parse(certificates[0]);
    REQUIRE(certificate.has_value());
    const auto vcek = read_snp_vcek(*certificate);
    REQUIRE(vcek.has_value());
    CHECK(vcek->product == snp_product::turin);
    CHECK(detail::to_hex(vcek->hardware_id) == "1e550a8ee5cf9f4d");
    CHECK(vcek->tcb == snp_tcb{.microcode = 9});

    auto fields = test::snp_report_fields::turin();
    const auto made_up = [&] {
      return refusal_of(verified(fields.encoded(), certificates, in_force));
    };
    CHECK(made_up() == "hardware: snp.hardware_id");
    for (std::size_t i = 0; i != 8; ++i)
      fields.put<std::uint8_t>(0x1A0 + i, std::to_integer<std::uint8_t>(vcek->hardware_id[i]));
    CHECK(made_up() == "tcb: snp.certified_tcb");
    for (const std::size_t tcb : {0x038U, 0x180U, 0x1E0U, 0x1F0U})
      fields.put<std::uint64_t>(tcb, 0x0900'0000'0000'0000);
    CHECK(made_up() == "signature: snp.not_signed_by_key");
    fields.fill(0x1DF, 1, 1);
    CHECK(made_up() == "hardware: snp.hardware_id");
    fields.fill(0x1DF, 1, 0).processor(0x19, 0x11);
    CHECK(made_up() == "certificates: snp.product");
  }

  TEST_CASE("every certificate of a VCEK or VLEK in the test data is read") {
    const auto snp = snp_folder("certificates of VCEKs");
    if (!snp) return;
    const auto pem = [&](const char* file) {
      return test::pem_certificates(test::read_file(*snp / file)).front();
    };
    struct key_case {
      bytes der;
      snp_product product;
      snp_tcb tcb;
    };
    for (const key_case& one : {key_case{pem("dstack/sev_snp_vcek.pem"),
                                         snp_product::milan,
                                         {.boot_loader = 4, .snp = 23, .microcode = 213}},
                                key_case{pem("trustee/az-snp-vtpm_vcek-genoa.pem"),
                                         snp_product::genoa,
                                         {.boot_loader = 10, .snp = 23, .microcode = 84}}}) {
      const auto certificate = x509_certificate::parse(one.der);
      REQUIRE(certificate.has_value());
      const auto vcek = read_snp_vcek(*certificate);
      REQUIRE(vcek.has_value());
      CHECK(vcek->product == one.product);
      CHECK(vcek->tcb == one.tcb);
      CHECK(vcek->hardware_id.size() == 64);
      CHECK(is_snp_issuer(certificate->issuer(), one.product, snp_signer::vcek));
      CHECK(read_snp_vlek(*certificate).error().rule == "snp_certificate.other_kind");
    }
  }

  TEST_CASE("every truncation is refused by name") {
    const auto file = the("virtee_milan_v2");
    if (!file) return;
    bytes report = file->report;
    report.push_back(std::byte{0});
    CHECK(refusal_of(verified(report, file->certificates, in_force)) == "size: snp.size");
    for (std::size_t size = 0; size != file->report.size(); ++size) {
      CAPTURE(size);
      report.resize(file->report.size() - 1 - size);
      const auto found = verified(report, file->certificates, in_force);
      CHECK(refusal_of(found) == "size: snp.size");
      CHECK(found.steps.failure()->code == errc::attest_malformed);
      CHECK(read_snp_report(report).error() == refusal{errc::attest_malformed, "snp.size"});
    }
  }

  // None is left out: behind the signed part everything but the two numbers is zero by the format.
  TEST_CASE("no bit of a report can be flipped") {
    const auto file = the("trustee_milan_vlek_v3");
    if (!file) return;
    test::campaign campaign{"attest.snp_bits"};
    const std::size_t bits = 8 * file->report.size();
    const std::uint64_t count = test::effort(bits / 4, bits);
    std::mt19937_64 random{campaign.seed()};
    known_signatures known;
    bytes report = file->report;
    const auto look = [&] {
      return verified(report, file->certificates, in_force, {}, {}, &known);
    };
    REQUIRE(look().steps.accepted());
    REQUIRE(known.size() == 2);
    std::map<std::string_view, std::uint64_t> refused_at;
    for (std::uint64_t i = 0; i != count; ++i) {
      const auto bit = static_cast<std::size_t>(count == bits ? i : random() % bits);
      CAPTURE(bit);
      const std::byte flipped = std::byte{1} << (bit % 8);
      report[bit / 8] ^= flipped;
      campaign.tried();
      const auto found = look();
      CHECK_FALSE(found.steps.accepted());
      CHECK_FALSE(found.claims.has_value());
      if (const auto failed = found.steps.failure()) {
        campaign.refused();
        ++refused_at[failed->name];
      }
      report[bit / 8] ^= flipped;
    }
    CHECK(campaign.refusals() == count);
    CHECK(refused_at["report"] > 0);
    CHECK(refused_at["signature"] > 0);
  }

  // How evidence reaches a verifier in the field: in a file with what other software put around it.
  TEST_CASE("the report must stand alone") {
    const auto snp = snp_folder("a report in Azure's envelope");
    const auto file = the("azure_milan_v2");
    if (!snp || !file) return;
    const bytes whole = test::read_bytes(*snp / "trustee" / "az-snp-vtpm_hcl-report.bin");
    CHECK(refusal_of(verified(whole, file->certificates, in_force)) == "size: snp.size");
    const bytes inside{whole.begin() + 0x20, whole.begin() + 0x20 + 0x4A0};
    CHECK(refusal_of(verified(inside, file->certificates, in_force)) == "");
  }

  TEST_CASE("authorities are computed once where their signatures are remembered") {
    known_signatures known;
    for (const evidence_file& file : with_key()) {
      CAPTURE(file.name());
      CHECK(refusal_of(verified(file.report, file.certificates, in_force, debug_allowed, {},
                                &known)) == "");
      const std::size_t size = known.size();
      CHECK(refusal_of(verified(file.report, file.certificates, in_force, debug_allowed, {},
                                &known)) == "");
      CHECK(known.size() == size);
    }
    // Five keys, and the ASK of Milan, of Genoa, and of Milan's VLEKs.
    if (!with_key().empty()) CHECK(known.size() == 8);
  }
}

}  // namespace
