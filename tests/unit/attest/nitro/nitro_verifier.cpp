// SPDX-License-Identifier: Apache-2.0
//
// Each rule by itself, with documents of a hypervisor that the tests made; those of AWS are in
// tests/conformance/nitro_evidence.cpp.
#include <enfilade/attest/nitro/nitro_verifier.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/nitro_maker.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using std::chrono::sys_seconds;
using test::bytes;
using test::nitro_maker;
namespace cbor = test::cbor;

// That of `nitro_fields`.
constexpr sys_seconds made_at = std::chrono::sys_days{std::chrono::year{2024} / 6 / 1};

nitro_verification verified(const nitro_maker& maker, const bytes& document,
                            std::optional<sys_seconds> now = made_at,
                            const nitro_options& options = {}) {
  return detail::nitro_verifier{maker.root(), now, options}.verify(document,
                                                                   x509_signature_check{});
}

std::string answer(const nitro_verification& found) {
  CHECK(found.claims.has_value() == found.steps.accepted());
  CHECK(found.steps.steps().size() == 8);
  const auto failed = found.steps.failure();
  return failed ? std::string{failed->name} + ": " + std::string{failed->reason} : "accepted";
}
std::string answer(const nitro_maker& maker, const bytes& document) {
  return answer(verified(maker, document));
}
std::string answer(const nitro_maker& maker) { return answer(maker, maker.document()); }

/// What becomes of a document after `spoil` has had the maker.
template <class Spoil>
std::string answer_with(Spoil spoil) {
  nitro_maker maker;
  spoil(maker);
  maker.issue();
  return answer(maker);
}

