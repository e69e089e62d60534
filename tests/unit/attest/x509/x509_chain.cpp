// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/x509/x509_chain.hpp>

#include "support/refusal_text.hpp"
#include "support/test_authority.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using std::chrono::sys_seconds;
using test::bytes;

const test::signing_key& key(std::size_t i) {
  static const std::vector<test::signing_key> keys(7);
  return keys[i];
}

/// Root, middle and leaf, each signed by the one before it; good, until a test spoils one.
struct authorities {
  test::certificate_fields root, middle, leaf;

  authorities() {
    root.subject = test::name("root");
    root.key_info = key(0).key_info();
    root.extensions = {test::authority("020101"), test::signs_certificates_and_lists()};
    middle.subject = test::name("middle");
    middle.key_info = key(1).key_info();
    middle.extensions = {test::authority("020100"), test::signs_certificates_and_lists()};
    leaf.issuer = test::name("middle");
    leaf.key_info = key(2).key_info();
  }

  std::vector<bytes> leaf_first() const {
    return {leaf.signed_by(key(1)), middle.signed_by(key(0)), root.signed_by(key(0))};
  }
};

const sys_seconds within{std::chrono::sys_days{std::chrono::year{2024} / 6 / 1}};

std::vector<detail::byte_span> views(const std::vector<bytes>& certificates) {
  return {certificates.begin(), certificates.end()};
}

/// The rule that these certificates break, where the last one is the root that was pinned.
refusal refused(const std::vector<bytes>& certificates, sys_seconds now = within) {
  const auto root = x509_certificate::parse(certificates.back());
  REQUIRE(root.has_value());
  const auto chain = x509_chain::verify(views(certificates), x509_order::leaf_first, *root, now);
  return chain ? refusal{} : chain.error();
}
refusal refused(const authorities& a, sys_seconds now = within) {
  return refused(a.leaf_first(), now);
}

constexpr refusal invalid(std::string_view rule) { return {errc::attest_chain_invalid, rule}; }
constexpr refusal forged{errc::attest_bad_signature, "x509.signature"};
constexpr refusal expired{errc::attest_expired, "chain.expired"};
constexpr refusal early{errc::attest_not_yet_valid, "chain.not_yet_valid"};

/// A chain of `size` certificates with the root, leaf first.
std::vector<bytes> chain_of(std::size_t size) {
  std::vector<bytes> out;
  for (std::size_t i = 0; i != size; ++i) {
    const auto called = [&](std::size_t n) { return test::name(std::string(n + 1, 'x')); };
    test::certificate_fields fields;
    fields.issuer = called(i == 0 ? 0 : i - 1);
    fields.subject = called(i);
    fields.key_info = key(i).key_info();
    if (i + 1 != size)
      fields.extensions = {test::authority(), test::signs_certificates_and_lists()};
    out.insert(out.begin(), fields.signed_by(key(i == 0 ? 0 : i - 1)));
  }
  return out;
}

