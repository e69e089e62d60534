// SPDX-License-Identifier: Apache-2.0
//
// The certificates of real evidence: of AWS, AMD, Intel and NVIDIA, each at its own time, and what
// must not lead to their roots.
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_chain.hpp>
#include <enfilade/attest/x509/x509_crl.hpp>

#include "support/campaign.hpp"
#include "support/evidence_files.hpp"
#include "support/refusal_text.hpp"
#include "support/test_data.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using bytes = std::vector<std::byte>;
using test::utc;

const auto written = utc("2026-11-21T00:00:00");  // when these tests were: later than all Nitro's

std::optional<std::filesystem::path> attestation(const char* test_name) {
  auto data = test::data_directory(test_name);
  if (data) *data /= "attestation";
  return data;
}

nlohmann::json json_of(const std::filesystem::path& file) {
  return nlohmann::json::parse(test::read_file(file));
}

std::vector<bytes> pem(const std::filesystem::path& file) {
  return test::pem_certificates(test::read_file(file));
}

/// Why these certificates, leaf first, do not lead to that root; nothing where they do.
refusal refused(const std::vector<bytes>& certificates, const bytes& root,
                std::chrono::sys_seconds now) {
  const auto pinned = x509_certificate::parse(root);
  REQUIRE(pinned.has_value());
  const std::vector<detail::byte_span> views(certificates.begin(), certificates.end());
  const auto chain = x509_chain::verify(views, x509_order::leaf_first, *pinned, now);
  return chain ? refusal{} : chain.error();
}

constexpr refusal expired{errc::attest_expired, "chain.expired"};
constexpr refusal early{errc::attest_not_yet_valid, "chain.not_yet_valid"};
constexpr refusal forged{errc::attest_bad_signature, "x509.signature"};
constexpr refusal other_issuer{errc::attest_chain_invalid, "chain.issuer_name"};

