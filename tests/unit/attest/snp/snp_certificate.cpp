// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/snp/snp_certificate.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "support/refusal_text.hpp"
#include "support/snp_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::hex;
using test::integer;
using test::joined;
using test::snp_extensions;

bytes text(std::string_view characters) { return test::text(0x16, characters); }

/// A certificate with these extensions, whose signature is nobody's business here.
bytes certificate_with(const snp_extensions& extensions) {
  static const test::signing_key key;
  test::certificate_fields fields;
  fields.key_info = key.key_info();
  fields.extensions = extensions.encoded();
  return fields.signed_by(key);
}

/// What `read` answers: "read", or the rule that is broken.
template <class Read>
std::string_view answer(const snp_extensions& extensions, Read read, errc code) {
  const bytes der = certificate_with(extensions);
  const auto certificate = x509_certificate::parse(der);
  REQUIRE(certificate.has_value());
  const auto found = read(*certificate);
  if (found) return "read";
  CHECK(found.error().code == code);
  return found.error().rule;
}
std::string_view vcek(const snp_extensions& extensions, errc code = errc::attest_malformed) {
  return answer(extensions, read_snp_vcek, code);
}
std::string_view vlek(const snp_extensions& extensions, errc code = errc::attest_malformed) {
  return answer(extensions, read_snp_vlek, code);
}

constexpr snp_tcb made{.boot_loader = 4, .snp = 24, .microcode = 219};

