// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/x509/known_signatures.hpp>

#include "support/test_authority.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <vector>

namespace {

using namespace enfilade;
using test::bytes;

/// A root and a leaf that it signed.
struct two_certificates {
  test::signing_key key, other_key;
  bytes root_der, leaf_der;

  two_certificates() {
    test::certificate_fields root, leaf;
    root.subject = test::name("root");
    root.issuer = test::name("root");
    root.key_info = key.key_info();
    root.extensions = {test::authority("020101"), test::signs_certificates_and_lists()};
    leaf.issuer = test::name("root");
    leaf.key_info = other_key.key_info();
    root_der = root.signed_by(key);
    leaf_der = leaf.signed_by(key);
  }
};

known_signatures::digest numbered(std::size_t i) {
  known_signatures::digest one{};
  one[0] = static_cast<std::byte>(i);
  one[31] = static_cast<std::byte>(i >> 8);
  return one;
}

TEST_SUITE("attest/x509/known_signatures") {
  TEST_CASE("a signature is computed once, and taken for what it is afterwards") {
    const two_certificates made;
    const auto root = x509_certificate::parse(made.root_der);
    REQUIRE(root.has_value());
    const std::vector<detail::byte_span> path{made.leaf_der};
    const std::chrono::sys_seconds now{std::chrono::sys_days{std::chrono::year{2024} / 6 / 1}};
    known_signatures known;
    for (const std::size_t computed : {1U, 0U, 0U}) {
      remembering_check check{&known};
      REQUIRE(x509_chain::verify(path, x509_order::leaf_first, *root, now, check).has_value());
      CHECK(check.made() == computed);
    }
    CHECK(known.size() == 1);
    remembering_check forgetful;
    REQUIRE(x509_chain::verify(path, x509_order::leaf_first, *root, now, forgetful).has_value());
    CHECK(forgetful.made() == 1);
  }

  TEST_CASE("nothing bad is remembered, and nothing else passes for what is known") {
    const two_certificates made;
    const auto root = x509_certificate::parse(made.root_der);
    const auto leaf = x509_certificate::parse(made.leaf_der);
    REQUIRE((root && leaf));
    known_signatures known;
    bytes message(leaf->signed_part().begin(), leaf->signed_part().end());
    bytes signature(leaf->signature().begin(), leaf->signature().end());
    const auto judge = [&](const x509_certificate& issuer) {
      return remembering_check{&known}(issuer, leaf->algorithm(), message, signature);
    };
    REQUIRE(judge(*root).has_value());
    message.back() ^= std::byte{1};
    CHECK(judge(*root).error().code == errc::attest_bad_signature);
    CHECK_MESSAGE(judge(*root).has_error(), "the second time as well");
    message.back() ^= std::byte{1};
    signature.back() ^= std::byte{1};
    CHECK(judge(*root).error().code == errc::attest_bad_signature);
    signature.back() ^= std::byte{1};
    CHECK(judge(*leaf).error().code == errc::attest_bad_signature);
    CHECK(known.size() == 1);
  }

  TEST_CASE("a byte that moves from the message to the signature makes another digest") {
    const two_certificates made;
    const auto root = x509_certificate::parse(made.root_der);
    REQUIRE(root.has_value());
    const bytes one(8, std::byte{1});
    const detail::byte_span all{one};
    CHECK(known_signatures::digest_of(*root, x509_algorithm::ecdsa_sha256, all.first(4),
                                      all.last(4)) !=
          known_signatures::digest_of(*root, x509_algorithm::ecdsa_sha256, all.first(5),
                                      all.last(3)));
    CHECK(known_signatures::digest_of(*root, x509_algorithm::ecdsa_sha256, all, all) !=
          known_signatures::digest_of(*root, x509_algorithm::ecdsa_sha384, all, all));
  }

  TEST_CASE("it holds as many as it may, and forgets the oldest") {
    known_signatures known{3};
    for (std::size_t i = 0; i != 5; ++i) known.insert(numbered(i));
    known.insert(numbered(4));
    CHECK(known.size() == 3);
    CHECK_FALSE(known.contains(numbered(1)));
    for (const std::size_t i : {2U, 3U, 4U}) CHECK(known.contains(numbered(i)));
    known.insert(numbered(5));
    CHECK_FALSE(known.contains(numbered(2)));
    known_signatures none{0};
    none.insert(numbered(1));
    CHECK(none.size() == 0);
  }
}

}  // namespace
