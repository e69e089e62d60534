// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/nitro/nitro_root.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <chrono>

namespace {

using namespace enfilade;

TEST_SUITE("attest/nitro_root") {
  TEST_CASE("the root is the one that AWS publishes") {
    CHECK(detail::to_hex(sha256(nitro_root_g1())) ==
          "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b");
  }

  TEST_CASE("the root is an authority that signed itself, until 2049") {
    const auto root = x509_certificate::parse(nitro_root_g1());
    REQUIRE(root.has_value());
    CHECK(root->is_authority());
    CHECK(root->is_self_issued());
    CHECK(root->not_after() < std::chrono::sys_days{std::chrono::year{2049} / 10 / 29});
    CHECK(verify_x509_signature(root->public_key(), root->algorithm(), root->signed_part(),
                                root->signature()));
  }
}

}  // namespace
