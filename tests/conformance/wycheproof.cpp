// SPDX-License-Identifier: Apache-2.0
//
// Google's Wycheproof vectors against our wrappers of Crypto++: edge cases and known attacks. What a
// link is made of; the curves of the attesters are in wycheproof_curves.cpp.
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/agree.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/hkdf.hpp>
#include <enfilade/cipher/sign.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "wycheproof.hpp"

namespace {

using namespace enfilade;
using namespace test::wycheproof;
using detail::to_hex;

// Our ciphers take 32-byte keys, 12-byte nonces and 16-byte tags: nothing else can be passed.
template <cipher C>
answer ask_aead(const json& group, const json& test) {
  if (group.at("keySize") != 256 || group.at("ivSize") != 96 || group.at("tagSize") != 128)
    return answer::not_ours;
  const Key<32> key{fixed<32>(test, "key")};
  // Sequence 0 leaves the IV as it is, so the vector's nonce is the record's.
  C cipher{key, fixed<12>(test, "iv")};
  const auto header = bytes(test, "aad");
  const auto message = bytes(test, "msg");
  auto body = bytes(test, "ct");
  const auto tag = fixed<16>(test, "tag");
  if (!cipher.open(0, header, body, tag)) {
    CHECK(body == std::vector<std::byte>(body.size()));
    return answer::refused;
  }
  CHECK(body == message);
  std::array<std::byte, 16> sealed_tag{};
  cipher.seal(0, header, body, sealed_tag);
  CHECK(body == bytes(test, "ct"));
  CHECK(sealed_tag == tag);
  return answer::accepted;
}

TEST_SUITE("conformance/wycheproof") {
  TEST_CASE("AES-256-GCM") {
    run("aes_gcm_test.json", {.valid = 39, .invalid = 27, .not_ours = 250}, ask_aead<AesGcm>);
  }

  TEST_CASE("ChaCha20-Poly1305") {
    run("chacha20_poly1305_test.json", {.valid = 256, .invalid = 60, .not_ours = 9},
        ask_aead<ChaChaPoly>);
  }

  // "Acceptable" are points on the twist, of low order, or not reduced. RFC 7748 §6.1 lets an
  // implementation refuse an all-zero secret, and we do; every other point is computed with.
  TEST_CASE("X25519") {
    run("x25519_test.json", {.valid = 264, .acceptable_accepted = 223, .acceptable_refused = 31},
        [](const json&, const json& test) {
          const AgreementKey key{Key<32>{fixed<32>(test, "private")}};
          const auto shared = key.agree(fixed<32>(test, "public"));
          const std::string expected = test.at("shared");
          const bool zero = expected == std::string(64, '0');
          REQUIRE(shared.has_value() == !zero);
          if (zero) CHECK(shared.error() == errc::crypto_low_order_point);
          if (!zero) CHECK(to_hex(shared->view()) == expected);
          return accepted_if(!zero);
        });
  }

  TEST_CASE("HKDF-SHA-256") {
    run("hkdf_sha256_test.json", {.valid = 83, .invalid = 3}, [](const json&, const json& test) {
      const auto size = test.at("size").get<std::size_t>();
      // Longer than 255 blocks cannot be asked for: `hkdf_expand` does not compile.
      if (size > 255 * 32) return answer::refused;
      const Key<32> key = hkdf_extract(bytes(test, "salt"), bytes(test, "ikm"));
      std::vector<std::byte> out(size);
      detail::hkdf_expand_into(key.view(), out, bytes(test, "info"));
      return accepted_if(to_hex(out) == test.at("okm").get<std::string>());
    });
  }

  TEST_CASE("HMAC-SHA-256") {
    run("hmac_sha256_test.json", {.valid = 66, .invalid = 108},
        [](const json& group, const json& test) {
          const Key<32> mac = hmac_sha256(bytes(test, "key"), bytes(test, "msg"));
          const auto size = group.at("tagSize").get<std::size_t>() / 8;
          return accepted_if(to_hex(mac.view().first(size)) == test.at("tag").get<std::string>());
        });
  }

  TEST_CASE("Ed25519") {
    run("ed25519_test.json", {.valid = 88, .invalid = 63}, [](const json& group, const json& test) {
      // A signature of another length cannot be passed to `verify_signature`.
      if (bytes(test, "sig").size() != 64) return answer::refused;
      return accepted_if(verify_signature(fixed<32>(group.at("publicKey"), "pk"),
                                          bytes(test, "msg"), fixed<64>(test, "sig")));
    });
  }

  TEST_CASE("no file of Wycheproof's is left aside without a reason") {
    constexpr std::string_view here = "wycheproof.cpp";
    constexpr std::string_view curves = "wycheproof_curves.cpp";
    constexpr std::string_view no_other_hash = "the key schedule hashes with SHA-256 only";
    const std::map<std::string, std::string_view> reasons{
        {"aes_gcm_test.json", here},
        {"chacha20_poly1305_test.json", here},
        {"ed25519_test.json", here},
        {"hkdf_sha256_test.json", here},
        {"hmac_sha256_test.json", here},
        {"x25519_test.json", here},
        {"ecdh_secp256r1_test.json", curves},
        {"ecdh_secp384r1_ecpoint_test.json", curves},
        {"ecdsa_secp256r1_sha256_p1363_test.json", curves},
        {"ecdsa_secp256r1_sha256_test.json", curves},
        {"ecdsa_secp384r1_sha384_p1363_test.json", curves},
        {"ecdsa_secp384r1_sha384_test.json", curves},
        {"hkdf_sha384_test.json", no_other_hash},
        {"hkdf_sha512_test.json", no_other_hash},
        {"hmac_sha384_test.json", no_other_hash},
        {"hmac_sha512_test.json", no_other_hash},
        {"xchacha20_poly1305_test.json", "a nonce of 24 bytes is for nonces drawn at random"},
    };
    const auto data = test::data_directory("wycheproof");
    if (!data) return;
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator{*data / "crypto/wycheproof"}) {
      CAPTURE(entry.path().string());
      CHECK(reasons.contains(entry.path().filename().string()));
      ++files;
    }
    CHECK(files == reasons.size());
  }
}

}  // namespace
