// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/x509/x509.hpp>

#include "support/refusal_text.hpp"
#include "support/test_authority.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace enfilade;
using test::bytes;
using test::hex;

const test::signing_key& root() {
  static const test::signing_key key;
  return key;
}

struct leaf : test::certificate_fields {
  leaf() { key_info = root().key_info(); }
  bytes der() const { return signed_by(root()); }
};

refusal refused(const bytes& der, std::span<const object_identifier> known = {}) {
  const auto found = x509_certificate::parse(der, known);
  return found ? refusal{} : found.error();
}
refusal refused(const leaf& l) { return refused(l.der()); }

constexpr refusal malformed(std::string_view rule) { return {errc::attest_malformed, rule}; }
constexpr refusal unsupported(std::string_view rule) {
  return {errc::attest_unsupported_format, rule};
}

TEST_SUITE("attest/x509") {
  TEST_CASE("a certificate says what stands in it") {
    leaf l;
    l.serial = hex("02020080");
    l.extensions.push_back(test::extension("2b060104019c780101", hex("020103")));
    const bytes der = l.der();
    const auto found = x509_certificate::parse(der);
    REQUIRE(found.has_value());
    CHECK(detail::to_hex(found->serial()) == "80");
    CHECK(std::ranges::equal(found->issuer(), test::name("root")));
    CHECK(std::ranges::equal(found->subject(), test::name("leaf")));
    CHECK(found->not_before().time_since_epoch().count() == 1704067200);
    CHECK(found->not_after().time_since_epoch().count() == 1735689599);
    CHECK(std::ranges::equal(found->key_info(), root().key_info()));
    CHECK(std::holds_alternative<curve_point<P384>>(found->public_key()));
    CHECK(found->algorithm() == x509_algorithm::ecdsa_sha384);
    CHECK(verify_x509_signature(found->public_key(), found->algorithm(), found->signed_part(),
                                found->signature()));
    CHECK_FALSE(found->is_authority());
    CHECK_FALSE(found->path_length().has_value());
    CHECK(found->may(x509_usage::digital_signature));
    CHECK_FALSE(found->may(x509_usage::certificate_signing));
    CHECK_FALSE(found->is_self_issued());
    constexpr object_identifier own{1, 3, 6, 1, 4, 1, 3704, 1, 1};
    REQUIRE(found->extension(own).has_value());
    CHECK(detail::to_hex(*found->extension(own)) == "020103");
    constexpr object_identifier absent{1, 3, 6, 1, 4, 1, 3704, 1, 2};
    CHECK_FALSE(found->extension(absent).has_value());
    // Views, not copies.
    CHECK(found->der().data() == der.data());
    CHECK(found->issuer().data() > der.data());
    CHECK(found->issuer().data() < der.data() + der.size());
  }

  TEST_CASE("an authority says how far it reaches") {
    leaf l;
    l.extensions = {test::authority("020102"), test::signs_certificates_and_lists()};
    const bytes der = l.der();
    const auto found = x509_certificate::parse(der);
    REQUIRE(found.has_value());
    CHECK(found->is_authority());
    CHECK(found->path_length() == 2);
    CHECK(found->may(x509_usage::certificate_signing));
    CHECK(found->may(x509_usage::revocation_signing));
    CHECK_FALSE(found->may(x509_usage::digital_signature));
  }

  TEST_CASE("a certificate without extensions is one, and its key may be used for nothing named") {
    leaf l;
    l.extensions.clear();
    const bytes der = l.der();
    const auto found = x509_certificate::parse(der);
    REQUIRE(found.has_value());
    CHECK_FALSE(found->key_usage().has_value());
    CHECK_FALSE(found->may(x509_usage::digital_signature));
    CHECK_FALSE(found->is_authority());
  }

  TEST_CASE("only version 3 is read") {
    leaf l;
    for (const char* version :
         {"", "a003020100", "a003020101", "a003020103", "a0030101ff", "a000"}) {
      l.version = hex(version);
      CHECK(refused(l) == unsupported("x509.version"));
    }
  }

  TEST_CASE("serial numbers are 0 to 20 bytes and not negative") {
    leaf l;
    l.serial = hex("020100");
    CHECK(refused(l) == refusal{});
    l.serial = hex("0214" + std::string(40, '7'));
    CHECK(refused(l) == refusal{});
    l.serial = hex("021500" + std::string(40, 'f'));
    CHECK(refused(l) == refusal{});
    l.serial = hex("0215" + std::string(42, '7'));
    CHECK(refused(l) == malformed("x509.serial_too_long"));
    l.serial = hex("0201ff");
    CHECK(refused(l) == malformed("der.negative"));
    l.serial = hex("02020001");
    CHECK(refused(l) == malformed("der.integer"));
  }

  TEST_CASE("both algorithm fields are the same") {
    leaf l;
    l.algorithm = hex("300a06082a8648ce3d040302");
    CHECK(refused(l) == malformed("x509.algorithms_differ"));
  }

  TEST_CASE("algorithms of others are refused by name") {
    leaf l;
    for (const char* other : {
             "300d06092a864886f70d0101050500",  // sha1WithRSAEncryption
             "300d06092a864886f70d01010b0500",  // sha256WithRSAEncryption
             "300d06092a864886f70d01010a0500",  // RSASSA-PSS without its parameters
             "300a06082a8648ce3d040304",        // ecdsa-with-SHA512
             "300c06082a8648ce3d0403030500",    // ecdsa-with-SHA384, and a NULL
             "300506032b6570",                  // Ed25519
             "3000",
         }) {
      l.algorithm = l.outer_algorithm = hex(other);
      CHECK(refused(l) == unsupported("x509.algorithm"));
    }
  }

  TEST_CASE("names are sets of attributes, and an issuer has one") {
    leaf l;
    l.issuer = hex("3000");
    CHECK(refused(l) == malformed("x509.issuer_empty"));
    l = {};
    l.subject = hex("3000");
    CHECK(refused(l) == refusal{});
    for (const char* bad : {"30023000", "30023100", "300431020500", "3009310730050603550403"}) {
      l.subject = hex(bad);
      CHECK(refused(l) == malformed("x509.name"));
    }
  }

  TEST_CASE("a certificate does not end before it begins") {
    leaf l;
    l.not_after = test::utc_time("231231235959Z");
    CHECK(refused(l) == malformed("x509.validity"));
    l.not_after = test::utc_time("241301000000Z");
    CHECK(refused(l) == malformed("der.time"));
  }

  TEST_CASE("keys of others are refused by name") {
    leaf l;
    const bytes point = root().point();
    const auto key_info = [&](std::string_view algorithm, const bytes& bits) {
      return test::der(0x30, {hex(algorithm), test::der(3, {hex("00"), bits})});
    };
    const std::string_view p384 = "301006072a8648ce3d020106052b81040022";
    SUBCASE("another curve") {
      l.key_info = key_info("301006072a8648ce3d020106052b81040023", point);  // P-521
      CHECK(refused(l) == unsupported("x509.curve"));
    }
    SUBCASE("a curve given by its parameters") {
      l.key_info = key_info(
          "300e06072a8648ce3d0201"
          "3003020101",
          point);
      CHECK(refused(l) == unsupported("x509.curve_by_parameters"));
      l.key_info = key_info(
          "300b06072a8648ce3d0201"
          "0500",
          point);
      CHECK(refused(l) == unsupported("x509.curve_by_parameters"));
    }
    SUBCASE("no curve at all") {
      l.key_info = key_info("300906072a8648ce3d0201", point);
      CHECK(refused(l) == malformed("der.truncated"));
    }
    SUBCASE("a compressed point") {
      bytes compressed{point.begin(), point.begin() + 49};
      compressed[0] = std::byte{2};
      l.key_info = key_info(p384, compressed);
      CHECK(refused(l) == unsupported("x509.point_form"));
      l.key_info = key_info(p384, {});
      CHECK(refused(l) == unsupported("x509.point_form"));
    }
    SUBCASE("a point off the curve") {
      bytes off = point;
      off.back() ^= std::byte{1};
      l.key_info = key_info(p384, off);
      CHECK(refused(l) == malformed("x509.point"));
    }
    SUBCASE("a point of another curve") {
      l.key_info = key_info("301306072a8648ce3d020106082a8648ce3d030107", point);
      CHECK(refused(l) == malformed("x509.point"));
    }
    SUBCASE("another algorithm") {
      l.key_info = key_info("300706032b65700500", bytes(32, std::byte{1}));
      CHECK(refused(l) == unsupported("x509.key_algorithm"));
      l.key_info =
          key_info("300506032b6570", bytes(32, std::byte{1}));  // Ed25519, as it is written
      CHECK(refused(l) == unsupported("x509.key_algorithm"));
    }
    const std::string_view rsa = "300d06092a864886f70d0101010500";
    const auto rsa_bits = [](std::size_t size, std::string_view exponent) {
      bytes modulus(size + 1, std::byte{0xFF});
      modulus[0] = std::byte{0};
      return test::der(0x30, {test::der(2, {modulus}), hex(exponent)});
    };
    SUBCASE("an RSA key with something behind it, or behind its algorithm") {
      const bytes bits = test::der(3, {hex("00"), rsa_bits(256, "0203010001")});
      l.key_info = test::der(0x30, {hex(rsa), bits, hex("0500")});
      CHECK(refused(l) == malformed("x509.key_info"));
      l.key_info = test::der(0x30, {hex("300f06092a864886f70d01010105000500"), bits});
      CHECK(refused(l) == malformed("x509.key_info"));
      l.key_info = test::der(0x30, {hex("300e06092a864886f70d010101020100"), bits});
      CHECK(refused(l) == malformed("x509.key_info"));
    }
    SUBCASE("RSA keys that are short, long or of a small exponent") {
      l.key_info = key_info(rsa, rsa_bits(256, "0203010001"));
      CHECK(refused(l) == refusal{});
      l.key_info = key_info(rsa, rsa_bits(255, "0203010001"));
      CHECK(refused(l) == unsupported("x509.rsa_key_out_of_range"));
      l.key_info = key_info(rsa, rsa_bits(513, "0203010001"));
      CHECK(refused(l) == unsupported("x509.rsa_key_out_of_range"));
      l.key_info = key_info(rsa, rsa_bits(256, "020103"));
      CHECK(refused(l) == unsupported("x509.rsa_key_out_of_range"));
      l.key_info = key_info(rsa, rsa_bits(256, "0203010001020101"));
      CHECK(refused(l) == malformed("x509.rsa_key"));
      l.key_info = key_info(
          "300f06092a864886f70d010101"
          "05020000",
          rsa_bits(256, "0203010001"));
      CHECK(refused(l).code == errc::attest_malformed);
    }
  }

  TEST_CASE("critical extensions that nobody looks at are refused") {
    leaf l;
    l.extensions.push_back(test::extension("551d1e", hex("3000"), true));  // nameConstraints
    CHECK(refused(l) == unsupported("x509.critical_extension"));
    constexpr std::array known{object_identifier{2, 5, 29, 30}};
    CHECK(refused(l.der(), known) == refusal{});
    l.extensions.back() = test::extension("551d1e", hex("3000"), false);
    CHECK(refused(l) == refusal{});
  }

  TEST_CASE("an extension comes once") {
    leaf l;
    l.extensions.push_back(test::extension("551d1e", hex("3000")));
    l.extensions.push_back(test::extension("551d1e", hex("3000")));
    CHECK(refused(l) == malformed("x509.extension_twice"));
    l.extensions = {test::no_authority(), test::no_authority()};
    CHECK(refused(l) == malformed("x509.extension_twice"));
  }

  TEST_CASE("an extension's flag is not written where it is false") {
    leaf l;
    l.extensions = {
        hex("300c0603551d13"
            "010100"
            "04023000")};
    CHECK(refused(l) == malformed("der.default_written"));
  }

  TEST_CASE("there are at most twenty extensions, and no empty list of them") {
    leaf l;
    l.extensions.clear();
    for (int i = 0; i != 20; ++i)
      l.extensions.push_back(test::extension(
          "2a" + detail::to_hex(std::array{static_cast<std::byte>(i)}), hex("0500")));
    CHECK(refused(l) == refusal{});
    l.extensions.push_back(test::extension("2a7f", hex("0500")));
    CHECK(refused(l) == malformed("x509.too_many_extensions"));
    l.extensions.clear();
    l.behind_extensions = hex("a3023000");
    CHECK(refused(l) == malformed("x509.extensions_empty"));
  }

  TEST_CASE("basicConstraints and keyUsage are what RFC 5280 says") {
    leaf l;
    const auto constraints = [&](std::string_view value) {
      l.extensions = {test::extension("551d13", hex(value), true)};
      return refused(l);
    };
    CHECK(constraints("3000") == refusal{});
    CHECK(constraints("3003020100") == malformed("x509.path_length_of_no_authority"));
    CHECK(constraints("3003010100") == malformed("der.default_written"));
    CHECK(constraints("30060101ff0201ff") == malformed("der.negative"));
    CHECK(constraints("30090101ff020101020101") == malformed("x509.basic_constraints"));
    CHECK(constraints("30000500") == malformed("x509.basic_constraints"));
    CHECK(constraints("") == malformed("der.unexpected_element"));
    const auto usage = [&](std::string_view value) {
      l.extensions = {test::usage(value)};
      return refused(l);
    };
    CHECK(usage("03020780") == refusal{});
    CHECK(usage("030100") == malformed("x509.key_usage"));
    CHECK(usage("030207800500") == malformed("x509.key_usage"));
    CHECK(usage("03020781") == malformed("der.bit_string"));
  }

  TEST_CASE("nothing stands behind the extensions, the signature or the certificate") {
    leaf l;
    l.behind_extensions = hex("0500");
    CHECK(refused(l) == malformed("x509.trailing_bytes"));
    bytes der = leaf{}.der();
    der.push_back(std::byte{0});
    CHECK(refused(der) == malformed("x509.trailing_bytes"));
  }

  TEST_CASE("unique identifiers of version 2 are not read") {
    leaf l;
    const bytes list = test::der(0xA3, {test::der(0x30, {test::no_authority()})});
    l.extensions.clear();
    l.behind_extensions = test::joined({hex("81020000"), list});
    CHECK(refused(l) == malformed("der.unexpected_element"));
  }

  TEST_CASE("a certificate has at most 4096 bytes") {
    leaf l;
    l.extensions = {test::extension("2a03", bytes(3000, std::byte{}))};
    const std::size_t overhead = l.der().size() - 3000;
    // The length of a signature varies by a few bytes.
    l.extensions = {test::extension("2a03", bytes(4096 - overhead - 8, std::byte{}))};
    CHECK(refused(l) == refusal{});
    l.extensions = {test::extension("2a03", bytes(4096 - overhead + 8, std::byte{}))};
    CHECK(refused(l) == malformed("x509.too_long"));
  }

  TEST_CASE("every beginning of a certificate is refused") {
    const bytes der = leaf{}.der();
    for (std::size_t size = 0; size != der.size(); ++size)
      CHECK(refused(bytes(der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size))).code ==
            errc::attest_malformed);
  }
}

}  // namespace
