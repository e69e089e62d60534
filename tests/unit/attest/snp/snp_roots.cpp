// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/snp/snp_roots.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "support/snp_maker.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono;

constexpr std::array products{snp_product::milan, snp_product::genoa, snp_product::turin};

TEST_SUITE("attest/snp_roots") {
  TEST_CASE("the roots are those that AMD publishes") {
    const auto digest = [](snp_product product) {
      return detail::to_hex(sha256(snp_root(product)));
    };
    CHECK(digest(snp_product::milan) ==
          "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd");
    CHECK(digest(snp_product::genoa) ==
          "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1");
    CHECK(digest(snp_product::turin) ==
          "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a");
  }

  TEST_CASE("each is an authority that signed itself, under the name of its product") {
    const std::array ends{sys_days{year{2045} / 10 / 22}, sys_days{year{2047} / 1 / 26},
                          sys_days{year{2048} / 5 / 15}};
    for (std::size_t i = 0; i != products.size(); ++i) {
      const std::string name{name_of(products[i])};
      CAPTURE(name);
      const auto root = x509_certificate::parse(snp_root(products[i]));
      REQUIRE(root.has_value());
      CHECK(root->is_authority());
      CHECK(root->is_self_issued());
      CHECK(floor<days>(root->not_after()) == ends[i]);
      CHECK(root->algorithm() == x509_algorithm::rsa_pss_sha384);
      CHECK(verify_x509_signature(root->public_key(), root->algorithm(), root->signed_part(),
                                  root->signature()));
      CHECK(std::ranges::equal(root->subject(), test::amd_name("ARK-" + name)));
    }
  }

  TEST_CASE("each product has one issuer of VCEKs and one of VLEKs") {
    for (const snp_product product : products)
      for (const snp_signer signer : {snp_signer::vcek, snp_signer::vlek, snp_signer::none})
        for (const snp_product other : products)
          for (const char* kind : {"SEV-", "SEV-VLEK-", "ARK-"}) {
            const std::string name = kind + std::string{name_of(other)};
            CAPTURE(name);
            const bool is_kind =
                signer != snp_signer::none &&
                kind == std::string_view{signer == snp_signer::vcek ? "SEV-" : "SEV-VLEK-"};
            CHECK(is_snp_issuer(test::amd_name(name), product, signer) ==
                  (is_kind && other == product));
          }
  }

  TEST_CASE("the issuer's name is compared whole") {
    const auto is = [](const test::bytes& name) {
      return is_snp_issuer(name, snp_product::milan, snp_signer::vcek);
    };
    const test::bytes name = test::amd_name("SEV-Milan");
    CHECK(is(name));
    for (std::size_t i = 0; i != name.size(); ++i) {
      CHECK_FALSE(is({name.begin(), name.begin() + static_cast<std::ptrdiff_t>(i)}));
      test::bytes changed = name;
      changed[i] ^= std::byte{1};
      CHECK_FALSE(is(changed));
    }
    test::bytes longer = name;
    longer.push_back(std::byte{0});
    CHECK_FALSE(is(longer));
    CHECK_FALSE(is(test::name("SEV-Milan")));
  }
}

}  // namespace
