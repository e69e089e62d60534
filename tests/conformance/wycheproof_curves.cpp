// SPDX-License-Identifier: Apache-2.0
//
// Google's Wycheproof vectors for P-256 and P-384: what attestation is signed with. Arithmetic at
// its edges, forged encodings, points off the curve, curves that an attacker chose.
#include <enfilade/cipher/curve.hpp>
#include <enfilade/cipher/der_signature.hpp>
#include <enfilade/cipher/ecdh.hpp>
#include <enfilade/cipher/ecdsa.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wycheproof.hpp"

namespace {

using namespace enfilade;
using namespace test::wycheproof;
using detail::to_hex;

template <class Curve>
curve_point<Curve> key_of(const json& group) {
  const auto key =
      curve_point<Curve>::from_uncompressed(bytes(group.at("publicKey"), "uncompressed"));
  REQUIRE(key.has_value());
  CHECK(curve_point<Curve>::from_key_info(bytes(group, "publicKeyDer")) == key);
  return *key;
}

template <class Curve>
answer ask_der(const json& group, const json& test) {
  const auto signature = read_der_signature<Curve::size>(bytes(test, "sig"));
  if (!signature) return answer::refused;
  return accepted_if(verify_signature(key_of<Curve>(group), bytes(test, "msg"), *signature));
}

template <class Curve>
answer ask_p1363(const json& group, const json& test) {
  // A signature of another length cannot be passed to `verify_signature`.
  if (bytes(test, "sig").size() != 2 * Curve::size) return answer::refused;
  return accepted_if(verify_signature(key_of<Curve>(group), bytes(test, "msg"),
                                      fixed<2 * Curve::size>(test, "sig")));
}

// Wycheproof writes scalars as the shortest hexadecimal number, with a zero before a high bit.
template <class Curve>
Key<Curve::size> scalar_of(const json& test) {
  std::vector<std::byte> digits = bytes(test, "private");
  if (digits.size() > Curve::size) digits.erase(digits.begin());
  REQUIRE(digits.size() <= Curve::size);
  Key<Curve::size> scalar;
  std::ranges::copy(digits, scalar.fill().last(digits.size()).begin());
  return scalar;
}

template <class Curve>
answer ask_agreement(const std::optional<curve_point<Curve>>& peer, const json& test) {
  if (!peer) return answer::refused;
  auto key = CurveAgreementKey<Curve>::from_scalar(scalar_of<Curve>(test));
  REQUIRE(key.has_value());
  const Key<Curve::size> shared = std::move(*key).agree(*peer);
  return accepted_if(to_hex(shared.view()) == test.at("shared").get<std::string>());
}

TEST_SUITE("conformance/wycheproof_curves") {
  TEST_CASE("ECDSA over P-256, signatures in DER") {
    run("ecdsa_secp256r1_sha256_test.json", {.valid = 174, .invalid = 310}, ask_der<P256>);
  }

  TEST_CASE("ECDSA over P-384, signatures in DER") {
    run("ecdsa_secp384r1_sha384_test.json", {.valid = 194, .invalid = 310}, ask_der<P384>);
  }

  TEST_CASE("ECDSA over P-256, signatures as in COSE") {
    run("ecdsa_secp256r1_sha256_p1363_test.json", {.valid = 173, .invalid = 89}, ask_p1363<P256>);
  }

  TEST_CASE("ECDSA over P-384, signatures as in COSE") {
    run("ecdsa_secp384r1_sha384_p1363_test.json", {.valid = 193, .invalid = 87}, ask_p1363<P384>);
  }

  // "Acceptable" are key infos that some parsers read: laxly encoded, with the curve given by its
  // parameters, or with a compressed point. Ours reads the one encoding and no other.
  TEST_CASE("ECDH over P-256, public keys as key infos") {
    run("ecdh_secp256r1_test.json", {.valid = 330, .invalid = 52, .acceptable_refused = 230},
        [](const json&, const json& test) {
          return ask_agreement<P256>(curve_point<P256>::from_key_info(bytes(test, "public")), test);
        });
  }

  // The one "acceptable" is a compressed point.
  TEST_CASE("ECDH over P-384, public keys as points") {
    run("ecdh_secp384r1_ecpoint_test.json", {.valid = 771, .invalid = 18, .acceptable_refused = 1},
        [](const json&, const json& test) {
          return ask_agreement<P384>(curve_point<P384>::from_uncompressed(bytes(test, "public")),
                                     test);
        });
  }
}

}  // namespace
