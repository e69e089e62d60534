// SPDX-License-Identifier: Apache-2.0
//
// Google's Wycheproof vectors against our wrappers of Crypto++: edge cases and known attacks. Each
// file's own verdict is what is expected; "acceptable" ones are decided by a comment here.
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/agree.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/hkdf.hpp>
#include <enfilade/cipher/sign.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/test_data.hpp"

namespace {

using namespace enfilade;
using detail::from_hex;
using detail::to_hex;
using nlohmann::json;

std::vector<std::byte> bytes(const json& test, const char* field) {
  return *from_hex(test.at(field).get<std::string>());
}

template <std::size_t N>
std::array<std::byte, N> fixed(const json& test, const char* field) {
  std::array<std::byte, N> out{};
  std::ranges::copy(bytes(test, field), out.begin());
  return out;
}

// Calls `check(group, test, valid)` for every test of a file; returns how many there were.
template <class Check>
int for_each_test(const char* file, Check check) {
  const auto data = test::data_directory(file);
  if (!data) return 0;
  const json all = json::parse(test::read_file(*data / "crypto" / "wycheproof" / file));
  int count = 0;
  for (const json& group : all.at("testGroups"))
    for (const json& test : group.at("tests")) {
      CAPTURE(test.at("tcId").get<int>());
      CAPTURE(test.at("comment").get<std::string>());
      check(group, test, test.at("result").get<std::string>());
      ++count;
    }
  CHECK(count > 0);
  return count;
}

// Our ciphers take 32-byte keys, 12-byte nonces and 16-byte tags, and nothing else.
template <cipher C>
void check_aead(const char* file) {
  int fitting = 0;
  const int count =
      for_each_test(file, [&](const json& group, const json& test, const std::string& verdict) {
        if (group.at("keySize") != 256 || group.at("ivSize") != 96 || group.at("tagSize") != 128)
          return;
        ++fitting;
        const Key<32> key{fixed<32>(test, "key")};
        // Sequence 0 leaves the IV as it is, so the vector's nonce is the record's.
        C cipher{key, fixed<12>(test, "iv")};
        const auto header = bytes(test, "aad");
        const auto message = bytes(test, "msg");
        auto body = bytes(test, "ct");
        const auto tag = fixed<16>(test, "tag");
        const bool opened = cipher.open(0, header, body, tag);
        CHECK(opened == (verdict == "valid"));
        CHECK(body == (opened ? message : std::vector<std::byte>(body.size())));
        if (verdict != "valid") return;
        std::array<std::byte, 16> sealed_tag{};
        cipher.seal(0, header, body, sealed_tag);
        CHECK(body == bytes(test, "ct"));
        CHECK(sealed_tag == tag);
      });
  if (count != 0) CHECK(fitting >= 66);
}

TEST_SUITE("conformance/wycheproof") {
  TEST_CASE("AES-256-GCM") { check_aead<AesGcm>("aes_gcm_test.json"); }

  TEST_CASE("ChaCha20-Poly1305") { check_aead<ChaChaPoly>("chacha20_poly1305_test.json"); }

  TEST_CASE("X25519") {
    for_each_test("x25519_test.json", [](const json&, const json& test, const std::string&) {
      const AgreementKey key{Key<32>{fixed<32>(test, "private")}};
      const auto shared = key.agree(fixed<32>(test, "public"));
      const std::string expected = test.at("shared");
      // "acceptable" are unusual points; those that force a zero secret are what we must refuse.
      if (expected == std::string(64, '0')) {
        REQUIRE_FALSE(shared.has_value());
        CHECK(shared.error() == errc::crypto_low_order_point);
      } else {
        REQUIRE(shared.has_value());
        CHECK(to_hex(shared->view()) == expected);
      }
    });
  }

  TEST_CASE("HKDF-SHA-256") {
    for_each_test("hkdf_sha256_test.json",
                  [](const json&, const json& test, const std::string& verdict) {
                    const auto size = test.at("size").get<std::size_t>();
                    // Longer than 255 blocks cannot be asked for: `hkdf_expand` does not compile.
                    if (verdict == "invalid") {
                      CHECK(size > 255 * 32);
                      return;
                    }
                    const Key<32> key = hkdf_extract(bytes(test, "salt"), bytes(test, "ikm"));
                    std::vector<std::byte> out(size);
                    detail::hkdf_expand_into(key.view(), bytes(test, "info"), out);
                    CHECK(to_hex(out) == test.at("okm").get<std::string>());
                  });
  }

  TEST_CASE("HMAC-SHA-256") {
    for_each_test("hmac_sha256_test.json", [](const json& group, const json& test,
                                              const std::string& verdict) {
      const Key<32> mac = hmac_sha256(bytes(test, "key"), bytes(test, "msg"));
      const auto size = group.at("tagSize").get<std::size_t>() / 8;
      const bool same = to_hex(mac.view().first(size)) == test.at("tag").get<std::string>();
      CHECK(same == (verdict == "valid"));
    });
  }

  TEST_CASE("Ed25519") {
    for_each_test(
        "ed25519_test.json", [](const json& group, const json& test, const std::string& verdict) {
          const auto signature = bytes(test, "sig");
          // A signature of another length cannot be passed to `verify_signature`.
          if (signature.size() != 64) {
            CHECK(verdict == "invalid");
            return;
          }
          const auto key = group.contains("publicKey") ? group.at("publicKey") : group.at("key");
          CHECK(verify_signature(fixed<32>(key, "pk"), bytes(test, "msg"),
                                 fixed<64>(test, "sig")) == (verdict == "valid"));
        });
  }
}

}  // namespace
