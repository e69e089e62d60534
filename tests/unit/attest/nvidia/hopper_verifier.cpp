// SPDX-License-Identifier: Apache-2.0
//
// Each rule by itself, with reports of a GPU that the tests made; those of NVIDIA's are in
// tests/conformance/hopper_evidence.cpp.
#include <enfilade/attest/nvidia/hopper_verifier.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/hopper_maker.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using std::chrono::sys_seconds;
using test::bytes;
using test::hopper_maker;

constexpr sys_seconds in_2024 = std::chrono::sys_days{std::chrono::year{2024} / 6 / 1};

const bytes& kind_of_maker() {
  static const bytes name = test::name("kind");
  return name;
}

std::span<const std::byte, 32> nonce_of(const bytes& nonce) {
  return std::span<const std::byte, 32>{nonce};
}

hopper_verification verified(const hopper_maker& maker, const bytes& report,
                             sys_seconds now = in_2024) {
  return detail::hopper_verifier{maker.root, kind_of_maker(), now}.verify(
      report, maker.path(), nonce_of(maker.fields.nonce), x509_signature_check{});
}

std::string answer(const hopper_verification& found) {
  CHECK(found.claims.has_value() == found.steps.accepted());
  CHECK(found.steps.steps().size() == 8);
  const auto failed = found.steps.failure();
  return failed ? std::string{failed->name} + ": " + std::string{failed->reason} : "accepted";
}
std::string answer(const hopper_maker& maker) { return answer(verified(maker, maker.report())); }

/// What becomes of a report after `spoil` has had the maker.
template <class Spoil>
std::string answer_with(Spoil spoil) {
  hopper_maker maker;
  spoil(maker);
  maker.issue();
  return answer(maker);
}

