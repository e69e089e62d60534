// SPDX-License-Identifier: Apache-2.0
//
// Reports that two real H100s made, with their certificates, and chains with something missing. What
// the fields must be says hopperAttestationReport-claims.txt beside them, which is not ours.
#include <enfilade/attest/nvidia/hopper_verifier.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/campaign.hpp"
#include "support/evidence_files.hpp"
#include "support/refusal_text.hpp"
#include "support/test_data.hpp"

namespace {

using namespace enfilade;
using nlohmann::json;
using std::chrono::sys_seconds;
using bytes = std::vector<std::byte>;

constexpr sys_seconds today = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21};

std::optional<std::filesystem::path> folder() {
  const auto data = test::data_directory("NVIDIA evidence");
  if (!data) return std::nullopt;
  return *data / "attestation" / "nvidia" / "trustee";
}

/// A report and the certificates that were given with it.
struct evidence {
  bytes report;
  std::vector<bytes> certificates;

  std::vector<detail::byte_span> path() const { return {certificates.begin(), certificates.end()}; }
  /// That of the request, as whoever asked knows it.
  bytes nonce() const { return {report.begin() + 4, report.begin() + 36}; }
};

evidence read_evidence(const std::filesystem::path& from, std::string_view report,
                       std::string_view certificates) {
  std::string text = test::read_file(from / report);
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  return {*detail::from_hex(text), test::pem_certificates(test::read_file(from / certificates))};
}

std::optional<evidence> the_first(std::string_view certificates = "hopper_cert_chain_case1.txt") {
  const auto from = folder();
  if (!from) return std::nullopt;
  return read_evidence(*from, "hopperAttestationReport.txt", certificates);
}
std::optional<evidence> the_second() {
  const auto from = folder();
  if (!from) return std::nullopt;
  return read_evidence(*from, "hopper_coco_report1.txt", "hopper_coco_certs1.txt");
}

hopper_verification verified(const evidence& given, sys_seconds now = today,
                             known_signatures* known = nullptr) {
  const bytes nonce = given.nonce();
  return verify_hopper(given.report, given.path(), std::span<const std::byte, 32>{nonce}, now,
                       known);
}

/// Where it was refused and why: "chain: chain.expired"; empty where it was accepted.
std::string refusal_of(const hopper_verification& found) {
  CHECK(found.claims.has_value() == found.steps.accepted());
  CHECK(found.steps.steps().size() == 8);
  const auto failed = found.steps.failure();
  if (!failed) return "";
  return std::string{failed->name} + ": " + std::string{failed->reason};
}

