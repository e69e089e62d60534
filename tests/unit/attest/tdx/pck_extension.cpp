// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/tdx/pck_extension.hpp>
#include <enfilade/attest/x509/x509.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include "support/refusal_text.hpp"
#include "support/tdx_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::hex;
using test::pck_attributes;

judged<pck_extension> read(const std::vector<bytes>& extensions) {
  test::tdx_maker maker;
  maker.pck_fields.extensions = extensions;
  maker.certify();
  const auto certificate = x509_certificate::parse(maker.pck());
  REQUIRE(certificate.has_value());
  return read_pck_extension(*certificate);
}
judged<pck_extension> read_value(const bytes& value) {
  return read({test::no_authority(), test::extension("2a864886f84d010d01", value)});
}
judged<pck_extension> read(const pck_attributes& all) { return read_value(all.encoded()); }

/// The rule that the extension breaks; "read" where it breaks none.
std::string_view rule(const judged<pck_extension>& found) {
  if (found) return "read";
  CHECK(found.error().code == errc::attest_malformed);
  return found.error().rule;
}
template <class Spoil>
std::string_view rule_with(Spoil spoil) {
  pck_attributes all;
  spoil(all);
  return rule(read(all));
}

TEST_SUITE("attest/pck_extension") {
  TEST_CASE("an extension says what stands in it") {
    pck_attributes all;
    all.tcb[7] = pck_attributes::attribute("0208", test::integer(255));
    all.tcb[16] = pck_attributes::attribute("0211", test::integer(0x1234));
    const auto found = read(all);
    REQUIRE(found.has_value());
    CHECK(bytes(found->ppid.begin(), found->ppid.end()) == bytes(16, std::byte{0xAB}));
    CHECK(found->components[0] == 5);
    CHECK(found->components[7] == 255);
    CHECK(found->components[8] == 0);
    CHECK(found->pcesvn == 0x1234);
    CHECK(bytes(found->cpusvn.begin(), found->cpusvn.end()) == bytes(16, std::byte{3}));
    CHECK(bytes(found->pceid.begin(), found->pceid.end()) == hex("0000"));
    CHECK(bytes(found->fmspc.begin(), found->fmspc.end()) == hex("b0c06f000000"));
    CHECK(found->type == sgx_type::scalable);
  }

  TEST_CASE("a certificate without it is none of a platform") {
    const auto found = read({test::no_authority(), test::signs_documents()});
    REQUIRE(found.has_error());
    CHECK(found.error() == refusal{errc::attest_chain_invalid, "pck.extension_missing"});
  }

  TEST_CASE("what only platforms of several packages have may be absent") {
    CHECK(rule_with([](pck_attributes& a) {
            a.instance.clear();
            a.configuration.clear();
          }) == "read");
    CHECK(rule_with([](pck_attributes& a) { a.instance.clear(); }) == "pck.attribute");
    CHECK(rule_with([](pck_attributes& a) { a.configuration.clear(); }) == "pck.attribute_missing");
  }

  TEST_CASE("every attribute must be there, in its place") {
    for (auto part : {&pck_attributes::ppid, &pck_attributes::pceid, &pck_attributes::fmspc,
                      &pck_attributes::type})
      CHECK(rule_with([&](pck_attributes& a) { (a.*part).clear(); }) == "pck.attribute");
    CHECK(rule_with([](pck_attributes& a) { std::swap(a.pceid, a.fmspc); }) == "pck.attribute");
    for (std::size_t i = 0; i != 18; ++i) {
      CAPTURE(i);
      const auto at = static_cast<std::ptrdiff_t>(i);
      CHECK(rule_with([&](pck_attributes& a) { a.tcb.erase(a.tcb.begin() + at); }) ==
            (i == 17 ? "pck.attribute_missing" : "pck.attribute"));
    }
    CHECK(rule(read_value(hex("3000"))) == "pck.attribute_missing");
    CHECK(rule(read_value(hex("30023000"))) == "der.unexpected_element");
  }

  TEST_CASE("no other attribute may be there") {
    const bytes more = pck_attributes::octets("08", hex("00"));
    CHECK(rule_with([&](pck_attributes& a) { a.behind = more; }) == "pck.unknown_attribute");
    CHECK(rule_with([&](pck_attributes& a) { a.behind_tcb = more; }) == "pck.unknown_attribute");
    CHECK(rule_with([&](pck_attributes& a) { a.tcb.push_back(more); }) == "pck.unknown_attribute");
    CHECK(rule_with([&](pck_attributes& a) { a.configuration.push_back(more); }) ==
          "pck.unknown_attribute");
    CHECK(rule(read_value(test::joined({pck_attributes{}.encoded(), hex("0500")}))) ==
          "pck.unknown_attribute");
  }

  TEST_CASE("byte strings have their lengths") {
    for (const std::size_t size : {15U, 17U})
      CHECK(rule_with([&](pck_attributes& a) {
              a.ppid = pck_attributes::octets("01", bytes(size));
            }) == "pck.size");
    CHECK(rule_with([](pck_attributes& a) { a.fmspc = pck_attributes::octets("04", bytes(7)); }) ==
          "pck.size");
    CHECK(rule_with([](pck_attributes& a) {
            a.pceid = pck_attributes::attribute("03", hex("040200000500"));
          }) == "pck.size");
    CHECK(rule_with([](pck_attributes& a) {
            a.pceid = pck_attributes::attribute("03", hex("02020100"));
          }) == "der.unexpected_element");
  }

  TEST_CASE("security versions are numbers of one byte, the PCESVN of two") {
    const auto with = [](std::size_t index, std::string_view arcs, const bytes& value) {
      return rule_with(
          [&](pck_attributes& a) { a.tcb[index] = pck_attributes::attribute(arcs, value); });
    };
    CHECK(with(0, "0201", test::integer(256)) == "pck.number");
    CHECK(with(0, "0201", hex("0201050500")) == "pck.number");
    CHECK(with(0, "0201", hex("0201ff")) == "der.negative");
    CHECK(with(0, "0201", hex("02020005")) == "der.integer");
    CHECK(with(16, "0211", test::integer(0xFFFF)) == "read");
    CHECK(with(16, "0211", test::integer(0x10000)) == "pck.number");
  }

  TEST_CASE("the type is one of three") {
    const auto with = [](std::string_view value) {
      return rule_with(
          [&](pck_attributes& a) { a.type = pck_attributes::attribute("05", hex(value)); });
    };
    CHECK(with("0a0100") == "read");
    CHECK(with("0a0102") == "read");
    CHECK(with("0a0103") == "pck.sgx_type");
    CHECK(with("0a020001") == "pck.sgx_type");
    CHECK(with("0a01010500") == "pck.sgx_type");
    CHECK(with("020101") == "der.unexpected_element");
  }

  TEST_CASE("the configuration is three flags") {
    const auto with = [](std::string_view value) {
      return rule_with([&](pck_attributes& a) {
        a.configuration[1] = pck_attributes::attribute("0702", hex(value));
      });
    };
    CHECK(with("0101ff") == "read");
    CHECK(with("010101") == "pck.configuration");
    CHECK(with("0101ff0500") == "pck.configuration");
    CHECK(with("0500") == "pck.configuration");
    CHECK(rule_with([](pck_attributes& a) { a.configuration.pop_back(); }) ==
          "pck.attribute_missing");
  }
}

}  // namespace