TEST_SUITE("conformance/x509_chains") {
  // --- AWS Nitro ------------------------------------------------------------------------------------

  TEST_CASE("Nitro: every document leads to the G1 root at its time, and is expired today") {
    const auto data = attestation("x509 nitro");
    if (!data) return;
    const bytes root = pem(*data / "nitro/aws_nitro_root_g1.pem").front();
    int documents = 0;
    for (const auto& entry : json_of(*data / "nitro/derived/expected.json")) {
      const std::string file = entry["file"];
      CAPTURE(std::string{file});
      const auto chain = test::nitro_certificates(test::read_bytes(*data / "nitro" / file));
      const std::chrono::sys_seconds made{
          std::chrono::seconds{entry["timestamp_ms"].get<std::int64_t>() / 1000}};
      if (file == "derived/blocky_selfsigned.cose") {
        CHECK(refused(chain, root, utc("2024-04-17T18:51:46")) ==
              refusal{errc::attest_chain_invalid, "chain.another_root"});
        continue;
      }
      ++documents;
      REQUIRE(chain.size() == 5);
      const auto begins = utc(entry["chain_not_before_max"].get<std::string>());
      const auto ends = utc(entry["chain_not_after_min"].get<std::string>());
      CHECK(refused(chain, root, made) == refusal{});
      CHECK(refused(chain, root, begins) == refusal{});
      CHECK(refused(chain, root, ends) == refusal{});
      CHECK(refused(chain, root, begins - std::chrono::seconds{1}) == early);
      CHECK(refused(chain, root, ends + std::chrono::seconds{1}) == expired);
      CHECK(refused(chain, root, written) == expired);

      auto gap = chain;
      gap.erase(gap.begin() + 2);
      CHECK(refused(gap, root, made) == other_issuer);
      auto swapped = chain;
      std::swap(swapped[1], swapped[2]);
      CHECK(refused(swapped, root, made).code == errc::attest_chain_invalid);
      auto without_leaf = chain;
      without_leaf.erase(without_leaf.begin());
      CHECK(refused(without_leaf, root, made) ==
            refusal{errc::attest_chain_invalid, "chain.leaf_is_authority"});
    }
    CHECK(documents == 7);
  }

  TEST_CASE("Nitro: the certificates of another document do not fit") {
    const auto data = attestation("x509 nitro bundles");
    if (!data) return;
    const bytes root = pem(*data / "nitro/aws_nitro_root_g1.pem").front();
    const auto of = [&](const char* name) {
      return test::nitro_certificates(test::read_bytes(*data / "nitro/derived" / name));
    };
    auto mixed = of("dstack_2025.cose");
    mixed.front() = of("dstack_debug_2025.cose").front();
    CHECK(refused(mixed, root, utc("2025-12-25T09:00:00")) == other_issuer);
  }

  // --- AMD SEV-SNP ----------------------------------------------------------------------------------

  struct amd_case {
    const char* leaf;
    const char* roots;  // ASK, ARK
    std::string_view at;
  };

  constexpr std::array amd_cases{
      amd_case{"derived/google_milan_v2.vcek.der", "ask_ark_milan.pem", "2025-07-01T00:00:00"},
      amd_case{"derived/virtee_milan_v2.vcek.der", "ask_ark_milan.pem", "2025-07-01T00:00:00"},
      amd_case{"derived/azure_milan_v2.vcek.der", "ask_ark_milan.pem", "2025-07-01T00:00:00"},
      amd_case{"trustee/snp_test-vcek.der", "ask_ark_milan.pem", "2025-07-01T00:00:00"},
      amd_case{"derived/openpcc_azure_genoa_v3.vcek.der", "ask_ark_genoa.pem",
               "2025-07-01T00:00:00"},
      amd_case{"derived/trustee_milan_vlek_v3.vlek.der", "ask_ark_milan_vlek.pem",
               "2025-07-01T00:00:00"},
      amd_case{"virtee-sev/vcek_turin.der", "ask_ark_turin_vcek.pem", "2025-07-01T00:00:00"},
  };

  std::vector<bytes> amd_chain(const std::filesystem::path& snp, const amd_case& one) {
    std::vector<bytes> chain = pem(snp / "amd-roots" / one.roots);
    chain.insert(chain.begin(), test::read_bytes(snp / one.leaf));
    return chain;
  }

  TEST_CASE("AMD: VCEK and VLEK of Milan, Genoa and Turin lead to the ARK of their product") {
    const auto data = attestation("x509 amd");
    if (!data) return;
    const auto snp = *data / "sev-snp";
    for (const amd_case& one : amd_cases) {
      CAPTURE(std::string{one.leaf});
      const auto chain = amd_chain(snp, one);
      REQUIRE(chain.size() == 3);
      CHECK(refused(chain, chain[2], utc(one.at)) == refusal{});
      CHECK(refused({chain[0], chain[1]}, chain[2], utc(one.at)) == refusal{});
      CHECK(refused(chain, chain[2], utc("2035-01-01T00:00:00")) == expired);
      CHECK(refused(chain, chain[2], utc("2022-01-01T00:00:00")) == early);

      // A serial number of zero, and no extension that limits the key.
      const auto leaf = *x509_certificate::parse(chain[0]);
      CHECK(detail::to_hex(leaf.serial()) == "00");
      CHECK_FALSE(leaf.key_usage().has_value());
      CHECK(leaf.algorithm() == x509_algorithm::rsa_pss_sha384);
      constexpr object_identifier microcode{1, 3, 6, 1, 4, 1, 3704, 1, 3, 8};
      CHECK(leaf.extension(microcode).has_value());
      // The root signed itself.
      const auto root = *x509_certificate::parse(chain[2]);
      CHECK(verify_x509_signature(root.public_key(), root.algorithm(), root.signed_part(),
                                  root.signature()));
    }
  }

  TEST_CASE("AMD: a newer VCEK, and the VLEK that has expired") {
    const auto data = attestation("x509 amd dates");
    if (!data) return;
    const auto snp = *data / "sev-snp";
    auto chain = pem(snp / "amd-roots/ask_ark_milan.pem");
    const auto newer = pem(snp / "dstack/sev_snp_vcek.pem").front();
    const auto issuer = x509_certificate::parse(newer)->issuer();
    if (!std::ranges::equal(issuer, x509_certificate::parse(chain[0])->subject()))
      chain = pem(snp / "amd-roots/ask_ark_genoa.pem");
    chain.insert(chain.begin(), newer);
    CHECK(refused(chain, chain[2], written) == refusal{});
    CHECK(refused(chain, chain[2], utc("2026-06-17T01:05:03")) == early);
    const auto vlek = amd_chain(snp, amd_cases[5]);
    CHECK(refused(vlek, vlek[2], written) == expired);
    CHECK(refused(vlek, vlek[2], utc("2025-12-10T22:14:21")) == refusal{});
    CHECK(refused(vlek, vlek[2], utc("2025-12-10T22:14:22")) == expired);
  }

  TEST_CASE("AMD: a key of one product or kind does not lead to the root of another") {
    const auto data = attestation("x509 amd roots");
    if (!data) return;
    const auto snp = *data / "sev-snp";
    for (const amd_case& one : amd_cases)
      for (const char* roots :
           {"ask_ark_milan.pem", "ask_ark_milan_vlek.pem", "ask_ark_genoa.pem",
            "ask_ark_genoa_vlek.pem", "ask_ark_turin_vcek.pem", "ask_ark_turin_vlek.pem"}) {
        if (std::string_view{roots} == one.roots) continue;
        CAPTURE(std::string{one.leaf});
        CAPTURE(std::string{roots});
        const auto chain = amd_chain(snp, {one.leaf, roots, one.at});
        CHECK(refused(chain, chain[2], utc(one.at)) == other_issuer);
      }
    // A true chain under another product's root.
    const auto milan = amd_chain(snp, amd_cases[0]);
    const bytes genoa = pem(snp / "amd-roots/ask_ark_genoa.pem").back();
    CHECK(refused(milan, genoa, utc("2025-07-01T00:00:00")) ==
          refusal{errc::attest_chain_invalid, "chain.another_root"});
    CHECK(refused({milan[0], milan[1]}, genoa, utc("2025-07-01T00:00:00")) == other_issuer);
  }

  TEST_CASE("AMD: altered VCEKs are not signed by the ASK") {
    const auto data = attestation("x509 amd altered");
    if (!data) return;
    const auto snp = *data / "sev-snp";
    for (const char* altered :
         {"trustee/snp_test-vcek-invalid-legacy.der", "trustee/snp_test-vcek-invalid-new.der"}) {
      CAPTURE(std::string{altered});
      const bytes der = test::read_bytes(snp / altered);
      const auto issuer = x509_certificate::parse(der)->issuer();
      int fitting = 0;
      for (const char* roots : {"ask_ark_milan.pem", "ask_ark_genoa.pem"}) {
        const auto chain = amd_chain(snp, {altered, roots, ""});
        const bool fits = std::ranges::equal(issuer, x509_certificate::parse(chain[1])->subject());
        fitting += fits;
        CHECK(refused(chain, chain[2], utc("2025-07-01T00:00:00")) ==
              (fits ? forged : other_issuer));
      }
      CHECK(fitting == 1);
    }
  }

  TEST_CASE("AMD: a VCEK with any bit changed is refused") {
    const auto data = attestation("x509 amd bits");
    if (!data) return;
    const auto chain = amd_chain(*data / "sev-snp", amd_cases[1]);
    const auto now = utc("2025-07-01T00:00:00");
    const std::size_t bits = 8 * chain[0].size();
    const auto tries = test::effort(bits, bits);
    test::campaign campaign{"attest.x509_bits"};
    std::size_t forgeries = 0;
    for (std::uint64_t i = 0; i != tries; ++i) {
      auto changed = chain;
      const std::size_t bit = i * bits / tries;
      changed[0][bit / 8] ^= std::byte{1} << (bit % 8);
      const refusal why = refused(changed, chain[2], now);
      campaign.tried();
      CHECK(why != refusal{});
      if (why != refusal{}) campaign.refused();
      if (why == forged) ++forgeries;
    }
    CHECK_MESSAGE(forgeries > tries / 4, "most changes leave a certificate that is not signed");
  }

  TEST_CASE("AMD: the lists of the ARKs hold at their times, and Genoa's revokes an ASK") {
    const auto data = attestation("x509 amd lists");
    if (!data) return;
    const auto snp = *data / "sev-snp";
    struct list_case {
      const char* file;
      const char* roots;
      std::string_view from, until;
      bool revokes_20001;
    };
    for (const list_case& one : {list_case{"derived/ark_genoa.crl.der", "ask_ark_genoa.pem",
                                           "2024-10-23T04:36:24", "2025-11-03T01:00:00", true},
                                 list_case{"derived/ark_milan.crl.der", "ask_ark_milan.pem",
                                           "2025-05-06", "2026-05-12", false}}) {
      CAPTURE(std::string{one.file});
      const bytes der = test::read_bytes(snp / one.file);
      const auto list = x509_crl::parse(der);
      REQUIRE(list.has_value());
      if (one.from.size() > 10) {
        CHECK(list->this_update() == utc(one.from));
        CHECK(list->next_update() == utc(one.until));
      }
      const auto roots = pem(snp / "amd-roots" / one.roots);
      const auto ark = *x509_certificate::parse(roots[1]);
      const auto now = list->this_update();
      CHECK(list->verify(ark, now).has_value());
      CHECK(list->verify(ark, list->next_update()).has_value());
      CHECK(list->verify(ark, list->next_update() + std::chrono::seconds{1}).error().code ==
            errc::attest_expired);
      CHECK(list->verify(ark, written).error().code == errc::attest_expired);
      CHECK(list->verify(ark, now - std::chrono::seconds{1}).error().code ==
            errc::attest_not_yet_valid);
      const auto ask = *x509_certificate::parse(roots[0]);
      CHECK(list->verify(ask, now).error() ==
            refusal{errc::attest_chain_invalid, "crl.issuer_name"});
      const std::array<std::byte, 3> withdrawn{std::byte{2}, std::byte{0}, std::byte{1}};
      CHECK(list->revokes(withdrawn) == one.revokes_20001);
      CHECK_MESSAGE(!list->revokes(ask.serial()), "the ASK of today is another one");
      auto changed = der;
      changed[der.size() - 100] ^= std::byte{1};
      CHECK(x509_crl::parse(changed)->verify(ark, now).error() == forged);
    }
    // What a list covers of a real chain: the ASK, by the ARK's; nobody lists VCEKs.
    const auto chain = amd_chain(snp, amd_cases[4]);
    const auto now = utc("2025-07-01T00:00:00");
    const std::vector<detail::byte_span> views(chain.begin(), chain.end());
    const auto verified =
        x509_chain::verify(views, x509_order::leaf_first, *x509_certificate::parse(chain[2]), now);
    REQUIRE(verified.has_value());
    const bytes der = test::read_bytes(snp / "derived/ark_genoa.crl.der");
    const std::vector lists{*x509_crl::parse(der)};
    const auto looked_up = check_revocation(*verified, lists, now);
    REQUIRE(looked_up.has_value());
    CHECK(*looked_up == 1);
  }

  // --- Intel ----------------------------------------------------------------------------------------

  TEST_CASE("Intel: the certificates of every quote lead to the SGX root") {
    const auto data = attestation("x509 intel");
    if (!data) return;
    const auto tdx = *data / "tdx";
    const bytes root = pem(tdx / "intel_sgx_root_ca.pem").front();
    int quotes = 0;
    for (const auto& entry : json_of(tdx / "derived/expected.json")) {
      const std::string file = entry["file"];
      CAPTURE(std::string{file});
      const auto chain = pem(tdx / file);
      REQUIRE(chain.size() == 3);
      ++quotes;
      const auto begins = utc(entry["pck_not_before"].get<std::string>());
      const auto ends = utc(entry["pck_not_after"].get<std::string>());
      CHECK(refused(chain, root, begins) == refusal{});
      CHECK(refused(chain, root, ends) == refusal{});
      CHECK(refused(chain, root, begins - std::chrono::seconds{1}) == early);
      CHECK(refused(chain, root, ends + std::chrono::seconds{1}) == expired);
      const auto leaf = *x509_certificate::parse(chain[0]);
      constexpr object_identifier sgx{1, 2, 840, 113741, 1, 13, 1};
      CHECK(leaf.extension(sgx).has_value());
    }
    CHECK(quotes == 10);
  }

  TEST_CASE("Intel: collateral is signed under the same root, and its lists hold") {
    const auto data = attestation("x509 intel collateral");
    if (!data) return;
    const auto tdx = *data / "tdx";
    const bytes root_der = pem(tdx / "intel_sgx_root_ca.pem").front();
    const auto root = *x509_certificate::parse(root_der);
    struct collateral_case {
      const char* collateral;
      const char* quote;
      std::string_view at;
    };
    for (const collateral_case& one :
         {collateral_case{"tdx_quote_collateral.json", "phala_v4.quote", "2025-06-20T00:00:00"},
          collateral_case{"sgx_quote_collateral.json", "phala_sgx_v3.quote", "2025-06-20T00:00:00"},
          collateral_case{"tdx_quote_outdated_collateral.json", "phala_outdated_v5.quote",
                          "2026-02-20T00:00:00"}}) {
      CAPTURE(std::string{one.collateral});
      const auto now = utc(one.at);
      const auto collateral = json_of(tdx / "dcap-qvl" / one.collateral);
      const auto text = [&](const char* field) { return collateral[field].get<std::string>(); };
      for (const char* field : {"tcb_info_issuer_chain", "qe_identity_issuer_chain"}) {
        const auto chain = test::pem_certificates(text(field));
        CHECK(chain.size() == 2);
        CHECK(refused(chain, root_der, now) == refusal{});
        CHECK(refused(chain, root_der, utc("2033-01-01T00:00:00")) == expired);
      }
      const auto quote = pem(tdx / "derived" / one.quote);
      const std::vector<detail::byte_span> views(quote.begin(), quote.end());
      const auto chain = x509_chain::verify(views, x509_order::leaf_first, root, now);
      REQUIRE(chain.has_value());
      const bytes of_keys = *detail::from_hex(text("pck_crl"));
      const bytes of_authorities = *detail::from_hex(text("root_ca_crl"));
      const std::vector lists{*x509_crl::parse(of_keys), *x509_crl::parse(of_authorities)};
      const auto looked_up = check_revocation(*chain, lists, now);
      REQUIRE(looked_up.has_value());
      CHECK_MESSAGE(*looked_up == 2, "the key by its authority's list, that by the root's");
      CHECK(check_revocation(*chain, lists, written).error() ==
            refusal{errc::attest_expired, "crl.expired"});
    }
  }

  TEST_CASE("Intel: the lists that come in files") {
    const auto data = attestation("x509 intel lists");
    if (!data) return;
    const auto tdx = *data / "tdx";
    const bytes of_keys = test::read_bytes(tdx / "go-tdx-guest/pckcrl");
    const bytes of_authorities = test::read_bytes(tdx / "go-tdx-guest/rootcrl.der");
    const auto keys = x509_crl::parse(of_keys);
    const auto authorities = x509_crl::parse(of_authorities);
    REQUIRE(keys.has_value());
    REQUIRE(authorities.has_value());
    const auto chain = pem(tdx / "derived/google_spr_v4.quote");
    const auto now = utc("2023-06-20T00:00:00");
    CHECK(keys->verify(*x509_certificate::parse(chain[1]), now).has_value());
    CHECK(authorities->verify(*x509_certificate::parse(chain[2]), now).has_value());
    CHECK(keys->revokes(*detail::from_hex("6fc34e5023e728923435d61aa4b83c618166ad35")));
    CHECK(keys->revokes(*detail::from_hex("efae6e9715fca13b87e333e8261ed6d990a926ad")));
    CHECK_FALSE(keys->revokes(*detail::from_hex("6fc34e5023e728923435d61aa4b83c618166ad36")));
  }

  // --- NVIDIA ---------------------------------------------------------------------------------------

  TEST_CASE("NVIDIA: the chains of Hopper lead to its root, those that lack a certificate do not") {
    const auto data = attestation("x509 nvidia");
    if (!data) return;
    const auto trustee = *data / "nvidia/trustee";
    const bytes root = pem(trustee / "nvidia_device_root.pem").front();
    for (const char* file : {"hopper_cert_chain_case1.txt", "hopper_coco_certs1.txt"}) {
      CAPTURE(std::string{file});
      CHECK(refused(pem(trustee / file), root, written) == refusal{});
    }
    CHECK(refused(pem(trustee / "hopper_cert_chain_case3.txt"), root, written) == other_issuer);
    CHECK(refused(pem(trustee / "hopper_cert_chain_case4.txt"), root, written) ==
          refusal{errc::attest_chain_invalid, "chain.leaf_is_authority"});
    CHECK(refused(pem(trustee / "hopper_cert_chain_case2.txt"), root, written) ==
          refusal{errc::attest_chain_invalid, "chain.root_alone"});
  }

  // --- what it costs --------------------------------------------------------------------------------

  TEST_CASE("what the verification of a chain costs") {
    const auto data = attestation("x509 cost");
    if (!data) return;
    const auto measured = [](const char* name, const std::vector<bytes>& chain, const bytes& root,
                             std::chrono::sys_seconds now) {
      const int rounds = test::fast_build ? 20 : 1;
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i != rounds; ++i) CHECK(refused(chain, root, now) == refusal{});
      const std::chrono::duration<double, std::milli> spent =
          std::chrono::steady_clock::now() - begin;
      std::cout << "x509_chain " << name << ": " << spent.count() / rounds << " ms\n";
    };
    const auto nitro =
        test::nitro_certificates(test::read_bytes(*data / "nitro/derived/dstack_2025.cose"));
    measured("nitro", nitro, nitro.back(), utc("2025-12-25T16:04:19"));
    const auto snp = amd_chain(*data / "sev-snp", amd_cases[0]);
    measured("snp", snp, snp.back(), utc("2025-07-01T00:00:00"));
    const auto tdx = pem(*data / "tdx/derived/phala_v4.quote");
    measured("tdx", tdx, tdx.back(), utc("2025-07-01T00:00:00"));
  }
}

}  // namespace
