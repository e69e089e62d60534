// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>

#include <doctest/doctest.h>

#include "cipher_contract.hpp"

namespace {

using enfilade::AesGcm;

static_assert(enfilade::cipher<AesGcm>);
static_assert(AesGcm::name == "aes-256-gcm" && AesGcm::suite == 1);
static_assert(!std::movable<AesGcm>, "a session key stays where it was made");
static_assert(std::same_as<AesGcm::policy_role, enfilade::role::cipher>);

TEST_SUITE("cipher/aes_gcm") {
  TEST_CASE("AES-256-GCM keeps the contract of a cipher") { test::keeps_the_contract<AesGcm>(); }

  // The GCM specification of McGrew and Viega, test case 14: key, IV and 16 bytes of zeros.
  TEST_CASE("the published ciphertext of sixteen zeros") {
    const enfilade::Key<32> key;
    AesGcm cipher{key, std::array<std::byte, 12>{}};
    std::array<std::byte, 16> body{};
    std::array<std::byte, 16> tag{};
    cipher.seal(0, {}, body, tag);
    CHECK(enfilade::detail::to_hex(body) == "cea7403d4d606b6e074ec5d3baf39d18");
    CHECK(enfilade::detail::to_hex(tag) == "d0d1c8a799996bf0265b98b5d48ab919");
  }
}

}  // namespace
