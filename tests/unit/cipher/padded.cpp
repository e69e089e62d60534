// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/padded.hpp>
#include <enfilade/cipher/plain.hpp>
#include <enfilade/compose/choose.hpp>

#include <doctest/doctest.h>

#include "cipher_contract.hpp"

namespace {

using enfilade::AesGcm;
using enfilade::ChaChaPoly;
using enfilade::Padded;
using enfilade::padded_size;
using padded = Padded<AesGcm, 4096>;

static_assert(enfilade::cipher<padded>);
static_assert(!std::movable<padded>, "a session key stays where it was made");
static_assert(std::same_as<padded::policy_role, enfilade::role::cipher>);

// The name goes into the plan, so that ends which pad differently do not take each other on.
static_assert(padded::name == "aes-256-gcm.padded-4096");
static_assert(Padded<ChaChaPoly, 64>::name == "chacha20-poly1305.padded-64");
static_assert(Padded<AesGcm, (1 << 20)>::name == "aes-256-gcm.padded-1048576");
static_assert(enfilade::diagnose::plain(padded::name));

// It seals as the other one does.
static_assert(padded::suite == AesGcm::suite && padded::key_size == AesGcm::key_size);
static_assert(padded::iv_size == AesGcm::iv_size && padded::tag_size == AesGcm::tag_size);
static_assert(enfilade::diagnose::look_at_policy<Padded<enfilade::insecure::Plain, 64>>().insecure,
              "a padding makes nothing secure");
static_assert(!enfilade::diagnose::look_at_policy<padded>().insecure);

static_assert(padded_size<padded>(0) == 0 && padded_size<padded>(1) == 4096);
static_assert(padded_size<padded>(4095) == 4096 && padded_size<padded>(4096) == 4096);
static_assert(padded_size<padded>(4097) == 8192);
static_assert(padded_size<AesGcm>(1) == 1 && padded_size<AesGcm>(4097) == 4097);

TEST_SUITE("cipher/padded") {
  TEST_CASE("a padded cipher keeps the contract of a cipher") {
    test::keeps_the_contract<padded>();
    test::keeps_the_contract<Padded<ChaChaPoly, 64>>();
  }

  TEST_CASE("a padded cipher seals like the one inside") {
    test::sealed_record<padded> ours{100};
    test::sealed_record<AesGcm> theirs{100};
    CHECK(ours.body == theirs.body);
    CHECK(ours.tag == theirs.tag);
  }

  TEST_CASE("every size is padded to the smallest multiple that holds it") {
    for (std::size_t size = 0; size != 10000; ++size) {
      const std::size_t result = padded_size<padded>(size);
      CHECK(result % 4096 == 0);
      CHECK(result >= size);
      CHECK(result < size + 4096);
    }
  }
}

}  // namespace
