// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/nvidia/nvidia_root.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <chrono>

namespace {

using namespace enfilade;

TEST_SUITE("attest/nvidia_root") {
  TEST_CASE("the root is NVIDIA's of 2021") {
    CHECK(detail::to_hex(sha256(nvidia_device_root())) ==
          "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48");
  }

  TEST_CASE("the root is an authority that signed itself, until the last second of all dates") {
    const auto root = x509_certificate::parse(nvidia_device_root());
    REQUIRE(root.has_value());
    CHECK(root->is_authority());
    CHECK(root->is_self_issued());
    CHECK(root->not_after() ==
          std::chrono::sys_days{std::chrono::year{10000} / 1 / 1} - std::chrono::seconds{1});
    CHECK(verify_x509_signature(root->public_key(), root->algorithm(), root->signed_part(),
                                root->signature()));
  }

  TEST_CASE("the name of the kind is one") {
    der_reader name{nvidia_gh100_name()};
    CHECK(detail::read_x509_name(name).has_value());
    CHECK(name.empty());
  }
}

}  // namespace
