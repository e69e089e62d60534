// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/tdx/tdx_collateral.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "support/refusal_text.hpp"
#include "support/tdx_maker.hpp"

namespace {

using namespace enfilade;
using nlohmann::json;
using test::tdx_maker;

/// The rule that the collateral breaks; "read" where it breaks none.
std::string_view rule(const std::string& text) {
  const auto read = read_tdx_collateral(text);
  return read ? "read" : read.error().rule;
}
std::string_view with(const std::string& member, const json& value) {
  json collateral = tdx_maker{}.collateral();
  collateral[member] = value;
  return rule(collateral.dump());
}

TEST_SUITE("attest/tdx_collateral") {
  TEST_CASE("collateral is read with the texts that are signed") {
    const tdx_maker maker;
    const json collateral = maker.collateral();
    const auto read = read_tdx_collateral(collateral.dump());
    REQUIRE(read.has_value());
    CHECK(read->tcb_text.text == collateral["tcb_info"].get<std::string>());
    CHECK(detail::to_hex(read->tcb_text.signature) ==
          collateral["tcb_info_signature"].get<std::string>());
    CHECK(read->tcb_text.issuers.size() == 2);
    CHECK(read->qe_text.text == collateral["qe_identity"].get<std::string>());
    CHECK(read->tcb_info.levels.size() == 2);
    CHECK(read->qe_info.levels.size() == 1);
    CHECK(detail::to_hex(read->pck_crl) == collateral["pck_crl"].get<std::string>());
    CHECK(detail::to_hex(read->root_crl) == collateral["root_ca_crl"].get<std::string>());
  }

  TEST_CASE("every member must be there, as a text; others are left alone") {
    const json good = tdx_maker{}.collateral();
    CHECK(good.size() == 8);
    for (const auto& [name, value] : good.items()) {
      CAPTURE(name);
      json less = good;
      less.erase(name);
      const bool signature = name.ends_with("_signature");
      CHECK(rule(less.dump()) == "collateral.member_missing");
      CHECK(with(name, 7) == (signature ? "collateral.signature" : "collateral.member_missing"));
    }
    CHECK(with("pck_crl_issuer_chain", "anything") == "read");
  }

  TEST_CASE("it is one JSON object of at most 1 MiB") {
    const std::string good = tdx_maker{}.collateral().dump();
    CHECK(rule(good + std::string((1U << 20) - good.size(), ' ')) == "read");
    CHECK(rule(good + std::string((1U << 20) - good.size() + 1, ' ')) == "collateral.json");
    for (const char* text : {"", "[]", "{", "7"}) CHECK(rule(text) == "collateral.json");
    CHECK(with("more", json::parse("[[[[[[[[[]]]]]]]]]")) == "collateral.json");
    CHECK(with("more", json(std::vector<int>(1000))) == "collateral.json");
  }

  TEST_CASE("signatures have 64 bytes") {
    CHECK(with("tcb_info_signature", std::string(126, '0')) == "collateral.signature");
    CHECK(with("qe_identity_signature", std::string(128, 'g')) == "collateral.signature");
  }

  TEST_CASE("certificates are PEM") {
    CHECK(with("tcb_info_issuer_chain", "MIIC") == "pem.begin");
    CHECK(with("qe_identity_issuer_chain", "") == "pem.empty");
  }

  TEST_CASE("lists are hexadecimal or PEM") {
    const tdx_maker maker;
    const auto list = maker.pck_list.signed_by(maker.authority_key);
    json collateral = maker.collateral();
    collateral["pck_crl"] = test::pem(list, "X509 CRL");
    const auto read = read_tdx_collateral(collateral.dump());
    REQUIRE(read.has_value());
    CHECK(read->pck_crl == list);
    CHECK(with("pck_crl", test::pem(list, "X509 CRL") + test::pem(list, "X509 CRL")) ==
          "pem.too_many_blocks");
    CHECK(with("pck_crl", test::pem(list)) == "pem.begin");
    CHECK(with("root_ca_crl", "30z0") == "collateral.list");
    CHECK(with("root_ca_crl", "") == "collateral.list");
  }

  TEST_CASE("the inner documents are read too") {
    CHECK(with("tcb_info", "{}") == "tcb_info.id");
    CHECK(with("qe_identity", "{}") == "qe_identity.id");
  }

  TEST_CASE("a response of Intel's servers is taken apart without touching what is signed") {
    const std::string digits = std::string(126, '0') + "aF";
    const auto split = [&](const std::string& text) { return split_pcs_response(text, "tcbInfo"); };
    const std::string good = R"({"tcbInfo":{"a": 1 },"signature":")" + digits + "\"}";
    REQUIRE(split(good).has_value());
    CHECK(split(good)->text == R"({"a": 1 })");
    CHECK(split(good)->signature.back() == std::byte{0xAF});
    CHECK(split(good + "\n").has_value());
    const auto refused = [&](const std::string& text) {
      const auto found = split(text);
      return !found && found.error() == refusal{errc::attest_malformed, "collateral.response"};
    };
    CHECK(refused(""));
    CHECK(refused(" " + good));
    CHECK(refused(good + " "));
    CHECK(refused(R"({"enclaveIdentity":{},"signature":")" + digits + "\"}"));
    CHECK(refused(R"({"tcbInfo":{}, "signature":")" + digits + "\"}"));
    CHECK(refused(R"({"tcbInfo":{},"signature":")" + digits + "00\"}"));
    CHECK(refused(R"({"tcbInfo":{},"signature":")" + std::string(128, 'g') + "\"}"));
    CHECK(refused(R"({"tcbInfo":)"));
  }
}

}  // namespace
