// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/x509/x509_crl.hpp>

#include "support/refusal_text.hpp"
#include "support/test_authority.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using std::chrono::sys_seconds;
using test::bytes;
using test::hex;

const test::signing_key& root_key() {
  static const test::signing_key key;
  return key;
}
const test::signing_key& other_key() {
  static const test::signing_key key;
  return key;
}

const sys_seconds june{std::chrono::sys_days{std::chrono::year{2024} / 6 / 15}};

struct root_fields : test::certificate_fields {
  root_fields() {
    subject = test::name("root");
    key_info = root_key().key_info();
    extensions = {test::authority(), test::signs_certificates_and_lists()};
  }
};

refusal refused(const test::crl_fields& fields) {
  const bytes der = fields.signed_by(root_key());
  const auto found = x509_crl::parse(der);
  return found ? refusal{} : found.error();
}

refusal unverified(const test::crl_fields& fields, const root_fields& issuer = {},
                   sys_seconds now = june, const test::signing_key& signer = root_key()) {
  const bytes root = issuer.signed_by(root_key());
  const auto certificate = *x509_certificate::parse(root);
  const bytes der = fields.signed_by(signer);
  const auto found = x509_crl::parse(der)->verify(certificate, now);
  return found ? refusal{} : found.error();
}

constexpr refusal malformed(std::string_view rule) { return {errc::attest_malformed, rule}; }
constexpr refusal unsupported(std::string_view rule) {
  return {errc::attest_unsupported_format, rule};
}

/// A leaf of this number under the root, and what lists say of it.
judged<std::size_t> looked_up(std::uint64_t serial, const std::vector<test::crl_fields>& lists,
                              sys_seconds now = june,
                              const test::signing_key& signer = root_key()) {
  test::certificate_fields leaf;
  leaf.serial = test::integer(serial);
  leaf.key_info = other_key().key_info();
  const bytes leaf_der = leaf.signed_by(root_key());
  const bytes root_der = root_fields{}.signed_by(root_key());
  const std::vector<detail::byte_span> views{leaf_der, root_der};
  const auto root = *x509_certificate::parse(root_der);
  const auto chain = x509_chain::verify(views, x509_order::leaf_first, root, june);
  REQUIRE(chain.has_value());
  std::vector<bytes> ders;
  for (const auto& fields : lists) ders.push_back(fields.signed_by(signer));
  std::vector<x509_crl> parsed;
  for (const bytes& der : ders) parsed.push_back(*x509_crl::parse(der));
  return check_revocation(*chain, parsed, now);
}

