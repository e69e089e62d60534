// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_signature.hpp>

#include "support/test_authority.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace enfilade;
using test::bytes;
using test::hex;

TEST_SUITE("attest/x509_signature") {
  TEST_CASE("AMD's two forms of RSASSA-PSS are one algorithm, with other parameters it is none") {
    const std::string hash = "300d06096086480165030402020500";
    const std::string mask = "301a06092a864886f70d010108" + hash;
    const auto pss = [](const std::string& parameters) {
      return test::der(0x30, {hex("06092a864886f70d01010a"), test::der(0x30, {hex(parameters)})});
    };
    const std::string both = "a00f" + hash + "a11c" + mask;
    CHECK(*read_x509_algorithm(pss(both + "a203020130")) == x509_algorithm::rsa_pss_sha384);
    CHECK(*read_x509_algorithm(pss(both + "a203020130a303020101")) ==
          x509_algorithm::rsa_pss_sha384);
    CHECK_FALSE(read_x509_algorithm(pss(both + "a203020120")).has_value());
    CHECK_FALSE(read_x509_algorithm(pss(both)).has_value());
    CHECK_FALSE(read_x509_algorithm(pss("a11c" + mask + "a203020130")).has_value());
    CHECK_FALSE(read_x509_algorithm(pss(both + "a203020130a303020102")).has_value());
  }

  TEST_CASE("a signature of X.509 is one of the right key, algorithm and encoding") {
    const test::signing_key issuer;
    test::certificate_fields fields;
    fields.key_info = issuer.key_info();
    const bytes der = fields.signed_by(issuer);
    const auto c = *x509_certificate::parse(der);
    const auto verified = [&](const x509_public_key& key, x509_algorithm algorithm,
                              const bytes& signature) {
      return verify_x509_signature(key, algorithm, c.signed_part(), signature);
    };
    const bytes good{c.signature().begin(), c.signature().end()};
    CHECK(verified(c.public_key(), x509_algorithm::ecdsa_sha384, good));
    CHECK_FALSE(verified(c.public_key(), x509_algorithm::ecdsa_sha256, good));
    CHECK_FALSE(verified(c.public_key(), x509_algorithm::rsa_pss_sha384, good));
    bytes longer = good;
    longer.push_back(std::byte{0});
    CHECK_FALSE(verified(c.public_key(), x509_algorithm::ecdsa_sha384, longer));
    const bytes other_info = test::signing_key{}.key_info();
    CHECK_FALSE(verified(*read_x509_key(other_info), x509_algorithm::ecdsa_sha384, good));
  }

  TEST_CASE("each kind of key signs with one algorithm") {
    const bytes info = test::signing_key{}.key_info();
    const auto p384 = *read_x509_key(info);
    CHECK(signs_with(p384, x509_algorithm::ecdsa_sha384));
    CHECK_FALSE(signs_with(p384, x509_algorithm::ecdsa_sha256));
    CHECK_FALSE(signs_with(p384, x509_algorithm::rsa_pss_sha384));
    bytes modulus(257, std::byte{0xFF});
    modulus[0] = std::byte{0};
    const bytes rsa = test::der(
        0x30,
        {hex("300d06092a864886f70d0101010500"),
         test::der(3, {hex("00"), test::der(0x30, {test::der(2, {modulus}), hex("0203010001")})})});
    CHECK(signs_with(*read_x509_key(rsa), x509_algorithm::rsa_pss_sha384));
    CHECK_FALSE(signs_with(*read_x509_key(rsa), x509_algorithm::ecdsa_sha256));
  }
}

}  // namespace
