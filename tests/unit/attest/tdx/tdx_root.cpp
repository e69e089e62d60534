// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/tdx/tdx_root.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_name.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <chrono>

namespace {

using namespace enfilade;

TEST_SUITE("attest/tdx_root") {
  TEST_CASE("the root is the one that Intel publishes") {
    CHECK(detail::to_hex(sha256(intel_sgx_root())) ==
          "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3");
  }

  TEST_CASE("the root is an authority that signed itself, until the end of 2049") {
    const auto root = x509_certificate::parse(intel_sgx_root());
    REQUIRE(root.has_value());
    CHECK(has_common_name(root->subject(), "Intel SGX Root CA"));
    CHECK(root->is_authority());
    CHECK(root->path_length() == 1);
    CHECK(root->may(x509_usage::revocation_signing));
    CHECK(root->is_self_issued());
    CHECK(root->not_after() < std::chrono::sys_days{std::chrono::year{2050} / 1 / 1});
    CHECK(verify_x509_signature(root->public_key(), root->algorithm(), root->signed_part(),
                                root->signature()));
  }
}

}  // namespace
