// SPDX-License-Identifier: Apache-2.0
//
// Each rule by itself, with quotes and collateral of a maker that the tests made; those of Intel are
// in tests/conformance/tdx_evidence.cpp.
#include <enfilade/attest/tdx/tdx_verifier.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/refusal_text.hpp"
#include "support/tdx_maker.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year;
using test::bytes;
using test::hex;
using test::tdx_maker;

// Within all that the maker makes.
constexpr sys_seconds june = sys_days{year{2024} / 6 / 15};

tdx_verification verified(const tdx_maker& maker, const bytes& quote, const tdx_endorsements* given,
                          sys_seconds now = june, const tdx_options& options = {}) {
  return detail::tdx_verifier{maker.root(), given, now, options}.verify(quote, remembering_check{});
}

std::string answer(const tdx_verification& found) {
  CHECK(found.claims.has_value() == found.steps.accepted());
  CHECK(found.steps.steps().size() == 14);
  const auto failed = found.steps.failure();
  return failed ? std::string{failed->name} + ": " + std::string{failed->reason} : "accepted";
}
std::string answer(const tdx_maker& maker, sys_seconds now = june,
                   const tdx_options& options = {}) {
  const tdx_endorsements given = maker.endorsements();
  return answer(verified(maker, maker.quote(), &given, now, options));
}
errc code(const tdx_maker& maker, sys_seconds now = june, const tdx_options& options = {}) {
  const tdx_endorsements given = maker.endorsements();
  return verified(maker, maker.quote(), &given, now, options).steps.failure()->code;
}
std::string answer_without(const tdx_maker& maker, sys_seconds now = june,
                           const tdx_options& options = {}) {
  return answer(verified(maker, maker.quote(), nullptr, now, options));
}

/// What becomes of a quote with collateral after `spoil` has had the maker.
template <class Spoil>
std::string answer_with(Spoil spoil) {
  tdx_maker maker;
  spoil(maker);
  maker.issue();
  return answer(maker);
}