TEST_SUITE("attest/hopper_verifier") {
  TEST_CASE("a good report is accepted under its root and no other") {
    const hopper_maker maker;
    CHECK(answer(maker) == "accepted");
    const bytes report = maker.report();
    hopper_maker stranger;
    stranger.certificates = maker.certificates;
    // The names are the same; the signature is not the stranger's.
    CHECK(answer(verified(stranger, report)) == "chain: x509.signature");
    const auto of_nvidia =
        verify_hopper(report, maker.path(), nonce_of(maker.fields.nonce), in_2024);
    CHECK(answer(of_nvidia) == "chain: chain.issuer_name");
    CHECK(of_nvidia.steps.failure()->code == errc::attest_chain_invalid);
  }

  TEST_CASE("the claims are those of the report") {
    hopper_maker maker;
    maker.fields.with_blocks(test::hopper_fields::all_blocks(3));
    const auto found = verified(maker, maker.report());
    REQUIRE(found.claims.has_value());
    CHECK(found.claims->measurements[2] == *Measurement::from(bytes(48, std::byte{3})));
    CHECK(found.claims->measurements[3] == Measurement{});
    CHECK(found.claims->driver_version == "550.90.07");
    CHECK(found.claims->vbios_version == "96.00.9f.00.01");
    CHECK(found.claims->firmware_id == *Measurement::from(bytes(48, std::byte{0xF1})));
    CHECK(found.claims->chip_serial.hex() == "4143");
    CHECK(found.claims->chip_sku == "882");
    CHECK(found.claims->project == "1010");
    CHECK(found.claims->project_sku == "0200");
    CHECK(found.claims->nvdec0_enabled == false);
    CHECK(found.claims->protected_pcie == true);
    CHECK(found.claims->valid_until == std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} - 1s);
  }

  TEST_CASE("what a report does not say is not claimed") {
    hopper_maker maker;
    for (const unsigned type : {11U, 15U, 17U, 18U, 21U}) maker.fields.drop(type);
    const auto found = verified(maker, maker.report());
    REQUIRE(found.claims.has_value());
    CHECK(found.claims->chip_sku.empty());
    CHECK(found.claims->project.empty());
    CHECK(found.claims->project_sku.empty());
    CHECK_FALSE(found.claims->nvdec0_enabled.has_value());
    CHECK_FALSE(found.claims->protected_pcie.has_value());
  }

  TEST_CASE("what is not looked at is said") {
    const hopper_maker maker;
    const auto found = verified(maker, maker.report());
    CHECK(found.steps.find("revocation")->outcome == step_outcome::skipped);
    CHECK(found.steps.find("measurements")->outcome == step_outcome::skipped);
    for (const char* name : {"size", "report", "nonce", "chain", "device", "signature"})
      CHECK(found.steps.find(name)->outcome == step_outcome::passed);
  }

  TEST_CASE("a report has 1 byte to 8 KiB, and is one") {
    const hopper_maker maker;
    CHECK(answer(verified(maker, {})) == "size: hopper.size");
    CHECK(answer(verified(maker, bytes(8193))) == "size: hopper.size");
    CHECK(answer(verified(maker, bytes(8192))) == "report: hopper.request_version");
  }

  TEST_CASE("the nonce is the one that was asked with") {
    const hopper_maker maker;
    const bytes report = maker.report();
    for (const std::size_t at : {0U, 31U}) {
      hopper_maker other = maker;
      other.fields.nonce[at] ^= std::byte{1};
      const auto found = verified(other, report);
      CHECK(answer(found) == "nonce: hopper.nonce");
      CHECK(found.steps.failure()->code == errc::attest_binding_mismatch);
    }
    // That of the device is no substitute.
    hopper_maker other = maker;
    other.fields.nonce = maker.fields.device_nonce;
    CHECK(answer(verified(other, report)) == "nonce: hopper.nonce");
  }

  TEST_CASE("each certificate is valid, may do what it does, and is signed") {
    CHECK(answer_with([](hopper_maker&) {}) == "accepted");
    CHECK(answer_with([](hopper_maker& m) {
            m.leaf_fields.not_after = test::utc_time("240531235959Z");
          }) == "chain: chain.expired");
    CHECK(answer_with([](hopper_maker& m) {
            m.kind_fields.not_before = test::utc_time("240601000001Z");
          }) == "chain: chain.not_yet_valid");
    CHECK(answer_with([](hopper_maker& m) { m.leaf_fields.issuer = test::name("kind"); }) ==
          "chain: chain.issuer_name");
    CHECK(answer_with([](hopper_maker& m) {
            m.chip_fields.extensions = {test::signs_certificates_and_lists()};
          }) == "chain: chain.not_an_authority");
    CHECK(answer_with([](hopper_maker& m) {
            m.leaf_fields.extensions = {test::usage("03020106")};
          }) == "chain: chain.leaf_key_usage");
    hopper_maker maker;
    maker.certificates.erase(maker.certificates.begin());
    CHECK(answer(maker) == "chain: chain.leaf_is_authority");
    maker.certificates.clear();
    CHECK(answer(maker) == "chain: chain.empty");
    maker.issue();
    maker.certificates.push_back(maker.root);
    CHECK(answer(maker) == "accepted");  // the root may be given, and is then dropped
  }

  TEST_CASE("the device is a chip of the kind, and not another one under the same root") {
    const auto code_with = [](auto spoil) {
      hopper_maker maker;
      spoil(maker);
      maker.issue();
      return verified(maker, maker.report()).steps.failure()->code;
    };
    const auto other_kind = [](hopper_maker& m) {
      m.kind_fields.subject = test::name("switch");
      m.chip_fields.issuer = test::name("switch");
    };
    CHECK(answer_with(other_kind) == "device: hopper.other_device");
    CHECK(code_with(other_kind) == errc::attest_unsupported_format);
    // A certificate that the kind's authority issued itself has no chip above it.
    hopper_maker maker;
    maker.leaf_fields.issuer = test::name("root");
    maker.certificates = {maker.leaf_fields.signed_by(maker.root_key())};
    CHECK(answer(maker) == "device: hopper.chain_short");
  }

  TEST_CASE("the certificate is that of the firmware which reports") {
    const auto with = [](const std::vector<bytes>& extensions) {
      hopper_maker maker;
      maker.leaf_fields.extensions = extensions;
      maker.issue();
      const auto found = verified(maker, maker.report());
      if (const auto failed = found.steps.failure(); failed && failed->name == "device")
        CHECK(failed->code == (failed->reason == "hopper.certificate_firmware_id"
                                   ? errc::attest_malformed
                                   : errc::attest_chain_invalid));
      return answer(found);
    };
    const auto of = [&](const bytes& value) {
      return with({test::signs_documents(), test::extension("678105050401", value)});
    };
    CHECK(of(test::device_id()) == "accepted");
    CHECK(with({test::signs_documents()}) == "device: hopper.certificate_firmware_id_missing");
    CHECK(of(test::device_id(bytes(48, std::byte{0xF2}))) == "device: hopper.other_firmware");

    const std::string malformed = "device: hopper.certificate_firmware_id";
    CHECK(of(test::device_id(bytes(47, std::byte{0xF1}))) == malformed);
    CHECK(of(test::device_id(bytes(48, std::byte{0xF1}), "0609608648016503040201")) == malformed);
    CHECK(of(test::device_id(bytes(48, std::byte{0xF1}), "0609608648016503040202", 2)) ==
          malformed);
    CHECK(of({}) == malformed);
    CHECK(of(test::hex("3000")) == malformed);
    CHECK(of(test::hex("3003020101")) == malformed);
    CHECK(of(test::hex("30050201013000")) == malformed);
    CHECK(of(test::joined({test::device_id(), test::hex("0500")})) == malformed);
    const bytes digest = test::joined({test::hex("0430"), bytes(48, std::byte{0xF1})});
    const bytes sha384 = test::hex("0609608648016503040202");
    const auto spelled = [&](const bytes& firmware, const bytes& behind) {
      return of(test::der(0x30, {test::integer(1), test::hex("3000"), firmware, behind}));
    };
    CHECK(spelled(test::der(0x30, {sha384, digest}), {}) == "accepted");
    CHECK(spelled(test::der(0x30, {sha384, digest}), test::hex("0500")) == malformed);
    CHECK(spelled(test::der(0x30, {sha384, digest, test::hex("0500")}), {}) == malformed);
    CHECK(spelled(test::der(0x30, {digest}), {}) == malformed);
    CHECK(spelled(test::der(0x31, {sha384, digest}), {}) == malformed);
  }

  TEST_CASE("the certificate's key is the one that signed") {
    hopper_maker maker;
    const hopper_maker other;
    maker.leaf_fields.key_info = other.leaf_fields.key_info;
    maker.issue();
    const auto found = verified(maker, maker.report());
    CHECK(answer(found) == "signature: hopper.signature");
    CHECK(found.steps.failure()->code == errc::attest_bad_signature);
    // A key of another curve signs nothing here.
    maker.leaf_fields.key_info = test::hex(
        "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f27703"
        "7d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51"
        "f5");
    maker.issue();
    CHECK(answer(maker) == "signature: hopper.signature");
  }

  TEST_CASE("request and response are signed, the nonces and every field") {
    const hopper_maker maker;
    const bytes report = maker.report();
    for (const std::size_t at : {52U, 37U + 8 + 64 * 55, 37U + 8 + 64 * 55 + 34 + 4}) {
      CAPTURE(at);
      bytes changed = report;
      changed[at] ^= std::byte{1};
      CHECK(answer(verified(maker, changed)) == "signature: hopper.signature");
    }
  }

  TEST_CASE("nothing is computed with before everything cheap was looked at") {
    const hopper_maker maker;
    int signatures = 0;
    const auto counted = [&](const x509_certificate&, x509_algorithm, detail::byte_span,
                             detail::byte_span) -> judged<void> {
      ++signatures;
      return {};
    };
    const auto look = [&](const bytes& nonce, sys_seconds now) {
      signatures = 0;
      return answer(detail::hopper_verifier{maker.root, kind_of_maker(), now}.verify(
          maker.report(), maker.path(), nonce_of(nonce), counted));
    };
    CHECK(look(maker.fields.nonce, in_2024) == "accepted");
    CHECK(signatures == 3);
    CHECK(look(bytes(32), in_2024) == "nonce: hopper.nonce");
    CHECK(signatures == 0);
    CHECK(look(maker.fields.nonce, in_2024 + 24h * 365) == "chain: chain.expired");
    CHECK(signatures == 0);
  }

  TEST_CASE("known signatures are not computed twice") {
    const hopper_maker maker;
    known_signatures known;
    const auto made = [&] {
      remembering_check check{&known};
      const auto found = detail::hopper_verifier{maker.root, kind_of_maker(), in_2024}.verify(
          maker.report(), maker.path(), nonce_of(maker.fields.nonce), check);
      CHECK(answer(found) == "accepted");
      return check.made();
    };
    CHECK(made() == 3);
    CHECK(made() == 0);
  }
}

}  // namespace