TEST_SUITE("attest/nitro_verifier") {
  TEST_CASE("a good document is accepted under its root and no other") {
    const nitro_maker maker;
    CHECK(answer(maker) == "accepted");
    CHECK(answer(nitro_maker{}, maker.document()) == "root: nitro.root");
    const auto of_aws = verify_nitro(maker.document(), made_at);
    CHECK(answer(of_aws) == "root: nitro.root");
    CHECK(of_aws.steps.failure()->code == errc::attest_chain_invalid);
    CHECK(answer(verify_nitro_at_its_own_time(maker.document())) == "root: nitro.root");
  }

  TEST_CASE("the claims are those of the document") {
    nitro_maker maker;
    maker.fields.set("nonce", cbor::filled(0)).set("pcrs", test::nitro_fields::pcrs(4));
    const auto found = verified(maker, maker.document());
    REQUIRE(found.claims.has_value());
    CHECK(found.claims->module_id == "i-0123456789abcdef0-enc0123456789abcdef");
    CHECK(found.claims->made_at == made_at);
    CHECK(found.claims->valid_until == std::chrono::sys_days{std::chrono::year{2025} / 1 / 1} - 1s);
    CHECK_FALSE(found.claims->debug);
    CHECK(found.claims->pcrs[3].bytes().size() == 48);
    CHECK(found.claims->pcrs[4] == Measurement{});
    CHECK_FALSE(found.claims->public_key.has_value());
    CHECK(found.claims->user_data == bytes(64, std::byte{1}));
    CHECK(found.claims->nonce == bytes{});
  }

  TEST_CASE("a document has at most 32 KiB") {
    const nitro_maker maker;
    CHECK(answer(maker, {}) == "size: nitro.size");
    CHECK(answer(maker, bytes(32 * 1024 + 1)) == "size: nitro.size");
    CHECK(answer(maker, bytes(32 * 1024)) != "size: nitro.size");
  }

  TEST_CASE("its headers are those of every Nitro document, though others would be signed") {
    const nitro_maker maker;
    CHECK(answer(maker, maker.document("a1013822", "a0")) == "accepted");
    CHECK(answer(maker, maker.document("a20138220300", "a0")) == "message: nitro.protected_header");
    CHECK(answer(maker, maker.document("bf013822ff", "a0")) == "message: nitro.protected_header");
    CHECK(answer(maker, maker.document("a1013822", "a10441ff")) ==
          "message: nitro.unprotected_header");
    CHECK(answer(maker, maker.document("a1013822", "bfff")) == "message: nitro.unprotected_header");
    CHECK(answer(maker, maker.document("a20138220281182a", "a0")) ==
          "message: cose.critical_header");
    CHECK(answer(maker, maker.document("a10126", "a0")) == "message: cose.signature_size");
    CHECK(answer(maker, maker.document("a1013823", "a0")) == "message: cose.algorithm_unknown");
    // ES256 with a signature of its length: no key of AWS's makes one.
    bytes es256 = test::joined({test::hex("84"), cbor::string(test::hex("a10126")), test::hex("a0"),
                                cbor::string(maker.fields.encoded()), cbor::filled(64)});
    CHECK(answer(maker, es256) == "message: nitro.algorithm");
  }

  TEST_CASE("the payload is a document") {
    CHECK(answer_with([](nitro_maker& m) { m.fields.drop("digest"); }) ==
          "document: nitro.digest_missing");
  }

  TEST_CASE("debug mode is refused unless it is allowed, and then said") {
    nitro_maker maker;
    maker.fields.set("pcrs", test::nitro_fields::pcrs(16, std::byte{0}));
    CHECK(answer(maker) == "debug: nitro.debug");
    const auto found = verified(maker, maker.document(), made_at, {.allow_debug = true});
    CHECK(answer(found) == "accepted");
    CHECK(found.claims->debug);
    CHECK(found.steps.find("debug")->outcome == step_outcome::skipped);
  }

  TEST_CASE("a document is not from the future, give or take five minutes") {
    const nitro_maker maker;
    const auto at = [&](sys_seconds now) { return answer(verified(maker, maker.document(), now)); };
    CHECK(at(made_at - 5min) == "accepted");
    CHECK(at(made_at - 5min - 1s) == "age: nitro.timestamp_in_the_future");
    CHECK(at(made_at + 24h * 200) == "accepted");  // as long as the certificates live
    CHECK(at(made_at + 24h * 300) == "chain: chain.expired");
  }

  TEST_CASE("a document is not older than asked for") {
    const nitro_maker maker;
    const auto after = [&](std::chrono::seconds age) {
      return verified(maker, maker.document(), made_at + age, {.max_age = 60s});
    };
    CHECK(answer(after(60s)) == "accepted");
    CHECK(answer(after(61s)) == "age: nitro.timestamp_old");
    CHECK(after(61s).steps.failure()->code == errc::attest_stale);
    CHECK(answer(after(-60s)) == "accepted");  // their clock goes before ours
    CHECK(after(0s).steps.find("age")->outcome == step_outcome::passed);
    // There is no age at the document's own time.
    const auto own = verified(maker, maker.document(), std::nullopt, {.max_age = 0s});
    CHECK(answer(own) == "accepted");
    CHECK(own.steps.find("age")->outcome == step_outcome::skipped);
  }

  TEST_CASE("the document's own time is that at which the certificates must be valid") {
    nitro_maker maker;
    maker.fields.set("timestamp", cbor::number(1'735'689'600'000));  // the second after their end
    CHECK(answer(verified(maker, maker.document(), std::nullopt)) == "chain: chain.expired");
    maker.fields.set("timestamp", cbor::number(1'735'689'599'999));
    CHECK(answer(verified(maker, maker.document(), std::nullopt)) == "accepted");
    maker.fields.set("timestamp", cbor::number(253'402'300'799'999));
    CHECK(answer(verified(maker, maker.document(), std::nullopt)) == "chain: chain.expired");
  }

  TEST_CASE("each certificate is valid, may do what it does, and is signed") {
    const auto with = [](auto spoil) { return answer_with(spoil); };
    CHECK(with([](nitro_maker&) {}) == "accepted");
    CHECK(with([](nitro_maker& m) { m.leaf_fields.not_after = test::utc_time("240531235959Z"); }) ==
          "chain: chain.expired");
    CHECK(with([](nitro_maker& m) { m.root_fields.not_after = test::utc_time("240531235959Z"); }) ==
          "chain: chain.expired");
    CHECK(with([](nitro_maker& m) {
            m.issuer_fields.not_before = test::utc_time("240601000001Z");
          }) == "chain: chain.not_yet_valid");
    for (auto spoil :
         {+[](nitro_maker& m) { m.leaf_fields.issuer = test::name("root"); },
          +[](nitro_maker& m) {
            m.issuer_fields.extensions.erase(m.issuer_fields.extensions.begin());
          },
          +[](nitro_maker& m) {
            m.leaf_fields.extensions = {test::authority(), test::signs_documents()};
          },
          +[](nitro_maker& m) {
            m.leaf_fields.extensions = {test::no_authority(), test::signs_certificates_and_lists()};
          }}) {
      nitro_maker maker;
      spoil(maker);
      maker.issue();
      CHECK(verified(maker, maker.document()).steps.failure()->name == "chain");
      CHECK(verified(maker, maker.document()).steps.failure()->code == errc::attest_chain_invalid);
    }
  }

  TEST_CASE("the certificate's key is the one that signed") {
    nitro_maker maker;
    const nitro_maker other;
    maker.leaf_fields.key_info = other.leaf_fields.key_info;
    maker.issue();
    CHECK(answer(maker) == "signature: cose.not_signed_by_leaf");
    CHECK(verified(maker, maker.document()).steps.failure()->code == errc::attest_bad_signature);
    // A key of another curve signs nothing here.
    maker.leaf_fields.key_info = test::hex(
        "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f27703"
        "7d"
        "812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f"
        "5");
    maker.issue();
    CHECK(answer(maker) == "signature: cose.not_signed_by_leaf");
  }

  TEST_CASE("nothing is computed with before everything cheap was looked at") {
    const nitro_maker maker;
    const nitro_maker stranger;
    int signatures = 0;
    const auto counted = [&](const x509_certificate&, x509_algorithm, detail::byte_span,
                             detail::byte_span) -> judged<void> {
      ++signatures;
      return {};
    };
    const auto look = [&](const bytes& root, sys_seconds now, const bytes& document) {
      signatures = 0;
      return answer(detail::nitro_verifier{root, now, {}}.verify(document, counted));
    };
    CHECK(look(maker.root(), made_at, maker.document()) == "accepted");
    CHECK(signatures == 2);
    CHECK(look(stranger.root(), made_at, maker.document()) == "root: nitro.root");
    CHECK(signatures == 0);
    CHECK(look(maker.root(), made_at + 24h * 365, maker.document()) == "chain: chain.expired");
    CHECK(signatures == 0);
  }
}

}  // namespace