TEST_SUITE("attest/tdx_verifier") {
  TEST_CASE("a good quote is accepted under its root and no other") {
    const tdx_maker maker;
    CHECK(answer(maker) == "accepted");
    CHECK(answer_without(maker) == "accepted");
    const tdx_endorsements given = maker.endorsements();
    const auto of_intel = verify_tdx(maker.quote(), &given, june);
    CHECK(answer(of_intel) == "chain: tdx.root");
    CHECK(of_intel.steps.failure()->code == errc::attest_chain_invalid);
    CHECK(answer(verified(tdx_maker{}, maker.quote(), &given)) == "chain: tdx.root");
  }

  TEST_CASE("what is looked at, in order") {
    const tdx_maker maker;
    const tdx_endorsements given = maker.endorsements();
    std::string names;
    for (const verdict_step& step : verified(maker, maker.quote(), &given).steps.steps()) {
      names += std::string{step.name} + " ";
      CHECK(step.outcome == step_outcome::passed);
    }
    CHECK(names ==
          "size quote debug attributes dates qe_identity module qe_binding chain qe_signature "
          "quote_signature collateral revocation tcb ");
  }

  TEST_CASE("without collateral it is another strength, which says so") {
    const tdx_maker maker;
    const auto found = verified(maker, maker.quote(), nullptr);
    CHECK(answer(found) == "accepted");
    REQUIRE(found.claims.has_value());
    CHECK(found.claims->strength == tdx_strength::signatures);
    CHECK_FALSE(found.claims->tcb.has_value());
    CHECK_FALSE(found.claims->evaluation_number.has_value());
    CHECK(found.claims->valid_until == sys_days{year{2025} / 1 / 1} - 1s);
    for (const char* name : {"dates", "collateral", "revocation", "tcb"}) {
      CHECK(found.steps.find(name)->outcome == step_outcome::skipped);
      CHECK(found.steps.find(name)->reason == "no collateral was given");
    }
    CHECK(answer_without(maker, june, {.require_collateral = true}) == "dates: tdx.no_collateral");
    CHECK(verified(maker, maker.quote(), nullptr, june, {.require_collateral = true})
              .steps.failure()
              ->code == errc::attest_endorsement_missing);
  }

  TEST_CASE("the claims are those of the quote, the certificate and the collateral") {
    tdx_maker maker;
    maker.platform.ppid =
        test::pck_attributes::octets("01", hex("000102030405060708090a0b0c0d0e0f"));
    maker.issue();
    maker.become_tdx_15();
    const tdx_endorsements given = maker.endorsements();
    const auto found = verified(maker, maker.quote(), &given);
    REQUIRE(found.claims.has_value());
    const tdx_claims& claims = *found.claims;
    CHECK(claims.quote_version == 5);
    const auto filled = [](int with) { return Measurement::from(bytes(48, std::byte(with))); };
    CHECK(claims.mrseam == *filled(0x0F));
    CHECK(claims.mrsignerseam == *filled(0));
    CHECK(claims.mrtd == *filled(0x10));
    CHECK(claims.mrconfigid == *filled(0x11));
    CHECK(claims.mrowner == *filled(0x12));
    CHECK(claims.mrownerconfig == *filled(0x13));
    for (std::size_t i = 0; i != 4; ++i) CHECK(claims.rtmrs[i] == *filled(0x14 + int(i)));
    CHECK(claims.mrservicetd == *filled(0x77));
    CHECK(claims.report_data[0] == std::byte{0x18});
    CHECK(claims.td_attributes == 0x10000000);
    CHECK(claims.seam_attributes == 0);
    CHECK(claims.xfam == 0x602E7);
    CHECK_FALSE(claims.debug);
    CHECK(detail::to_hex(claims.tee_tcb_svn) == "05010300000000000000000000000000");
    CHECK(detail::to_hex(*claims.tee_tcb_svn2) == "06010300000000000000000000000000");
    CHECK(detail::to_hex(claims.fmspc) == "b0c06f000000");
    CHECK(detail::to_hex(claims.ppid) == "000102030405060708090a0b0c0d0e0f");
    CHECK(claims.strength == tdx_strength::collateral);
    CHECK(claims.tcb->status == tdx_tcb_status::up_to_date);
    CHECK(claims.tcb->advisories.empty());
    CHECK(claims.evaluation_number == 16);
  }

  TEST_CASE("claims are good until the first of all ends") {
    const auto until = [](auto spoil) {
      tdx_maker maker;
      maker.tcb_info["nextUpdate"] = "2024-08-01T00:00:00Z";
      maker.qe_identity["nextUpdate"] = "2024-08-01T00:00:00Z";
      maker.pck_list.next_update = maker.root_list.next_update = test::utc_time("240801000000Z");
      spoil(maker);
      maker.issue();
      const tdx_endorsements given = maker.endorsements();
      const auto found = verified(maker, maker.quote(), &given);
      CHECK(answer(found) == "accepted");
      return found.claims ? found.claims->valid_until : sys_seconds{};
    };
    const sys_seconds july = sys_days{year{2024} / 7 / 1};
    const bytes july_der = test::utc_time("240701000000Z");
    CHECK(until([](tdx_maker&) {}) == sys_days{year{2024} / 8 / 1});
    CHECK(until([](tdx_maker& m) { m.tcb_info["nextUpdate"] = "2024-07-01T00:00:00Z"; }) == july);
    CHECK(until([](tdx_maker& m) { m.qe_identity["nextUpdate"] = "2024-07-01T00:00:00Z"; }) ==
          july);
    CHECK(until([&](tdx_maker& m) { m.pck_list.next_update = july_der; }) == july);
    CHECK(until([&](tdx_maker& m) { m.root_list.next_update = july_der; }) == july);
    for (auto fields : {&tdx_maker::root_fields, &tdx_maker::authority_fields,
                        &tdx_maker::pck_fields, &tdx_maker::signer_fields})
      CHECK(until([&](tdx_maker& m) { (m.*fields).not_after = july_der; }) == july);
  }

  TEST_CASE("a quote has at most 16 KiB") {
    const tdx_maker maker;
    CHECK(answer(verified(maker, {}, nullptr)) == "size: tdx.size");
    CHECK(answer(verified(maker, bytes(16 * 1024 + 1), nullptr)) == "size: tdx.size");
    CHECK(answer(verified(maker, bytes(16 * 1024), nullptr)) == "quote: quote.version");
  }

  TEST_CASE("bytes behind the quote are refused where they are not wanted") {
    tdx_maker maker;
    CHECK(answer(maker, june, {.allow_trailing_bytes = false}) == "accepted");
    maker.trailing = bytes(1);
    CHECK(answer(maker) == "accepted");
    CHECK(answer(maker, june, {.allow_trailing_bytes = false}) == "quote: tdx.trailing_bytes");
  }

  TEST_CASE("debug mode is refused unless it is allowed, and then said") {
    tdx_maker maker;
    maker.body[tdx_maker::td_attributes] = std::byte{1};
    CHECK(answer(maker) == "debug: tdx.debug");
    CHECK(code(maker) == errc::attest_debug_enabled);
    const auto found = verified(maker, maker.quote(), nullptr, june, {.allow_debug = true});
    CHECK(answer(found) == "accepted");
    CHECK(found.claims->debug);
    CHECK(found.steps.find("debug")->outcome == step_outcome::skipped);
  }

  TEST_CASE("attributes are those that are known, and a guest stays where it is") {
    const auto with_bit = [](unsigned bit, const tdx_options& options = {}) {
      tdx_maker maker;
      maker.body[tdx_maker::td_attributes + bit / 8] |= std::byte{1} << (bit % 8);
      return answer_without(maker, june, options);
    };
    for (unsigned bit = 1; bit != 64; ++bit) {
      CAPTURE(bit);
      const bool known = bit == 16 || (bit >= 27 && bit <= 31) || bit == 63;
      CHECK(with_bit(bit, {.allow_migration = true}) ==
            (known ? "accepted" : "attributes: tdx.attributes_reserved"));
    }
    CHECK(with_bit(29) == "attributes: tdx.migratable");
    tdx_maker maker;
    maker.body[tdx_maker::td_attributes + 3] |= std::byte{0x20};
    CHECK(code(maker) == errc::attest_guest_policy);
    // What lets the host profile a guest is not bought with debug mode.
    maker.body[tdx_maker::td_attributes] = std::byte{0x21};
    CHECK(answer_without(maker, june, {.allow_debug = true, .allow_migration = true}) ==
          "attributes: tdx.attributes_reserved");
  }

  TEST_CASE("extended features are those that are known, two of them always") {
    const auto with = [](std::uint64_t xfam) {
      tdx_maker maker;
      tdx_maker::put(maker.body, tdx_maker::xfam, test::little_endian(xfam));
      return answer_without(maker);
    };
    CHECK(with(0x3) == "accepted");
    CHECK(with(0xEDBE7) == "accepted");
    for (const std::uint64_t without : {0xEDBE6U, 0xEDBE5U, 0U})
      CHECK(with(without) == "attributes: tdx.xfam");
    for (unsigned bit = 0; bit != 64; ++bit) {
      const std::uint64_t one = std::uint64_t{1} << bit;
      CHECK(with(0xEDBE7 | one) ==
            ((0xEDBE7 & one) != 0 ? "accepted" : "attributes: tdx.xfam_reserved"));
    }
  }

  TEST_CASE("the TDX module has no attribute") {
    tdx_maker maker;
    for (std::size_t i = 0; i != 8; ++i) {
      maker.body[tdx_maker::seam_attributes + i] = std::byte{0x10};
      CHECK(answer_without(maker) == "attributes: tdx.seam_attributes");
      maker.body[tdx_maker::seam_attributes + i] = std::byte{0};
    }
  }

  TEST_CASE("collateral is used from its issue to its next update, both included") {
    tdx_maker maker;
    maker.pck_list.this_update = maker.root_list.this_update = test::utc_time("240101000000Z");
    maker.pck_list.next_update = maker.root_list.next_update = test::utc_time("241231000000Z");
    const sys_seconds second = sys_days{year{2024} / 6 / 2};
    const sys_seconds last = sys_days{year{2024} / 7 / 1};
    CHECK(answer(maker, second) == "accepted");
    CHECK(answer(maker, last) == "accepted");
    CHECK(answer(maker, last + 1s) == "dates: tcb_info.expired");
    CHECK(code(maker, last + 1s) == errc::attest_expired);
    CHECK(answer(maker, second - 1s) == "dates: qe_identity.not_yet_valid");
    CHECK(answer(maker, second - 24h - 1s) == "dates: tcb_info.not_yet_valid");
    CHECK(code(maker, second - 1s) == errc::attest_not_yet_valid);
    maker.qe_identity["nextUpdate"] = "2024-06-20T00:00:00Z";
    CHECK(answer(maker, last) == "dates: qe_identity.expired");
    CHECK(code(maker, last) == errc::attest_expired);
  }

  TEST_CASE("the quoting enclave is Intel's, with collateral and without") {
    tdx_maker maker;
    maker.qe_report[tdx_maker::qe_mrsigner] ^= std::byte{1};
    CHECK(answer(maker) == "qe_identity: qe.mrsigner");
    CHECK(answer_without(maker) == "qe_identity: qe.mrsigner");
    CHECK(code(maker) == errc::attest_measurement_mismatch);
    maker = tdx_maker{};
    maker.qe_identity["isvprodid"] = 3;
    CHECK(answer(maker) == "qe_identity: qe.isvprodid");
    CHECK(answer_without(maker) == "accepted");
  }

  TEST_CASE("the TDX module is Intel's, with collateral and without") {
    tdx_maker maker;
    maker.body[tdx_maker::mrsignerseam] = std::byte{1};
    CHECK(answer(maker) == "module: module.mrsigner");
    CHECK(answer_without(maker) == "module: module.mrsigner");
    maker = tdx_maker{};
    maker.tcb_info["tdxModuleIdentities"][0]["id"] = "TDX_02";
    CHECK(answer(maker) == "module: module.unknown");
    CHECK(answer_without(maker) == "accepted");
  }

  TEST_CASE("the quoting enclave's report is about the key that signed, whatever the rest") {
    tdx_maker maker;
    for (const bool with_collateral : {false, true}) {
      const auto look = [&] { return with_collateral ? answer(maker) : answer_without(maker); };
      maker.bound = bytes(32);
      CHECK(look() == "qe_binding: tdx.qe_binding");
      CHECK(code(maker) == errc::attest_bad_signature);
      const auto right = sha256(maker.attestation_key.point(), maker.authentication);
      maker.bound = bytes{right.begin(), right.end()};
      CHECK(look() == "accepted");
      maker.bound->push_back(std::byte{1});
      CHECK(look() == "qe_binding: tdx.qe_report_data");
      maker.bound->back() = std::byte{0};
      CHECK(look() == "accepted");
      maker.bound = std::nullopt;
    }
    // Another key of the same enclave's, or other data beside it.
    const tdx_maker other;
    const auto theirs = sha256(other.attestation_key.point(), maker.authentication);
    maker.bound = bytes{theirs.begin(), theirs.end()};
    CHECK(answer(maker) == "qe_binding: tdx.qe_binding");
    const auto without_data = sha256(maker.attestation_key.point());
    maker.bound = bytes{without_data.begin(), without_data.end()};
    CHECK(answer(maker) == "qe_binding: tdx.qe_binding");
  }

  TEST_CASE("the chain is platform, authority, root, and each does what it may") {
    using test::pem;
    const auto with = [](auto spoil) { return answer_with(spoil); };
    CHECK(with([](tdx_maker&) {}) == "accepted");
    tdx_maker maker;
    const std::string whole = maker.certificates;
    const bytes root = maker.root();
    for (const std::string& chain : {pem(maker.pck()), whole + pem(root)}) {
      maker.certificates = chain;
      CHECK(answer_without(maker) == "chain: tdx.chain_size");
    }
    maker.certificates = pem(maker.pck()) + pem(maker.pck()) + pem(root);
    CHECK(answer_without(maker) == "chain: chain.issuer_name");
    maker.certificates = whole.substr(1);
    CHECK(answer_without(maker) == "chain: pem.begin");
    maker.certificates = whole + '\0' + '\0';
    CHECK(answer_without(maker) == "chain: pem.begin");

    CHECK(with([](tdx_maker& m) { m.pck_fields.not_after = test::utc_time("240614235959Z"); }) ==
          "chain: chain.expired");
    CHECK(with([](tdx_maker& m) {
            m.authority_fields.not_before = test::utc_time("240615000001Z");
          }) == "chain: chain.not_yet_valid");
    CHECK(with([](tdx_maker& m) { m.root_fields.not_after = test::utc_time("240614235959Z"); }) ==
          "chain: chain.expired");
    CHECK(with([](tdx_maker& m) {
            m.authority_fields.extensions = {test::no_authority(), test::signs_documents()};
          }) == "chain: chain.not_an_authority");
    CHECK(with([](tdx_maker& m) { m.authority_key = test::p256_key{}; }) ==
          "chain: x509.signature");
  }

  // Whose names Intel gives to platforms and to those who certify them: its root signs others too.
  TEST_CASE("names are those that Intel gives") {
    CHECK(answer_with([](tdx_maker& m) {
            m.pck_fields.subject = test::name("Intel SGX TCB Signing");
          }) == "chain: tdx.pck_name");
    CHECK(answer_with([](tdx_maker& m) {
            m.pck_fields.issuer = m.authority_fields.subject = test::name("Intel SGX Other CA");
          }) == "chain: tdx.pck_issuer");
    CHECK(answer_with([](tdx_maker& m) {
            m.pck_fields.issuer = m.authority_fields.subject = m.pck_list.issuer =
                test::name("Intel SGX PCK Processor CA");
          }) == "accepted");
    CHECK(answer_with([](tdx_maker& m) {
            m.signer_fields.subject = test::name("Intel SGX PCK Certificate");
          }) == "collateral: tdx.signer_name");
  }

  TEST_CASE("the platform's certificate has its extension") {
    tdx_maker maker;
    maker.pck_fields.extensions = {test::no_authority(), test::signs_documents()};
    maker.certify();
    CHECK(answer_without(maker) == "chain: pck.extension_missing");
    CHECK(code(maker) == errc::attest_chain_invalid);
    maker.platform.fmspc.clear();
    maker.issue();
    CHECK(answer_without(maker) == "chain: pck.attribute");
  }

  TEST_CASE("the platform signed the quoting enclave's report") {
    tdx_maker maker;
    maker.pck_key = test::p256_key{};
    CHECK(answer(maker) == "qe_signature: tdx.qe_signature");
    CHECK(code(maker) == errc::attest_bad_signature);
    // A platform with a key of another curve signs nothing here.
    const test::signing_key p384;
    maker.pck_fields.key_info = p384.key_info();
    maker.issue();
    CHECK(answer(maker) == "qe_signature: tdx.key");
  }

  TEST_CASE("the quoting enclave signed the quote") {
    const tdx_maker maker;
    const tdx_endorsements given = maker.endorsements();
    bytes quote = maker.quote();
    quote[100] ^= std::byte{1};  // MRSEAM: nothing else looks at it
    CHECK(answer(verified(maker, quote, &given)) == "quote_signature: tdx.quote_signature");
    quote = maker.quote();
    tdx_maker::put(quote, 48 + 584 + 4, bytes(64));
    CHECK(answer(verified(maker, quote, &given)) == "quote_signature: tdx.quote_signature");
    CHECK(verified(maker, quote, &given).steps.failure()->code == errc::attest_bad_signature);
  }

  TEST_CASE("a key that is no point signs nothing, though the platform vouches for it") {
    tdx_maker maker;
    bytes quote = maker.quote();
    const bytes nowhere(64, std::byte{1});
    const auto digest = sha256(nowhere, maker.authentication);
    maker.bound = bytes{digest.begin(), digest.end()};
    quote = maker.quote();
    tdx_maker::put(quote, 48 + 584 + 4 + 64, nowhere);
    CHECK(answer(verified(maker, quote, nullptr)) == "quote_signature: tdx.quote_signature");
  }

  TEST_CASE("collateral is about this kind of platform") {
    CHECK(answer_with([](tdx_maker& m) { m.tcb_info["fmspc"] = "B0C06F000001"; }) ==
          "collateral: tdx.collateral_of_another_fmspc");
    CHECK(answer_with([](tdx_maker& m) { m.tcb_info["pceId"] = "0100"; }) ==
          "collateral: tdx.collateral_of_another_pceid");
    tdx_maker maker;
    maker.tcb_info["fmspc"] = "000000000000";
    CHECK(code(maker) == errc::attest_endorsement_missing);
  }

  TEST_CASE("collateral is signed, over its bytes as they came") {
    const tdx_maker maker;
    const tdx_endorsements good = maker.endorsements();
    const bytes quote = maker.quote();
    const auto with = [&](auto spoil) {
      tdx_endorsements given = good;
      spoil(given);
      return answer(verified(maker, quote, &given));
    };
    // The same JSON in other bytes.
    CHECK(with([](tdx_endorsements& g) { g.tcb_text.text += " "; }) ==
          "collateral: tdx.tcb_info_signature");
    CHECK(with([](tdx_endorsements& g) { g.qe_text.text += " "; }) ==
          "collateral: tdx.qe_identity_signature");
    CHECK(with([](tdx_endorsements& g) { g.tcb_text.signature[63] ^= std::byte{1}; }) ==
          "collateral: tdx.tcb_info_signature");
    CHECK(with([](tdx_endorsements& g) { g.qe_text.signature = {}; }) ==
          "collateral: tdx.qe_identity_signature");
    CHECK(with([](tdx_endorsements& g) { std::swap(g.tcb_text.signature, g.qe_text.signature); }) ==
          "collateral: tdx.tcb_info_signature");
    CHECK(with([](tdx_endorsements& g) { g.tcb_text.issuers.pop_back(); }) ==
          "collateral: tdx.collateral_of_two_signers");
    CHECK(with([](tdx_endorsements& g) {
            g.tcb_text.issuers.pop_back();
            g.qe_text.issuers.pop_back();
          }) == "accepted");
  }

  TEST_CASE("who signed collateral stands directly below the root") {
    tdx_maker maker;
    const std::string good = maker.issuers;
    const auto with = [&](const std::string& issuers) {
      maker.issuers = issuers;
      return answer(maker);
    };
    CHECK(with(good) == "accepted");
    CHECK(with(good + test::pem(maker.root())) == "collateral: tdx.signer_chain_size");
    CHECK(with(test::pem(maker.pck()) + test::pem(maker.pck())) == "collateral: tdx.signer_root");
    CHECK(with(test::pem(maker.pck())) == "collateral: chain.issuer_name");
    CHECK(with(test::pem(maker.root())) == "collateral: chain.root_alone");
    maker.issuers = good;
    maker.qe_issuers = good.substr(0, good.size() - 1);  // without its last line end
    CHECK(answer(maker) == "accepted");
    maker.qe_issuers = tdx_maker{}.issuers;
    CHECK(answer(maker) == "collateral: tdx.collateral_of_two_signers");

    CHECK(answer_with([](tdx_maker& m) {
            m.signer_fields.not_after = test::utc_time("240614235959Z");
          }) == "collateral: chain.expired");
    CHECK(answer_with([](tdx_maker& m) {
            m.signer_fields.extensions = {test::authority(), test::signs_certificates_and_lists()};
          }) == "collateral: chain.leaf_is_authority");
    CHECK(answer_with([](tdx_maker& m) { m.signer_key = test::p256_key{}; }) ==
          "collateral: tdx.tcb_info_signature");
    const test::signing_key p384;
    CHECK(answer_with([&](tdx_maker& m) { m.signer_fields.key_info = p384.key_info(); }) ==
          "collateral: tdx.key");
  }

  TEST_CASE("every certificate below the root can be revoked") {
    const auto revoking = [](std::uint64_t serial) {
      return test::der(0x30,
                       {test::der(0x30, {test::integer(serial), test::utc_time("240501000000Z")})});
    };
    const auto with = [&](auto list, std::uint64_t serial) {
      return answer_with([&](tdx_maker& m) { (m.*list).revoked = revoking(serial); });
    };
    CHECK(with(&tdx_maker::pck_list, 3) == "revocation: crl.revoked");
    CHECK(with(&tdx_maker::root_list, 2) == "revocation: crl.revoked");  // the authority
    CHECK(with(&tdx_maker::root_list, 4) == "revocation: crl.revoked");  // collateral's signer
    CHECK(with(&tdx_maker::pck_list, 4) == "accepted");
    CHECK(with(&tdx_maker::root_list, 3) == "accepted");
    tdx_maker maker;
    maker.pck_list.revoked = revoking(3);
    CHECK(code(maker) == errc::attest_revoked);
  }

  TEST_CASE("lists are those of the two issuers, of today, and signed") {
    CHECK(answer_with([](tdx_maker& m) { m.pck_list.issuer = test::name("another"); }) ==
          "revocation: tdx.pck_list_of_another_issuer");
    CHECK(answer_with([](tdx_maker& m) { m.root_list.issuer = test::name("another"); }) ==
          "revocation: tdx.root_list_of_another_issuer");
    tdx_maker maker;
    maker.root_list.issuer = test::name("Intel SGX PCK Platform CA");
    CHECK(code(maker) == errc::attest_endorsement_missing);
    for (auto list : {&tdx_maker::pck_list, &tdx_maker::root_list}) {
      CHECK(answer_with([&](tdx_maker& m) {
              (m.*list).next_update = test::utc_time("240614235959Z");
            }) == "revocation: crl.expired");
      CHECK(answer_with([&](tdx_maker& m) {
              (m.*list).this_update = test::utc_time("240615000001Z");
            }) == "revocation: crl.not_yet_valid");
    }
    tdx_endorsements given = maker.endorsements();
    const tdx_maker good;
    given = good.endorsements();
    for (auto list : {&tdx_endorsements::pck_crl, &tdx_endorsements::root_crl}) {
      tdx_endorsements spoiled = given;
      (spoiled.*list).back() ^= std::byte{1};
      CHECK(answer(verified(good, good.quote(), &spoiled)) == "revocation: x509.signature");
      (spoiled.*list).pop_back();
      CHECK(answer(verified(good, good.quote(), &spoiled)) == "revocation: der.truncated");
    }
  }

  TEST_CASE("a platform that is not up to date is refused by its status, which is told") {
    const auto found = [](const char* status, const tdx_options& options = {}) {
      tdx_maker maker;
      maker.tcb_info["tcbLevels"][0]["tcbStatus"] = status;
      maker.tcb_info["tcbLevels"][0]["advisoryIDs"] = {"INTEL-SA-00837"};
      const tdx_endorsements given = maker.endorsements();
      return verified(maker, maker.quote(), &given, june, options);
    };
    CHECK(answer(found("SWHardeningNeeded")) == "tcb: tcb.sw_hardening_needed");
    CHECK(answer(found("ConfigurationNeeded")) == "tcb: tcb.configuration_needed");
    CHECK(answer(found("ConfigurationAndSWHardeningNeeded")) ==
          "tcb: tcb.configuration_and_sw_hardening_needed");
    CHECK(answer(found("OutOfDate")) == "tcb: tcb.out_of_date");
    CHECK(answer(found("OutOfDateConfigurationNeeded")) ==
          "tcb: tcb.out_of_date_configuration_needed");
    CHECK(found("OutOfDate").steps.failure()->code == errc::attest_tcb_out_of_date);
    CHECK(answer(found("Revoked")) == "tcb: tcb.revoked");
    CHECK(found("Revoked").steps.failure()->code == errc::attest_revoked);
    REQUIRE(found("OutOfDate").tcb.has_value());
    CHECK(found("OutOfDate").tcb->status == tdx_tcb_status::out_of_date);
    CHECK(found("OutOfDate").tcb->advisories == std::vector<std::string>{"INTEL-SA-00837"});

    tdx_options options;
    options.accepted_statuses = {tdx_tcb_status::out_of_date, tdx_tcb_status::revoked};
    CHECK(answer(found("OutOfDate", options)) == "tcb: tcb.advisory");
    options.accepted_advisories = {"INTEL-SA-00837"};
    CHECK(answer(found("OutOfDate", options)) == "accepted");
    CHECK(found("OutOfDate", options).claims->tcb->status == tdx_tcb_status::out_of_date);
    CHECK(answer(found("Revoked", options)) == "tcb: tcb.revoked");      // never
    CHECK(answer(found("UpToDate", options)) == "tcb: tcb.up_to_date");  // not in the list
  }

  TEST_CASE("a platform below every level is out of date") {
    tdx_maker maker;
    maker.platform.tcb[7] = test::pck_attributes::attribute("0208", test::integer(3));
    maker.issue();
    CHECK(answer(maker) == "tcb: tcb.no_sgx_level");
    CHECK(code(maker) == errc::attest_tcb_out_of_date);
    const tdx_endorsements given = maker.endorsements();
    CHECK_FALSE(verified(maker, maker.quote(), &given).tcb.has_value());
    CHECK(answer_without(maker) == "accepted");  // nothing is known of levels
  }

  TEST_CASE("signatures that are known are not computed again, but the last") {
    const tdx_maker maker;
    const tdx_endorsements given = maker.endorsements();
    known_signatures known;
    const tdx_options options;
    const auto made = [&](const bytes& quote) {
      remembering_check check{&known};
      const auto found =
          detail::tdx_verifier{maker.root(), &given, june, options}.verify(quote, check);
      CHECK(answer(found) == "accepted");
      return check.made();
    };
    // Of platform, authority, report, signer, two texts, two lists.
    CHECK(made(maker.quote()) == 8);
    CHECK(known.size() == 8);
    const bytes quote = maker.quote();  // signed once more, the report too
    CHECK(made(quote) == 1);
    CHECK(made(quote) == 0);
    // Dates and revocations are looked at all the same.
    remembering_check check{&known};
    CHECK(answer(detail::tdx_verifier{maker.root(), &given, june + 24h * 30, options}.verify(
              quote, check)) == "dates: tcb_info.expired");
  }

  TEST_CASE("nothing is computed with before everything cheap was looked at") {
    tdx_maker maker;
    int signatures = 0;
    const auto counted = [&](const x509_certificate&, x509_algorithm, detail::byte_span,
                             detail::byte_span) -> judged<void> {
      ++signatures;
      return {};
    };
    const tdx_options options;
    const auto look = [&](sys_seconds now) {
      const tdx_endorsements given = maker.endorsements();
      signatures = 0;
      return answer(
          detail::tdx_verifier{maker.root(), &given, now, options}.verify(maker.quote(), counted));
    };
    CHECK(look(june) == "accepted");
    CHECK(signatures == 9);  // that of the root's list twice: nobody remembers here
    CHECK(look(june + 24h * 30) == "dates: tcb_info.expired");
    CHECK(signatures == 0);
    CHECK(look(june - 24h * 200) == "dates: tcb_info.not_yet_valid");
    CHECK(signatures == 0);
    maker.bound = bytes(32);
    CHECK(look(june) == "qe_binding: tdx.qe_binding");
    CHECK(signatures == 0);
    maker.bound = std::nullopt;
    maker.pck_fields.extensions = {test::no_authority()};
    maker.certify();
    CHECK(look(june) == "chain: pck.extension_missing");
    CHECK(signatures == 0);
  }

  TEST_CASE("a signature with short numbers is the same in both forms") {
    bytes halves(64);
    halves[31] = std::byte{1};
    halves[32] = std::byte{0x80};
    const bytes der = detail::der_of_signature(halves);
    CHECK(detail::to_hex(der) == "302602010102210080" + std::string(62, '0'));
    const auto back = read_der_signature<32>(der);
    REQUIRE(back.has_value());
    CHECK(bytes(back->begin(), back->end()) == halves);
    const auto zeros = read_der_signature<32>(detail::der_of_signature(bytes(64)));
    REQUIRE(zeros.has_value());
    CHECK(bytes(zeros->begin(), zeros->end()) == bytes(64));
    const auto ones = read_der_signature<32>(detail::der_of_signature(bytes(64, std::byte{0xFF})));
    REQUIRE(ones.has_value());
    CHECK(bytes(ones->begin(), ones->end()) == bytes(64, std::byte{0xFF}));
  }
}

}  // namespace
