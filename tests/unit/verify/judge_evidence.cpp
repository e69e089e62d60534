// SPDX-License-Identifier: Apache-2.0
//
// What stands around a platform's verifier: bundles, bindings, and what the program told. The
// verifiers have tests of their own; real evidence is judged by tests/integration/verify_evidence.py.
#include <enfilade/verify/judge_evidence.hpp>

#include <enfilade/attest/nitro/extended_pcr.hpp>
#include <enfilade/attest/nvidia/hopper_report.hpp>
#include <enfilade/attest/tdx/extended_rtmr.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/hopper_maker.hpp"
#include "support/nitro_maker.hpp"
#include "support/snp_maker.hpp"
#include "support/some_claims.hpp"
#include "support/tdx_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::filled_register;

constexpr std::chrono::sys_seconds now = std::chrono::sys_days{std::chrono::year{2024} / 6 / 1};

/// The verifiers, but under the roots of makers.
struct test_verifiers {
  const test::nitro_maker* enclave = nullptr;
  const test::snp_maker* guest = nullptr;
  const test::tdx_maker* domain = nullptr;
  const test::hopper_maker* gpu = nullptr;

  nitro_verification nitro(detail::byte_span document, const appraisal& terms,
                           const nitro_options& options) const {
    return detail::nitro_verifier{enclave->root(), terms.now, options}.verify(
        document, x509_signature_check{});
  }
  snp_verification snp(detail::byte_span report, const snp_endorsements& given,
                       const appraisal& terms, const snp_options& options) const {
    detail::snp_root_set roots = detail::amd_roots();
    roots[0] = guest->root();
    return detail::snp_verifier{roots, terms.now, options}.verify(report, given,
                                                                  x509_signature_check{});
  }
  tdx_verification tdx(detail::byte_span quote, const tdx_endorsements* given,
                       const appraisal& terms, const tdx_options& options) const {
    return detail::tdx_verifier{domain->root(), given, terms.now, options}.verify(
        quote, x509_signature_check{});
  }
  hopper_verification nvidia(detail::byte_span report,
                             std::span<const detail::byte_span> certificates,
                             std::span<const std::byte, 32> nonce, const appraisal& terms) const {
    static const bytes kind = test::name("kind");
    return detail::hopper_verifier{gpu->root, kind, terms.now}.verify(report, certificates, nonce,
                                                                      x509_signature_check{});
  }
};

evidence_question asked(platform tee) {
  evidence_question question{tee};
  question.terms.now = now;
  return question;
}

evidence_report judged_by(const test::nitro_maker& maker, const evidence_question& question) {
  test_verifiers verify;
  verify.enclave = &maker;
  return detail::evidence_judge<test_verifiers>{question, verify}.judge(maker.document());
}
evidence_report judged_by(const test::snp_maker& maker, const evidence_question& question,
                          const bytes& evidence) {
  test_verifiers verify;
  verify.guest = &maker;
  return detail::evidence_judge<test_verifiers>{question, verify}.judge(evidence);
}

evidence_report judged_by(const test::tdx_maker& maker, const evidence_question& question,
                          const bytes& evidence) {
  test_verifiers verify;
  verify.domain = &maker;
  return detail::evidence_judge<test_verifiers>{question, verify}.judge(evidence);
}
evidence_report judged_by(const test::hopper_maker& maker, const evidence_question& question) {
  test_verifiers verify;
  verify.gpu = &maker;
  return detail::evidence_judge<test_verifiers>{question, verify}.judge(maker.report());
}

/// "binding: evidence.nonce"; empty where all is well.
std::string answer(const evidence_report& report) {
  CHECK(report.accepted() == !report.steps.failure().has_value());
  const auto failed = report.steps.failure();
  return failed ? std::string{failed->name} + ": " + std::string{failed->reason} : "";
}

std::string besides(const evidence_report& report, std::string_view name) {
  for (const auto& [called, text] : report.besides)
    if (called == name) return text;
  return "none";
}

const registers told{{"plan", filled_register(1)}, {"weights", filled_register(2)}};