TEST_SUITE("conformance/hopper_evidence") {
  TEST_CASE("the report of the first GPU is genuine and says what it is known to say") {
    const auto given = the_first();
    if (!given) return;
    const json expected =
        json::parse(test::read_file(*folder() / "hopperAttestationReport-claims.txt"));
    const json& config = expected.at("config");
    const auto found = verified(*given);
    CHECK(refusal_of(found) == "");
    REQUIRE(found.claims.has_value());
    const hopper_claims& claims = *found.claims;
    CHECK(expected.at("measurements").size() == claims.measurements.size());
    for (std::size_t i = 0; i != claims.measurements.size(); ++i)
      CHECK(claims.measurements[i].hex() ==
            expected.at("measurements").at(std::to_string(i + 1)).get<std::string>());
    CHECK(claims.driver_version == config.at("driver_version").get<std::string>());
    CHECK(claims.vbios_version == config.at("vbios_version").get<std::string>());
    CHECK(claims.firmware_id.hex() == config.at("fwid").get<std::string>());
    CHECK(claims.chip_sku == config.at("chip_sku").get<std::string>());
    CHECK(claims.project == config.at("project").get<std::string>());
    CHECK(claims.project_sku == config.at("project_sku").get<std::string>());
    // "U" is 55, which means off.
    CHECK(claims.nvdec0_enabled == (config.at("nvdec0_status") != "U"));
    CHECK(claims.protected_pcie == (config.at("protected_pcie_status") != "U"));
    CHECK(claims.chip_serial.hex() == "41431d480fe5e87274");
    CHECK(claims.valid_until ==
          std::chrono::sys_days{std::chrono::year{10000} / 1 / 1} - std::chrono::seconds{1});

    const auto report = read_hopper_report(given->report);
    REQUIRE(report.has_value());
    CHECK(report->text(hopper_field::chip_sku_mod) == config.at("chip_sku_mod").get<std::string>());
    for (const auto& [field, name] : {std::pair{hopper_field::board_id, "board_id"},
                                      {hopper_field::cpr_info, "cpr_info"},
                                      {hopper_field::gpu_info, "gpu_info"},
                                      {hopper_field::project_sku_mod, "project_sku_mod"}})
      CHECK(detail::to_hex(report->field(field).value()) == config.at(name).get<std::string>());
    const detail::byte_span counts = report->field(hopper_field::measurement_counts).value();
    for (std::size_t i = 0; i != hopper_report::measurements; ++i)
      CHECK(detail::load_le<std::uint32_t>(counts.data() + 4 * i) ==
            config.at("measurement_count").at(std::to_string(i + 1)).get<std::uint32_t>());
  }

  TEST_CASE("the report of the second GPU is genuine, and ends before its buffer does") {
    auto given = the_second();
    if (!given) return;
    const auto found = verified(*given);
    CHECK(refusal_of(found) == "");
    REQUIRE(found.claims.has_value());
    CHECK(found.claims->driver_version == "580.95.05");
    CHECK(found.claims->vbios_version == "96.00.74.00.1a");
    CHECK(found.claims->chip_serial.hex() == "41d1a9a24f202cb2b5");

    const auto report = read_hopper_report(given->report);
    REQUIRE(report.has_value());
    CHECK(given->report.size() == report->signed_part.size() + report->signature.size() + 1);
    CHECK(report->field(hopper_field::opaque_version).has_value());
    CHECK(report->field(hopper_field::feature_flag).has_value());
    REQUIRE(given->report.back() == std::byte{0});
    given->report.back() = std::byte{1};
    CHECK(refusal_of(verified(*given)) == "report: hopper.trailing_bytes");
    given->report.pop_back();
    CHECK(refusal_of(verified(*given)) == "");
  }

  TEST_CASE("what is looked at, in order, and what is not") {
    const auto given = the_first();
    if (!given) return;
    std::vector<std::string_view> names;
    const auto found = verified(*given);
    for (const verdict_step& step : found.steps.steps()) {
      names.push_back(step.name);
      const bool asked = step.name != "revocation" && step.name != "measurements";
      CHECK(step.outcome == (asked ? step_outcome::passed : step_outcome::skipped));
    }
    CHECK(names == std::vector<std::string_view>{"size", "report", "nonce", "chain", "revocation",
                                                 "device", "signature", "measurements"});
  }

  TEST_CASE("chains with something missing are refused") {
    const auto refused = [](std::string_view file) {
      const auto given = the_first(file);
      if (!given) return std::string{"skipped"};
      const auto found = verified(*given);
      CHECK(found.steps.failure()->code == errc::attest_chain_invalid);
      return refusal_of(found);
    };
    if (!folder()) return;
    CHECK(refused("hopper_cert_chain_case2.txt") == "chain: chain.root_alone");
    CHECK(refused("hopper_cert_chain_case3.txt") == "chain: chain.issuer_name");
    // The leaf is missing: it begins with the chip, which signs certificates and no reports.
    CHECK(refused("hopper_cert_chain_case4.txt") == "chain: chain.leaf_is_authority");
  }

  TEST_CASE("any one certificate may not be missing, but for the root, which we have") {
    const auto whole = the_first();
    if (!whole) return;
    REQUIRE(whole->certificates.size() == 5);
    for (std::size_t missing = 0; missing != 5; ++missing) {
      CAPTURE(missing);
      evidence given = *whole;
      given.certificates.erase(given.certificates.begin() + static_cast<std::ptrdiff_t>(missing));
      CHECK(refusal_of(verified(given)) == (missing == 4   ? ""
                                            : missing == 0 ? "chain: chain.leaf_is_authority"
                                                           : "chain: chain.issuer_name"));
    }
    evidence backwards = *whole;
    std::ranges::reverse(backwards.certificates);
    CHECK(refusal_of(verified(backwards)) == "chain: chain.another_root");
  }

  TEST_CASE("the certificates of one GPU are not those of the other") {
    const auto first = the_first();
    const auto second = the_second();
    if (!first || !second) return;
    CHECK(refusal_of(verified({first->report, second->certificates})) ==
          "device: hopper.other_firmware");
    CHECK(refusal_of(verified({second->report, first->certificates})) ==
          "device: hopper.other_firmware");
  }

  TEST_CASE("a report answers the nonce that it was asked with and no other") {
    const auto first = the_first();
    const auto second = the_second();
    if (!first || !second) return;
    const bytes nonce = second->nonce();
    const auto found =
        verify_hopper(first->report, first->path(), std::span<const std::byte, 32>{nonce}, today);
    CHECK(refusal_of(found) == "nonce: hopper.nonce");
    CHECK(found.steps.failure()->code == errc::attest_binding_mismatch);
  }

  TEST_CASE("the certificates begin in March 2022 and never end") {
    using namespace std::chrono_literals;
    const auto given = the_first();
    if (!given) return;
    const sys_seconds first = std::chrono::sys_days{std::chrono::year{2022} / 3 / 1};
    const sys_seconds last = std::chrono::sys_days{std::chrono::year{10000} / 1 / 1} - 1s;
    CHECK(refusal_of(verified(*given, first - 1s)) == "chain: chain.not_yet_valid");
    CHECK(refusal_of(verified(*given, first)) == "");
    CHECK(refusal_of(verified(*given, last)) == "");
    CHECK(refusal_of(verified(*given, last + 1s)) == "chain: chain.expired");
  }

  TEST_CASE("every truncation is refused by name") {
    const auto given = the_first();
    if (!given) return;
    const bytes nonce = given->nonce();
    for (std::size_t size = 0; size != given->report.size(); ++size) {
      CAPTURE(size);
      const auto found = verify_hopper(std::span{given->report}.first(size), given->path(),
                                       std::span<const std::byte, 32>{nonce}, today);
      CHECK(refusal_of(found) == (size == 0 ? "size: hopper.size" : "report: hopper.truncated"));
      CHECK(found.steps.failure()->code == errc::attest_malformed);
    }
  }

  TEST_CASE("no bit of a report can be flipped") {
    auto given = the_first();
    if (!given) return;
    test::campaign campaign{"attest.hopper_bits"};
    const std::size_t bits = 8 * given->report.size();
    const std::uint64_t count = test::effort(bits / 16, bits);
    std::mt19937_64 random{campaign.seed()};
    known_signatures known;
    const bytes nonce = given->nonce();  // that of the unchanged one
    const auto verify = [&] {
      return verify_hopper(given->report, given->path(), std::span<const std::byte, 32>{nonce},
                           today, &known);
    };
    REQUIRE(verify().steps.accepted());
    REQUIRE(known.size() == 4);
    std::map<std::string_view, std::uint64_t> refused_at;
    for (std::uint64_t i = 0; i != count; ++i) {
      const auto bit = static_cast<std::size_t>(count == bits ? i : random() % bits);
      CAPTURE(bit);
      const std::byte flipped = std::byte{1} << (bit % 8);
      given->report[bit / 8] ^= flipped;
      campaign.tried();
      const auto found = verify();
      CHECK_FALSE(found.steps.accepted());
      CHECK_FALSE(found.claims.has_value());
      if (const auto failed = found.steps.failure()) {
        campaign.refused();
        ++refused_at[failed->name];
      }
      given->report[bit / 8] ^= flipped;
    }
    CHECK(campaign.refusals() == count);
    CHECK(refused_at["signature"] > refused_at["report"]);
    CHECK(refused_at["report"] > 0);
    CHECK(refused_at["chain"] == 0);
  }

  TEST_CASE("no bit of the firmware's certificate can be flipped") {
    auto given = the_first();
    if (!given) return;
    test::campaign campaign{"attest.hopper_certificate_bits"};
    bytes& leaf = given->certificates.front();
    const std::size_t bits = 8 * leaf.size();
    const std::uint64_t count = test::effort(bits / 16, bits);
    std::mt19937_64 random{campaign.seed()};
    known_signatures known;
    REQUIRE(verified(*given, today, &known).steps.accepted());
    for (std::uint64_t i = 0; i != count; ++i) {
      const auto bit = static_cast<std::size_t>(count == bits ? i : random() % bits);
      CAPTURE(bit);
      const std::byte flipped = std::byte{1} << (bit % 8);
      leaf[bit / 8] ^= flipped;
      campaign.tried();
      const auto found = verified(*given, today, &known);
      CHECK_FALSE(found.steps.accepted());
      if (const auto failed = found.steps.failure(); failed && failed->name == "chain")
        campaign.refused();
      leaf[bit / 8] ^= flipped;
    }
    CHECK(campaign.refusals() == count);
  }
}

}  // namespace