TEST_SUITE("attest/x509_crl") {
  TEST_CASE("a list says whose certificates it revokes, which ones, and until when it holds") {
    test::crl_fields fields;
    fields.revoked = test::der(
        0x30, {test::der(0x30, {test::integer(7), test::utc_time("240501000000Z")}),
               test::der(0x30, {hex("020500efae6e97"), test::utc_time("240501000000Z"),
                                test::der(0x30, {test::extension("551d15", hex("0a0101"))})})});
    const bytes der = fields.signed_by(root_key());
    const auto list = x509_crl::parse(der);
    REQUIRE(list.has_value());
    CHECK(std::ranges::equal(list->issuer(), test::name("root")));
    CHECK(list->this_update() == std::chrono::sys_days{std::chrono::year{2024} / 6 / 1});
    CHECK(list->next_update() == std::chrono::sys_days{std::chrono::year{2024} / 7 / 1});
    CHECK(list->revokes(hex("07")));
    CHECK(list->revokes(hex("efae6e97")));
    CHECK_FALSE(list->revokes(hex("08")));
    CHECK_FALSE(list->revokes(hex("0007")));
    CHECK_FALSE(list->revokes({}));
  }

  TEST_CASE("a list may revoke nothing") {
    test::crl_fields fields;
    fields.revoked = {};
    fields.extensions = {};
    const bytes der = fields.signed_by(root_key());
    const auto list = x509_crl::parse(der);
    REQUIRE(list.has_value());
    CHECK_FALSE(list->revokes(hex("07")));
  }

  TEST_CASE("a list is refused") {
    test::crl_fields f;
    SUBCASE("of version 1 or 3") {
      f.version = {};
      CHECK(refused(f) == unsupported("crl.version"));
      f.version = test::integer(2);
      CHECK(refused(f) == unsupported("crl.version"));
    }
    SUBCASE("whose algorithm fields differ") {
      f.algorithm = hex("300a06082a8648ce3d040302");
      CHECK(refused(f) == malformed("crl.algorithms_differ"));
    }
    SUBCASE("that is valid for ever") {
      f.next_update = {};
      CHECK(refused(f) == malformed("crl.no_next_update"));
    }
    SUBCASE("that ends before it begins") {
      f.next_update = test::utc_time("240531000000Z");
      CHECK(refused(f) == malformed("crl.validity"));
    }
    SUBCASE("that is a part of a list") {
      f.extensions =
          test::der(0xA0, {test::der(0x30, {test::extension("551d1b", test::integer(1), true)})});
      CHECK(refused(f) == unsupported("x509.critical_extension"));
    }
    SUBCASE("that speaks of another issuer's certificates") {
      f.revoked = test::der(
          0x30,
          {test::der(0x30, {test::integer(7), test::utc_time("240501000000Z"),
                            test::der(0x30, {test::extension("551d1d", hex("3000"), true)})})});
      CHECK(refused(f) == unsupported("x509.critical_extension"));
    }
    SUBCASE("with an entry that is none") {
      f.revoked =
          hex("3002"
              "0500");
      CHECK(refused(f) == malformed("der.unexpected_element"));
      f.revoked =
          hex("3005"
              "3003"
              "0201ff");
      CHECK(refused(f) == malformed("der.negative"));
      f.revoked = test::der(
          0x30, {test::der(0x30, {test::integer(7), test::utc_time("240501000000Z"),
                                  test::der(0x30, {test::extension("551d15", hex("0a0101"))}),
                                  hex("0500")})});
      CHECK(refused(f) == malformed("crl.trailing_bytes"));
    }
    SUBCASE("with something behind its extensions") {
      f.extensions.push_back(std::byte{5});
      f.extensions.push_back(std::byte{0});
      CHECK(refused(f) == malformed("crl.trailing_bytes"));
    }
    SUBCASE("that is too long") {
      f.revoked = test::der(0x30, {});
      const bytes der(x509_crl::max_size + 1, std::byte{0x30});
      CHECK(x509_crl::parse(der).error() == malformed("crl.too_long"));
    }
  }

  TEST_CASE("a list is its issuer's") {
    CHECK(unverified({}) == refusal{});
    test::crl_fields f;
    f.issuer = test::name("someone");
    CHECK(unverified(f) == refusal{errc::attest_chain_invalid, "crl.issuer_name"});
    CHECK(unverified({}, {}, june, other_key()) ==
          refusal{errc::attest_bad_signature, "x509.signature"});
    f = {};
    f.algorithm = f.outer_algorithm = hex("300a06082a8648ce3d040302");
    CHECK(unverified(f) == refusal{errc::attest_chain_invalid, "crl.algorithm"});
  }

  TEST_CASE("who signs lists says that it may") {
    root_fields issuer;
    issuer.extensions = {test::authority(), test::usage("03020204")};
    CHECK(unverified({}, issuer) == refusal{errc::attest_chain_invalid, "crl.key_usage"});
  }

  TEST_CASE("a list holds from its update to the next") {
    const sys_seconds first{std::chrono::sys_days{std::chrono::year{2024} / 6 / 1}};
    const sys_seconds last{std::chrono::sys_days{std::chrono::year{2024} / 7 / 1}};
    const std::chrono::seconds one{1};
    CHECK(unverified({}, {}, first) == refusal{});
    CHECK(unverified({}, {}, last) == refusal{});
    CHECK(unverified({}, {}, first - one) ==
          refusal{errc::attest_not_yet_valid, "crl.not_yet_valid"});
    CHECK(unverified({}, {}, last + one) == refusal{errc::attest_expired, "crl.expired"});
  }

  TEST_CASE("a chain with a revoked certificate is refused") {
    CHECK(*looked_up(8, {test::crl_fields{}}) == 1);
    CHECK(looked_up(7, {test::crl_fields{}}).error() ==
          refusal{errc::attest_revoked, "crl.revoked"});
    test::crl_fields empty;
    empty.revoked = {};
    CHECK_MESSAGE(looked_up(7, {empty, test::crl_fields{}}).has_error(), "one list is enough");
  }

  TEST_CASE("without a list nothing is looked up, and the caller is told so") {
    CHECK(*looked_up(7, {}) == 0);
    test::crl_fields of_another;
    of_another.issuer = test::name("someone");
    CHECK(*looked_up(7, {of_another}) == 0);
  }

  TEST_CASE("a list that does not hold is no list") {
    const sys_seconds august{std::chrono::sys_days{std::chrono::year{2024} / 8 / 1}};
    CHECK(looked_up(8, {test::crl_fields{}}, august).error().code == errc::attest_expired);
    CHECK(looked_up(8, {test::crl_fields{}}, june, other_key()).error().code ==
          errc::attest_bad_signature);
  }
}

}  // namespace