TEST_SUITE("attest/snp_certificate") {
  TEST_CASE("a VCEK says of which processor and which firmware it is") {
    for (const char* product : {"Milan-B0", "Milan", "Genoa", "Genoa-B1", "Bergamo", "Siena-B2"}) {
      CAPTURE(std::string{product});
      const bytes der = certificate_with(snp_extensions::vcek(product));
      const auto certificate = x509_certificate::parse(der);
      const auto read = read_snp_vcek(*certificate);
      REQUIRE(read.has_value());
      CHECK(read->product == (std::string_view{product}.starts_with("Milan") ? snp_product::milan
                                                                             : snp_product::genoa));
      CHECK(read->tcb == made);
      CHECK(detail::to_hex(read->hardware_id) == detail::to_hex(bytes(64, std::byte{0xC1})));
    }
  }

  TEST_CASE("a Turin has one part more, and a short id") {
    const bytes der = certificate_with(snp_extensions::turin_vcek());
    const auto certificate = x509_certificate::parse(der);
    const auto read = read_snp_vcek(*certificate);
    REQUIRE(read.has_value());
    CHECK(read->product == snp_product::turin);
    CHECK(read->tcb == snp_tcb{.fmc = 1, .boot_loader = 4, .snp = 24, .microcode = 219});
    CHECK(detail::to_hex(read->hardware_id) == "c1c1c1c1c1c1c1c1");
  }

  TEST_CASE("a VLEK says whose it is, and of no processor") {
    for (const char* product : {"Milan", "Genoa"}) {
      const bytes der = certificate_with(snp_extensions::vlek(product));
      const auto certificate = x509_certificate::parse(der);
      const auto read = read_snp_vlek(*certificate);
      REQUIRE(read.has_value());
      CHECK(name_of(read->product) == product);
      CHECK(read->tcb == made);
      CHECK(read->provider == "CN=cloud.example");
    }
  }

  TEST_CASE("neither can be read as the other, nor one that claims to be both") {
    const std::string_view other = "snp_certificate.other_kind";
    CHECK(vlek(snp_extensions::vcek(), errc::attest_chain_invalid) == other);
    CHECK(vcek(snp_extensions::vlek(), errc::attest_chain_invalid) == other);
    snp_extensions both = snp_extensions::vcek();
    both.set("05", text("CN=cloud.example"));
    CHECK(vcek(both, errc::attest_chain_invalid) == other);
    CHECK(vlek(both, errc::attest_chain_invalid) == other);
    CHECK(vcek(snp_extensions::vcek().drop("04")) == "snp_certificate.hardware_id_missing");
    CHECK(vlek(snp_extensions::vlek().drop("05")) == "snp_certificate.provider_missing");
  }

  TEST_CASE("the product is one that is known, in one text") {
    const auto with = [](const bytes& value, errc code = errc::attest_malformed) {
      return vcek(snp_extensions::vcek().set("02", value), code);
    };
    CHECK(vcek(snp_extensions::vcek().drop("02")) == "snp_certificate.product_missing");
    CHECK(vlek(snp_extensions::vlek().drop("02")) == "snp_certificate.product_missing");
    for (const char* name : {"Venice", "Rome-B0", "milan", "Milan_B0", "-B0", "MilanX"})
      CHECK(with(text(name), errc::attest_unsupported_format) == "snp_certificate.product_unknown");
    CHECK(with(text("")) == "snp_certificate.product");
    CHECK(with(text("Milan-" + std::string(122, 'B'))) == "read");
    CHECK(with(text("Milan-" + std::string(123, 'B'))) == "snp_certificate.product");
    CHECK(with(text("Milan-\x1B")) == "snp_certificate.product");
    CHECK(with(joined({text("Milan"), hex("00")})) == "snp_certificate.product");
    CHECK(with(test::text(0x0C, "Milan")) == "snp_certificate.product");
    CHECK(with({}) == "snp_certificate.product");
  }

  TEST_CASE("its structure is that of its product") {
    const auto with = [](snp_extensions extensions, std::uint64_t structure) {
      return vcek(extensions.set("01", integer(structure)), errc::attest_unsupported_format);
    };
    CHECK(with(snp_extensions::vcek(), 1) == "snp_certificate.structure");
    CHECK(with(snp_extensions::turin_vcek(), 0) == "snp_certificate.structure");
    CHECK(with(snp_extensions::turin_vcek(), 2) == "snp_certificate.structure");
    CHECK(vcek(snp_extensions::vcek().drop("01")) == "snp_certificate.tcb_missing");
  }

  TEST_CASE("every part of the TCB is there and a number of one byte") {
    for (const char* part : {"0301", "0302", "0303", "0308"}) {
      CAPTURE(std::string{part});
      const auto with = [&](const bytes& value) {
        return vcek(snp_extensions::vcek().set(part, value));
      };
      CHECK(vcek(snp_extensions::vcek().drop(part)) == "snp_certificate.tcb_missing");
      CHECK(vlek(snp_extensions::vlek().drop(part)) == "snp_certificate.tcb_missing");
      CHECK(with(integer(0)) == "read");
      CHECK(with(integer(255)) == "read");
      CHECK(with(integer(256)) == "snp_certificate.tcb");
      CHECK(with(hex("0201ff")) == "snp_certificate.tcb");    // -1
      CHECK(with(hex("02020001")) == "snp_certificate.tcb");  // not in its shortest form
      CHECK(with(hex("0401ff")) == "snp_certificate.tcb");
      CHECK(with(hex("02010100")) == "snp_certificate.tcb");
      CHECK(with(hex("020101020101")) == "snp_certificate.tcb");
      CHECK(with({}) == "snp_certificate.tcb");
    }
    CHECK(vcek(snp_extensions::turin_vcek().drop("0309")) == "snp_certificate.tcb_missing");
  }

  TEST_CASE("parts that the product does not have are zero or absent") {
    for (const char* part : {"0304", "0305", "0306", "0307", "0309"}) {
      CAPTURE(std::string{part});
      CHECK(vcek(snp_extensions::vcek().drop(part)) == "read");
      CHECK(vcek(snp_extensions::vcek().set(part, integer(0))) == "read");
      CHECK(vcek(snp_extensions::vcek().set(part, integer(1))) == "snp_certificate.reserved_tcb");
      CHECK(vcek(snp_extensions::vcek().set(part, hex("0400"))) == "snp_certificate.tcb");
      if (std::string_view{part} != "0309")
        CHECK(vcek(snp_extensions::turin_vcek().set(part, integer(1))) ==
              "snp_certificate.reserved_tcb");
    }
  }

  TEST_CASE("the id stands as it is or in an OCTET STRING, and has one length") {
    const auto milan = [](const bytes& value) {
      return vcek(snp_extensions::vcek().set("04", value));
    };
    const auto turin = [](const bytes& value) {
      return vcek(snp_extensions::turin_vcek().set("04", value));
    };
    const bytes whole(64, std::byte{4});  // of bytes that look like a tag
    const bytes part(8, std::byte{4});
    CHECK(milan(whole) == "read");
    CHECK(milan(test::der(4, {whole})) == "read");
    CHECK(turin(part) == "read");
    CHECK(turin(test::der(4, {part})) == "read");
    const bytes der = certificate_with(snp_extensions::vcek().set("04", test::der(4, {whole})));
    const auto certificate = x509_certificate::parse(der);
    CHECK(detail::to_hex(read_snp_vcek(*certificate)->hardware_id) == detail::to_hex(whole));

    CHECK(milan(part) == "snp_certificate.hardware_id");
    CHECK(turin(whole) == "snp_certificate.hardware_id");
    CHECK(milan(bytes(63)) == "snp_certificate.hardware_id");
    CHECK(milan(bytes(65)) == "snp_certificate.hardware_id");
    CHECK(milan(bytes(66)) == "snp_certificate.hardware_id");
    CHECK(milan({}) == "snp_certificate.hardware_id");
    CHECK(milan(test::der(4, {bytes(63)})) == "snp_certificate.hardware_id");
    CHECK(milan(joined({test::der(4, {whole}), hex("00")})) == "snp_certificate.hardware_id");
    CHECK(milan(test::der(4, {test::der(4, {whole})})) == "snp_certificate.hardware_id");
    CHECK(milan(test::der(3, {whole})) == "snp_certificate.hardware_id");
  }

  TEST_CASE("the provider is a text that can be printed") {
    const auto with = [](const bytes& value) {
      return vlek(snp_extensions::vlek().set("05", value));
    };
    CHECK(with(text("A")) == "read");
    CHECK(with(text(std::string(128, 'A'))) == "read");
    CHECK(with(text(std::string(129, 'A'))) == "snp_certificate.provider");
    CHECK(with(text("")) == "snp_certificate.provider");
    CHECK(with(text("CN=\x7F")) == "snp_certificate.provider");
    CHECK(with(text("CN=\xC3\xBC")) == "snp_certificate.provider");
    CHECK(with(test::text(0x0C, "CN=cloud.example")) == "snp_certificate.provider");
    CHECK(with(joined({text("A"), text("B")})) == "snp_certificate.provider");
  }
}

}  // namespace