TEST_SUITE("attest/x509_chain") {
  TEST_CASE("a chain leads from the leaf to the caller's own root") {
    const auto certificates = authorities{}.leaf_first();
    const auto root = *x509_certificate::parse(certificates.back());
    const auto chain =
        x509_chain::verify(views(certificates), x509_order::leaf_first, root, within);
    REQUIRE(chain.has_value());
    CHECK(chain->size() == 3);
    CHECK(std::ranges::equal(chain->leaf().subject(), test::name("leaf")));
    CHECK(std::ranges::equal((*chain)[1].subject(), test::name("middle")));
    CHECK(chain->root().der().data() == root.der().data());
  }

  TEST_CASE("it may be listed from the root on, and the root may be left out") {
    auto certificates = authorities{}.leaf_first();
    const bytes kept = certificates.back();
    const auto root = *x509_certificate::parse(kept);
    const auto verified = [&](x509_order order) {
      return x509_chain::verify(views(certificates), order, root, within).has_value();
    };
    CHECK(verified(x509_order::leaf_first));
    CHECK_FALSE(verified(x509_order::root_first));
    certificates.pop_back();
    CHECK(verified(x509_order::leaf_first));
    std::ranges::reverse(certificates);
    CHECK(verified(x509_order::root_first));
    CHECK_FALSE(verified(x509_order::leaf_first));
  }

  TEST_CASE("a root that was issued anew for the same key is known by its key") {
    authorities a;
    auto certificates = a.leaf_first();
    test::certificate_fields old = a.root;
    old.not_after = test::utc_time("240101000001Z");
    const auto root = *x509_certificate::parse(certificates.back());
    const bytes reissued = old.signed_by(key(0));
    std::vector<bytes> sent{certificates[0], certificates[1], reissued};
    // Its own dates do not matter: it is dropped, and the pinned one used.
    CHECK(x509_chain::verify(views(sent), x509_order::leaf_first, root, within).has_value());
  }

  TEST_CASE("another root of the same name is refused, whatever it has signed") {
    authorities a;
    auto certificates = a.leaf_first();
    const bytes pinned = certificates.back();
    const auto root = *x509_certificate::parse(pinned);
    a.root.key_info = key(5).key_info();
    const std::vector<bytes> sent{a.leaf.signed_by(key(1)), a.middle.signed_by(key(5)),
                                  a.root.signed_by(key(5))};
    const auto found = x509_chain::verify(views(sent), x509_order::leaf_first, root, within);
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error() == invalid("chain.another_root"));
    const std::vector<bytes> without{sent[0], sent[1]};
    const auto forged_middle =
        x509_chain::verify(views(without), x509_order::leaf_first, root, within);
    CHECK(forged_middle.error() == forged);
  }

  TEST_CASE("no certificates, and the root alone, lead nowhere") {
    const auto certificates = authorities{}.leaf_first();
    const auto root = *x509_certificate::parse(certificates.back());
    const auto none = x509_chain::verify({}, x509_order::leaf_first, root, within);
    CHECK(none.error() == invalid("chain.empty"));
    CHECK(refused({certificates.back()}) == invalid("chain.root_alone"));
  }

  TEST_CASE("six certificates are a chain, seven are none") {
    for (const std::size_t size : {2U, 5U, 6U}) CHECK(refused(chain_of(size)) == refusal{});
    auto seven = chain_of(7);
    CHECK(refused(seven) == invalid("chain.too_long"));
    // The root counts, sent or not.
    const bytes kept = seven.back();
    const auto root = *x509_certificate::parse(kept);
    seven.pop_back();
    const auto found = x509_chain::verify(views(seven), x509_order::leaf_first, root, within);
    CHECK(found.error() == invalid("chain.too_long"));
  }

  TEST_CASE("each is issued under the name of the next") {
    authorities a;
    a.leaf.issuer = test::name("someone");
    CHECK(refused(a) == invalid("chain.issuer_name"));
    a = {};
    // The same letters in another type of string are another name.
    a.leaf.issuer = test::der(
        0x30, {test::der(
                  0x31, {test::der(0x30, {test::hex("0603550403"), test::text(0x13, "middle")})})});
    CHECK(refused(a) == invalid("chain.issuer_name"));
  }

  TEST_CASE("who signs certificates says that it may") {
    authorities a;
    SUBCASE("by basicConstraints, which it has") {
      a.middle.extensions = {test::signs_certificates_and_lists()};
      CHECK(refused(a) == invalid("chain.not_an_authority"));
    }
    SUBCASE("by basicConstraints, which says yes") {
      a.middle.extensions = {test::no_authority(), test::signs_certificates_and_lists()};
      CHECK(refused(a) == invalid("chain.not_an_authority"));
    }
    SUBCASE("by keyUsage, which it has") {
      a.middle.extensions = {test::authority()};
      CHECK(refused(a) == invalid("chain.key_usage"));
    }
    SUBCASE("by keyUsage, which names it") {
      a.middle.extensions = {test::authority(), test::signs_documents()};
      CHECK(refused(a) == invalid("chain.key_usage"));
    }
    SUBCASE("and so does the root") {
      a.root.extensions = {test::authority(), test::signs_documents()};
      CHECK(refused(a) == invalid("chain.key_usage"));
    }
  }

  TEST_CASE("a path length is the number of authorities below") {
    authorities a;
    a.root.extensions = {test::authority("020100"), test::signs_certificates_and_lists()};
    CHECK(refused(a) == invalid("chain.path_length"));
    a.root.extensions = {test::authority("020101"), test::signs_certificates_and_lists()};
    CHECK(refused(a) == refusal{});
    a.root.extensions = {test::authority(), test::signs_certificates_and_lists()};
    CHECK(refused(a) == refusal{});
  }

  TEST_CASE("a leaf is no authority, and may sign") {
    authorities a;
    a.leaf.extensions = {test::authority(), test::signs_certificates_and_lists()};
    CHECK(refused(a) == invalid("chain.leaf_is_authority"));
    a.leaf.extensions = {test::no_authority(), test::signs_certificates_and_lists()};
    CHECK(refused(a) == invalid("chain.leaf_key_usage"));
    a.leaf.extensions.clear();  // as AMD's
    CHECK(refused(a) == refusal{});
  }

  TEST_CASE("every certificate is looked at, at the time that the caller gives") {
    const auto at = [](int year, int month, int day) {
      return sys_seconds{std::chrono::sys_days{std::chrono::year{year} / month / day}};
    };
    for (const std::size_t which : {0U, 1U, 2U}) {
      authorities a;
      auto& one = which == 0 ? a.leaf : which == 1 ? a.middle : a.root;
      one.not_before = test::utc_time("240301000000Z");
      one.not_after = test::utc_time("240901000000Z");
      CHECK(refused(a, at(2024, 3, 1)) == refusal{});
      CHECK(refused(a, at(2024, 3, 1) - std::chrono::seconds{1}) == early);
      CHECK(refused(a, at(2024, 9, 1)) == refusal{});
      CHECK(refused(a, at(2024, 9, 1) + std::chrono::seconds{1}) == expired);
    }
  }

  TEST_CASE("every signature is checked") {
    const auto good = authorities{}.leaf_first();
    for (const std::size_t which : {0U, 1U}) {
      auto spoilt = good;
      spoilt[which].back() ^= std::byte{1};
      CHECK(refused(spoilt) == forged);
    }
    authorities a;
    const std::vector<bytes> by_another{a.leaf.signed_by(key(4)), good[1], good[2]};
    CHECK(refused(by_another) == forged);
  }

  TEST_CASE("a signature is of the algorithm of the issuer's key") {
    authorities a;
    a.leaf.algorithm = a.leaf.outer_algorithm = test::hex("300a06082a8648ce3d040302");
    CHECK(refused(a) == invalid("chain.algorithm"));
  }

  TEST_CASE("names, dates and rights are looked at before any signature") {
    authorities a;
    a.leaf.not_after = test::utc_time("240102000000Z");
    auto certificates = a.leaf_first();
    const auto root = *x509_certificate::parse(certificates.back());
    x509_signature_check count;
    const auto chain =
        x509_chain::verify(views(certificates), x509_order::leaf_first, root, within, count);
    CHECK(chain.error() == expired);
    CHECK(count.made() == 0);
  }

  TEST_CASE("no key is computed with before somebody trusted has signed it") {
    auto certificates = authorities{}.leaf_first();
    certificates[1].back() ^= std::byte{1};
    const auto root = *x509_certificate::parse(certificates.back());
    x509_signature_check count;
    const auto chain =
        x509_chain::verify(views(certificates), x509_order::leaf_first, root, within, count);
    CHECK(chain.error() == forged);
    CHECK(count.made() == 1);
  }

  TEST_CASE("one verification makes at most sixteen signatures") {
    const auto certificates = chain_of(5);
    const auto root = *x509_certificate::parse(certificates.back());
    x509_signature_check count;
    for (int i = 0; i != 4; ++i)
      CHECK(x509_chain::verify(views(certificates), x509_order::leaf_first, root, within, count)
                .has_value());
    CHECK(count.made() == 16);
    const auto fifth =
        x509_chain::verify(views(certificates), x509_order::leaf_first, root, within, count);
    CHECK(fifth.error() == invalid("x509.too_many_signatures"));
  }

  TEST_CASE("what is wrong with one certificate is wrong with the chain") {
    authorities a;
    a.leaf.extensions.push_back(test::extension("551d1e", test::hex("3000"), true));
    CHECK(refused(a) == refusal{errc::attest_unsupported_format, "x509.critical_extension"});
    const auto certificates = a.leaf_first();
    const auto root = *x509_certificate::parse(certificates.back());
    constexpr std::array known{object_identifier{2, 5, 29, 30}};
    CHECK(x509_chain::verify(views(certificates), x509_order::leaf_first, root, within,
                             x509_signature_check{}, known)
              .has_value());
  }
}

}  // namespace
