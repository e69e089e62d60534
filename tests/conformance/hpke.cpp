// SPDX-License-Identifier: Apache-2.0
//
// The vectors of RFC 9180 for DHKEM(X25519, HKDF-SHA256). Of the 32 with this KEM, four are of a
// mode, a KDF and an AEAD that the library has: modes Base and PSK, HKDF-SHA256, AES-256-GCM and
// ChaCha20-Poly1305. The other 28 have the modes with a sender's key (2, 3), HKDF-SHA512 (3),
// AES-128-GCM (1) or no AEAD at all (65535).
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/hpke.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "support/test_data.hpp"

namespace {

using namespace enfilade;
using detail::to_hex;
using nlohmann::json;

std::vector<std::byte> bytes(const json& vector, const char* field) {
  return *detail::from_hex(vector.at(field).get<std::string>());
}

Key<32> key_of(const json& vector, const char* field) {
  const auto all = bytes(vector, field);
  REQUIRE(all.size() == 32);
  return Key<32>{std::span<const std::byte, 32>{all}};
}

struct counts {
  int encryptions = 0;
  int exports = 0;
};

template <hpke_cipher C>
counts check_vector(const json& vector) {
  const auto info = bytes(vector, "info");
  const AgreementKey recipient_key{key_of(vector, "skRm")};
  const AgreementKey ephemeral{key_of(vector, "skEm")};
  CHECK(to_hex(recipient_key.public_key()) == vector.at("pkRm").get<std::string>());
  Key<32> psk;
  std::vector<std::byte> psk_id;
  const bool with_psk = vector.at("mode") == 1;
  if (with_psk) {
    psk = key_of(vector, "psk");
    psk_id = bytes(vector, "psk_id");
  }
  const hpke_terms terms = with_psk ? hpke_terms{info, psk, psk_id} : hpke_terms{info};
  auto sender = hpke_sender<C>::to(recipient_key.public_key(), terms, ephemeral);
  REQUIRE(sender.has_value());
  CHECK(to_hex(sender->encapsulated_key()) == vector.at("enc").get<std::string>());
  auto recipient = hpke_recipient<C>::from(recipient_key, sender->encapsulated_key(), terms);
  REQUIRE(recipient.has_value());

  counts seen;
  std::uint64_t sequence = 0;
  std::array<std::byte, 16> tag;
  for (const json& encryption : vector.at("encryptions")) {
    // The file leaves most of the 257 out; they are sealed and opened all the same.
    for (; sequence != encryption.at("seq"); ++sequence) {
      REQUIRE(sender->seal({}, {}, tag).has_value());
      REQUIRE(recipient->open({}, {}, tag).has_value());
    }
    CAPTURE(sequence);
    const auto header = bytes(encryption, "aad");
    const auto plain = bytes(encryption, "pt");
    auto body = plain;
    REQUIRE(sender->seal(header, body, tag).has_value());
    CHECK(to_hex(body) + to_hex(tag) == encryption.at("ct").get<std::string>());
    CHECK(recipient->open(header, body, tag).has_value());
    CHECK(body == plain);
    ++sequence;
    ++seen.encryptions;
  }
  for (const json& exported : vector.at("exports")) {
    REQUIRE(exported.at("L") == 32);
    const auto context = bytes(exported, "exporter_context");
    const std::string value = exported.at("exported_value");
    CHECK(to_hex(sender->template export_key<32>(context).view()) == value);
    CHECK(to_hex(recipient->template export_key<32>(context).view()) == value);
    ++seen.exports;
  }
  return seen;
}

TEST_SUITE("conformance/hpke") {
  TEST_CASE("the four vectors of RFC 9180 whose suites we have, byte for byte") {
    const auto data = test::data_directory("HPKE");
    if (!data) return;
    const json all =
        json::parse(test::read_file(*data / "crypto" / "hpke" / "derived_x25519_hkdf_sha256.json"));
    CHECK(all.size() == 32);
    int vectors = 0;
    counts total;
    for (const json& vector : all) {
      REQUIRE(vector.at("kem_id") == 0x20);
      const int mode = vector.at("mode");
      const int aead = vector.at("aead_id");
      CAPTURE(mode);
      CAPTURE(aead);
      if (mode > 1 || vector.at("kdf_id") != 1 || (aead != 2 && aead != 3)) continue;
      const counts seen =
          aead == 2 ? check_vector<AesGcm>(vector) : check_vector<ChaChaPoly>(vector);
      ++vectors;
      total.encryptions += seen.encryptions;
      total.exports += seen.exports;
    }
    CHECK(vectors == 4);
    CHECK(total.encryptions == 32);
    CHECK(total.exports == 12);
  }
}

}  // namespace