/// A guest that made evidence as `SevSnp` does: for a link's report data, with what it told.
struct bundled {
  explicit bundled(registers tells = told) : told_bytes(*encode_told(std::move(tells))) {
    of_link.fill(std::byte{9});
    const auto data = bound_report_data(of_link, told_bytes);
    for (std::size_t i = 0; i != data.size(); ++i)
      guest.report.put(0x050 + i, std::to_integer<std::uint8_t>(data[i]));
  }

  bytes encoded(bool with_certificates = true) const {
    const bytes report = guest.document();
    evidence_bundle bundle;
    bundle.told = told_bytes;
    bundle.report = report;
    if (with_certificates)
      bundle.certificates.assign(guest.certificates.begin(), guest.certificates.end());
    return *bundle.encode();
  }
  bytes nonce() const { return {of_link.begin(), of_link.end()}; }

  test::snp_maker guest;
  std::array<std::byte, 64> of_link{};
  bytes told_bytes;
};

TEST_SUITE("verify/judge_evidence") {
  TEST_CASE("a platform is called as on the command line") {
    CHECK(platform_of("nitro") == platform::nitro);
    CHECK(platform_of("snp") == platform::snp);
    CHECK(platform_of("tdx") == platform::tdx);
    CHECK(platform_of("nvidia") == platform::nvidia);
    for (const std::string_view name : {"", "sgx", "Nitro", "sev-snp"})
      CHECK_FALSE(platform_of(name).has_value());
  }

  TEST_CASE("rubbish is refused for each platform") {
    for (const platform tee : {platform::nitro, platform::snp, platform::tdx, platform::nvidia}) {
      for (const std::size_t size : {0U, 1U, 100U, 65536U}) {
        const bytes rubbish(size, std::byte{0x5A});
        const evidence_report report = judge_evidence(rubbish, asked(tee));
        CHECK_FALSE(report.accepted());
        CHECK_FALSE(report.says.has_value());
        REQUIRE(report.steps.failure().has_value());
        const errc code = report.steps.failure()->code;
        CHECK((code == errc::attest_malformed || code == errc::attest_unsupported_format));
      }
    }
  }

  TEST_CASE("genuine evidence becomes claims as of the time that was asked") {
    const test::nitro_maker maker;
    const evidence_report report = judged_by(maker, asked(platform::nitro));
    CHECK(answer(report) == "");
    CHECK(report.says->attester == "nitro");
    CHECK(report.says->judged_at == now);
    CHECK(report.says->find("pcr0") != nullptr);
    CHECK(besides(report, "module id") == "i-0123456789abcdef0-enc0123456789abcdef");
    CHECK(report.steps.find("binding")->outcome == step_outcome::skipped);
  }

  TEST_CASE("a Nitro document is bound to its nonce") {
    test::nitro_maker maker;
    maker.fields.set("nonce", test::cbor::filled(20));
    evidence_question question = asked(platform::nitro);
    question.nonce = bytes(20, std::byte{1});
    const evidence_report right = judged_by(maker, question);
    CHECK(answer(right) == "");
    CHECK(right.steps.find("binding")->outcome == step_outcome::passed);
    for (const bytes& other : {bytes(20, std::byte{2}), bytes(19, std::byte{1}), bytes{}}) {
      question.nonce = other;
      const evidence_report report = judged_by(maker, question);
      CHECK(answer(report) == "binding: evidence.nonce");
      CHECK(report.steps.failure()->code == errc::attest_binding_mismatch);
      CHECK_FALSE(report.says.has_value());
    }
    maker.fields.set("nonce", test::cbor::null());
    CHECK(answer(judged_by(maker, question)) == "");  // the empty one: none was given
  }

  TEST_CASE("what a program told in a Nitro document is proven by it") {
    test::nitro_maker maker;
    maker.fields.set("user_data", test::cbor::string(*encode_told(told)));
    const evidence_report report = judged_by(maker, asked(platform::nitro));
    REQUIRE(report.says.has_value());
    REQUIRE(report.says->find("plan") != nullptr);
    CHECK(*report.says->find("plan") == filled_register(1));
    CHECK(report.unproven.empty());
    CHECK(report.steps.find("registers")->reason == "the program wrote none");
  }

  TEST_CASE("user data of other software is shown, and is no claim") {
    test::nitro_maker maker;
    maker.fields.set("user_data", test::cbor::filled(3));
    const evidence_report report = judged_by(maker, asked(platform::nitro));
    CHECK(besides(report, "user data") == "010101");
    CHECK(answer(report) == "");
  }

  TEST_CASE("nothing that was told passes for a register of the platform") {
    test::nitro_maker maker;
    maker.fields.set("user_data", test::cbor::string(*encode_told({{"pcr20", filled_register(1)},
                                                                   {"plan", filled_register(1)}})));
    const evidence_report report = judged_by(maker, asked(platform::nitro));
    CHECK(report.says->find("pcr20") == nullptr);
    CHECK(report.says->find("plan") != nullptr);

    const bundled evidence{{{"measurement", filled_register(1)}}};
    const evidence_report of_guest =
        judged_by(evidence.guest, asked(platform::snp), evidence.encoded());
    CHECK(answer(of_guest) == "told: evidence.told_name");
  }

  TEST_CASE("what the program told must be what its registers hold, if it wrote any") {
    const auto with = [](std::string_view in_hardware) {
      test::nitro_maker maker;
      std::vector<std::pair<bytes, bytes>> pcrs;
      for (std::uint64_t i = 0; i != 17; ++i)
        pcrs.emplace_back(test::cbor::number(i), test::cbor::filled(48, std::byte{7}));
      const auto held = expected_pcr(detail::bytes_of(in_hardware));
      pcrs[16].second = test::cbor::string({held.begin(), held.end()});
      maker.fields.set("pcrs", test::cbor::map(pcrs));
      maker.fields.set("user_data", test::cbor::string(*encode_told(told)));
      return judged_by(maker, asked(platform::nitro));
    };
    const evidence_report same = with("\x01\x01");
    CHECK(answer(same) == "");
    CHECK(same.steps.find("registers")->outcome == step_outcome::passed);
    const evidence_report other = with("\x01\x02");
    CHECK(answer(other) == "registers: evidence.register_differs");
    CHECK(other.steps.failure()->code == errc::attest_measurement_mismatch);
    CHECK_FALSE(other.says.has_value());
    CHECK(other.steps.find("binding")->outcome == step_outcome::skipped);
  }

  TEST_CASE("a debug document is looked at only where that was allowed") {
    test::nitro_maker maker;
    maker.fields.set("pcrs", test::nitro_fields::pcrs(16, std::byte{0}));
    evidence_question question = asked(platform::nitro);
    CHECK(answer(judged_by(maker, question)) == "debug: nitro.debug");
    CHECK(judged_by(maker, question).steps.find("binding")->reason == "an earlier step failed");
    question.terms.allow_debug = true;
    const evidence_report report = judged_by(maker, question);
    CHECK(answer(report) == "");
    CHECK(report.says->permits("debug"));
  }

  TEST_CASE("a report alone takes its certificates from files") {
    const bundled evidence;
    evidence_question question = asked(platform::snp);
    const bytes report = evidence.guest.document();
    CHECK(answer(judged_by(evidence.guest, question, report)) ==
          "certificates: snp.certificates_missing");
    endorsements files;
    files.certificates = evidence.guest.certificates;
    question.terms.given = &files;
    const evidence_report found = judged_by(evidence.guest, question, report);
    CHECK(answer(found) == "");
    CHECK(found.says->attester == "sev-snp");
    CHECK(besides(found, "product") == "Milan");
    CHECK(found.unproven.empty());
    files.revocation_lists = {evidence.guest.list()};
    CHECK(judged_by(evidence.guest, question, report).says->strength ==
          evidence_strength::collateral);
  }

  TEST_CASE("a report alone is bound to the report data itself") {
    const bundled evidence;
    endorsements files;
    files.certificates = evidence.guest.certificates;
    evidence_question question = asked(platform::snp);
    question.terms.given = &files;
    const auto data = bound_report_data(evidence.of_link, evidence.told_bytes);
    question.nonce = bytes(data.begin(), data.end());
    const bytes report = evidence.guest.document();
    CHECK(answer(judged_by(evidence.guest, question, report)) == "");
    question.nonce = evidence.nonce();
    CHECK(answer(judged_by(evidence.guest, question, report)) == "binding: evidence.nonce");
  }

  TEST_CASE("without the session, what a bundle tells is shown and not believed") {
    const bundled evidence;
    const evidence_report report =
        judged_by(evidence.guest, asked(platform::snp), evidence.encoded());
    CHECK(answer(report) == "");
    CHECK(report.steps.steps().front().name == "bundle");
    CHECK(report.says->find("plan") == nullptr);
    CHECK(report.unproven == told);
  }

  TEST_CASE("with the session, what a bundle tells is proven, or all of it is refused") {
    const bundled evidence;
    evidence_question question = asked(platform::snp);
    question.nonce = evidence.nonce();
    const evidence_report report = judged_by(evidence.guest, question, evidence.encoded());
    CHECK(answer(report) == "");
    REQUIRE(report.says->find("weights") != nullptr);
    CHECK(*report.says->find("weights") == filled_register(2));
    CHECK(report.unproven.empty());

    bundled altered = evidence;
    altered.told_bytes.back() ^= std::byte{1};
    const evidence_report forged = judged_by(altered.guest, question, altered.encoded());
    CHECK(answer(forged) == "binding: evidence.nonce");
    CHECK_FALSE(forged.says.has_value());

    for (const std::size_t size : {0U, 63U, 65U}) {
      question.nonce = bytes(size, std::byte{9});
      CHECK(answer(judged_by(evidence.guest, question, evidence.encoded())) ==
            "binding: evidence.nonce");
    }
  }

  TEST_CASE("a certificate that comes in the bundle and in a file is one") {
    const bundled evidence;
    endorsements files;
    files.certificates = evidence.guest.certificates;
    evidence_question question = asked(platform::snp);
    question.terms.given = &files;
    CHECK(answer(judged_by(evidence.guest, question, evidence.encoded())) == "");
    CHECK(answer(judged_by(evidence.guest, question, evidence.encoded(false))) == "");
  }

  TEST_CASE("of the files of a fleet, the right ones are taken") {
    const bundled evidence;
    const test::snp_maker other{"Genoa"};
    endorsements files;
    files.certificates = other.certificates;
    files.certificates.insert(files.certificates.end(), evidence.guest.certificates.begin(),
                              evidence.guest.certificates.end());
    evidence_question question = asked(platform::snp);
    question.terms.given = &files;
    CHECK(answer(judged_by(evidence.guest, question, evidence.guest.document())) == "");
    // Two machines' keys, and neither is this one's.
    const test::snp_maker third{"Genoa", true};
    files.certificates = other.certificates;
    files.certificates.push_back(third.certificates.front());
    const auto missing = judged_by(evidence.guest, question, evidence.guest.document());
    CHECK(missing.steps.failure()->code == errc::attest_endorsement_missing);
    // One only: then what is wrong with it is said.
    files.certificates = other.certificates;
    CHECK(answer(judged_by(evidence.guest, question, evidence.guest.document())) ==
          "certificates: snp.product");
  }

  TEST_CASE("a bundle that cannot be read is refused by its rule") {
    const bundled evidence;
    bytes broken = evidence.encoded();
    broken.push_back(std::byte{0});
    CHECK(answer(judged_by(evidence.guest, asked(platform::snp), broken)) ==
          "bundle: bundle.trailing_bytes");
    bundled untold = evidence;
    untold.told_bytes = {std::byte{1}};
    CHECK(answer(judged_by(untold.guest, asked(platform::snp), untold.encoded())) ==
          "told: told.name");
    // Nitro has no bundles.
    CHECK(answer(judge_evidence(evidence.encoded(), asked(platform::nitro))) !=
          "bundle: bundle.trailing_bytes");
  }

  TEST_CASE("migration is left to expectations where there are some") {
    bundled evidence;
    evidence.guest.report.put(0x008, std::uint64_t{1} << 17 | std::uint64_t{1} << 18);
    evidence_question question = asked(platform::snp);
    CHECK(answer(judged_by(evidence.guest, question, evidence.encoded())) ==
          "policy: snp.migration");
    question.expectations_follow = true;
    const evidence_report report = judged_by(evidence.guest, question, evidence.encoded());
    CHECK(answer(report) == "");
    CHECK(report.says->permits("migration"));
  }

  TEST_CASE("a quote in a bundle is bound, and its register holds what was told") {
    test::tdx_maker domain;
    constexpr std::size_t rtmr3 = 472;
    constexpr std::size_t report_data = 520;
    const bytes told_bytes = *encode_told(told);
    const bytes nonce(64, std::byte{9});
    const auto data = bound_report_data(std::span<const std::byte, 64>{nonce}, told_bytes);
    test::tdx_maker::put(domain.body, report_data, {data.begin(), data.end()});
    const auto judged = [&](const bytes& register3) {
      test::tdx_maker::put(domain.body, rtmr3, register3);
      const bytes quote = domain.quote();
      evidence_bundle bundle;
      bundle.told = told_bytes;
      bundle.report = quote;
      evidence_question question = asked(platform::tdx);
      question.nonce = nonce;
      return judged_by(domain, question, *bundle.encode());
    };
    const std::array values{told[0].second.bytes(), told[1].second.bytes()};
    const auto held = expected_rtmr(values);
    const evidence_report right = judged({held.begin(), held.end()});
    CHECK(answer(right) == "");
    CHECK(right.steps.find("registers")->outcome == step_outcome::passed);
    CHECK(*right.says->find("plan") == filled_register(1));
    const evidence_report unused = judged(bytes(48));
    CHECK(answer(unused) == "");
    CHECK(unused.steps.find("registers")->outcome == step_outcome::skipped);
    CHECK(answer(judged(bytes(48, std::byte{1}))) == "registers: evidence.register_differs");
  }

  TEST_CASE("what Intel says of a platform is left to expectations where there are some") {
    test::tdx_maker domain;
    domain.tcb_info["tcbLevels"][0]["tcbStatus"] = "SWHardeningNeeded";
    domain.tcb_info["tcbLevels"][0]["advisoryIDs"] = {"INTEL-SA-00615"};
    endorsements files;
    files.tdx_collateral = domain.collateral().dump();
    evidence_question question = asked(platform::tdx);
    question.terms.now = now + std::chrono::days{10};
    question.terms.given = &files;
    const bytes quote = domain.quote();
    CHECK(answer(judged_by(domain, question, quote)) == "tcb: tcb.sw_hardening_needed");
    question.expectations_follow = true;
    const evidence_report report = judged_by(domain, question, quote);
    CHECK(answer(report) == "");
    CHECK(report.says->tcb_status == "SWHardeningNeeded");
    CHECK(report.says->advisories == std::vector<std::string>{"INTEL-SA-00615"});
    CHECK(report.says->strength == evidence_strength::collateral);

    domain.tcb_info["tcbLevels"][0]["tcbStatus"] = "Revoked";
    files.tdx_collateral = domain.collateral().dump();
    CHECK(answer(judged_by(domain, question, quote)) == "tcb: tcb.revoked");
  }

  TEST_CASE("a GPU's report is judged with its certificates and its nonce") {
    const test::hopper_maker gpu;
    endorsements files;
    files.certificates = gpu.certificates;
    evidence_question question = asked(platform::nvidia);
    question.terms.given = &files;
    const bytes report = gpu.report();
    const auto read = read_hopper_report(report);
    REQUIRE(read.has_value());
    question.nonce = bytes(read->nonce.begin(), read->nonce.end());
    const evidence_report found = judged_by(gpu, question);
    CHECK(answer(found) == "");
    CHECK(found.says->attester == "nvidia-hopper");
    CHECK(besides(found, "driver") != "none");
    question.nonce->front() ^= std::byte{1};
    CHECK(answer(judged_by(gpu, question)) == "nonce: hopper.nonce");
  }

  TEST_CASE("collateral that cannot be read is refused before the quote is looked at") {
    endorsements files;
    files.tdx_collateral = "{}";
    evidence_question question = asked(platform::tdx);
    question.terms.given = &files;
    const evidence_report report = judge_evidence(bytes(10), question);
    REQUIRE(report.steps.failure().has_value());
    CHECK(report.steps.failure()->name == "collateral_file");
    CHECK(report.steps.failure()->code == errc::attest_malformed);
  }
}

}  // namespace
