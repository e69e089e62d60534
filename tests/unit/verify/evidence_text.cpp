// SPDX-License-Identifier: Apache-2.0
#include <enfilade/verify/evidence_text.hpp>

#include "support/some_claims.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <string>

namespace {

using namespace enfilade;
using nlohmann::json;
using test::filled_register;

evidence_report genuine() {
  evidence_report report;
  report.steps.pass("signature");
  report.says = claims{"sev-snp", {{"measurement", filled_register(1)}}};
  report.besides.emplace_back("report data", "0011");
  return report;
}

evidence_report failed(errc code) {
  evidence_report report;
  report.steps.fail("chain", {code, "chain.rule"});
  return report;
}

TEST_SUITE("verify/evidence_text") {
  TEST_CASE("a report is the steps, what is said, and the outcome in the last line") {
    CHECK(evidence_text(genuine()) ==
          "  signature  passed\n"
          "\n"
          "  attester     sev-snp\n"
          "  register     measurement  0101\n"
          "  strength     signatures\n"
          "  judged at    1970-01-01T00:00:00Z\n"
          "  report data  0011\n"
          "\n"
          "verified\n");
    CHECK(evidence_text(failed(errc::attest_expired)) ==
          "  chain  FAILED   attest.expired chain.rule\n"
          "\n"
          "refused: chain.rule: a certificate or a list of revocations is no longer valid\n");
  }

  TEST_CASE("what differs from expectations stands in the last line") {
    evidence_report report = genuine();
    report.steps.fail("expectations", {errc::attest_measurement_mismatch, "expectations.unmet"});
    report.detail = "measurement: expected 0202, found 0101";
    CHECK(evidence_text(report).ends_with(
        "\nrefused: expectations.unmet: the peer is not the program that was expected "
        "(measurement: expected 0202, found 0101)\n"));
    const json document = json::parse(evidence_json(report));
    CHECK(document.at("error").at("detail") == report.detail);
    CHECK(document.at("claims").at("registers").at("measurement") == "0101");
  }

  TEST_CASE("what is not proven is said to be so") {
    evidence_report report = genuine();
    report.unproven = {{"plan", filled_register(7)}};
    const std::string text = evidence_text(report);
    CHECK(text.find("not proven here") != text.npos);
    CHECK(text.find("  plan         0707\n") != text.npos);
    const json document = json::parse(evidence_json(report));
    CHECK(document.at("unproven") == json{{"plan", "0707"}});
    CHECK_FALSE(document.at("claims").at("registers").contains("plan"));
  }

  TEST_CASE("a long text is cut for people and whole for programs") {
    evidence_report report = genuine();
    report.besides = {{"user data", std::string(2048, 'f')}};
    const std::string text = evidence_text(report);
    CHECK(text.find("  user data    " + std::string(125, 'f') + "...\n") != text.npos);
    CHECK(json::parse(evidence_json(report)).at("besides").at("user data") ==
          std::string(2048, 'f'));
  }

  TEST_CASE("no byte of evidence moves a cursor or makes the JSON invalid") {
    evidence_report report = genuine();
    report.besides = {{"driver", "550\x1b[2J\xff\n90"}};
    const std::string text = evidence_text(report);
    CHECK(text.find('\x1b') == text.npos);
    CHECK(text.find("550?[2J") != text.npos);
    CHECK(json::parse(evidence_json(report)).at("outcome") == "verified");
  }

  TEST_CASE("outcome and exit code follow from the error") {
    CHECK(exit_code_of(genuine()) == 0);
    CHECK(json::parse(evidence_json(genuine())).at("error").is_null());
    const auto check = [](errc code, int exit_code, const char* outcome) {
      const evidence_report report = failed(code);
      CHECK(exit_code_of(report) == exit_code);
      const json document = json::parse(evidence_json(report));
      CHECK(document.at("outcome") == outcome);
      CHECK(document.at("error").at("exit_code") == exit_code);
      CHECK(document.at("error").at("rule") == "chain.rule");
      CHECK(document.at("error").at("code") == facts_of_error(code).name);
      CHECK(document.at("claims").is_null());
    };
    check(errc::attest_expired, 10, "refused");
    check(errc::attest_endorsement_missing, 10, "refused");
    check(errc::attest_malformed, 30, "malformed");
    check(errc::attest_unsupported_format, 20, "unsupported");
    CHECK(exit_code_of(evidence_report{}) == 1);  // that would be a defect of this program
  }

  TEST_CASE("the JSON is one line of ASCII") {
    evidence_report report = genuine();
    report.besides = {{"driver", "\xC3\xA9"}};
    const std::string text = evidence_json(report);
    CHECK(text.find('\n') == text.size() - 1);
    CHECK(text.find("\\u00e9") != text.npos);
  }
}

}  // namespace
