// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/cose/cose.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "support/nitro_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::hex;
namespace cbor = test::cbor;

/// A message of four parts; the signature is none.
bytes message(const bytes& header, const bytes& unprotected, const bytes& payload,
              const bytes& signature) {
  return cbor::array({header, unprotected, payload, signature});
}

bytes with_headers(std::string_view header, std::string_view unprotected,
                   std::size_t signature = 96) {
  return message(cbor::string(hex(header)), hex(unprotected), cbor::filled(5),
                 cbor::filled(signature));
}

/// The rule that the message breaks; "read" where it breaks none.
std::string_view rule(const bytes& encoded) {
  const auto read = read_cose_sign1(encoded);
  if (read) return "read";
  const bool unsupported = read.error().code == errc::attest_unsupported_format;
  CHECK((unsupported || read.error().code == errc::attest_malformed));
  const std::string_view found = read.error().rule;
  CHECK(unsupported == (found == "cose.algorithm_unknown" || found == "cose.critical_header" ||
                        found == "cose.detached_payload"));
  return found;
}

TEST_SUITE("attest/cose") {
  TEST_CASE("a message is taken apart, with a tag or without") {
    bytes encoded = with_headers("a1013822", "a10441ff");
    for (int tagged = 0; tagged != 2; ++tagged) {
      const auto read = read_cose_sign1(encoded);
      REQUIRE(read.has_value());
      CHECK(read->algorithm == cose_algorithm::es384);
      CHECK(detail::to_hex(read->protected_header) == "a1013822");
      CHECK(detail::to_hex(read->unprotected) == "a10441ff");
      CHECK(read->payload.size() == 5);
      CHECK(read->signature.size() == 96);
      encoded.insert(encoded.begin(), std::byte{0xD2});
    }
    CHECK(rule(encoded) == "cbor.tag");  // twice
  }

  TEST_CASE("it is an array of four that has its length before it") {
    CHECK(rule(hex("")) == "cbor.truncated");
    CHECK(rule(hex("d2")) == "cbor.truncated");
    CHECK(rule(hex("a0")) == "cose.not_an_array_of_four");
    CHECK(rule(hex("83404040")) == "cose.not_an_array_of_four");
    CHECK(rule(hex("8540a0404040")) == "cose.not_an_array_of_four");
    bytes with_break = with_headers("a10126", "a0", 64);
    REQUIRE(rule(with_break) == "read");
    with_break.front() = std::byte{0x9F};
    with_break.push_back(std::byte{0xFF});
    CHECK(rule(with_break) == "cose.not_an_array_of_four");
  }

  TEST_CASE("each part is of its kind") {
    const bytes header = cbor::string(hex("a10126"));
    const bytes any = cbor::filled(64);
    CHECK(rule(message(header, hex("a0"), any, any)) == "read");
    CHECK(rule(message(hex("a10126"), hex("a0"), any, any)) == "cose.protected_header");
    CHECK(rule(message(cbor::string(hex("80")), hex("a0"), any, any)) == "cose.protected_header");
    CHECK(rule(message(cbor::string(hex("a10126f6")), hex("a0"), any, any)) ==
          "cbor.trailing_bytes");
    CHECK(rule(message(header, cbor::null(), any, any)) == "cose.unprotected_header");
    CHECK(rule(message(header, hex("a0"), cbor::null(), any)) == "cose.detached_payload");
    CHECK(rule(message(header, hex("a0"), cbor::text("a"), any)) == "cose.payload");
    CHECK(rule(message(header, hex("a0"), any, cbor::null())) == "cose.signature");
  }

  TEST_CASE("the algorithm is ES256 or ES384 and stands where it is signed") {
    CHECK(rule(with_headers("a10126", "a0", 64)) == "read");
    CHECK(rule(with_headers("a1013822", "a0", 96)) == "read");
    CHECK(rule(with_headers("", "a0")) == "cose.algorithm_missing");
    CHECK(rule(with_headers("a0", "a10126")) == "cose.algorithm_missing");
    CHECK(rule(with_headers("a10300", "a10126")) == "cose.algorithm_missing");
    CHECK(rule(with_headers("a1013823", "a0")) == "cose.algorithm_unknown");  // ES512
    CHECK(rule(with_headers("a10127", "a0")) == "cose.algorithm_unknown");    // EdDSA
    CHECK(rule(with_headers("a101f6", "a0")) == "cose.algorithm_unknown");
    CHECK(rule(with_headers("a101654553333834", "a0")) == "cose.algorithm_unknown");  // a text
  }

  TEST_CASE("the signature has the length of its algorithm") {
    for (const std::size_t size : {0U, 63U, 65U, 96U})
      CHECK(rule(with_headers("a10126", "a0", size)) == "cose.signature_size");
    for (const std::size_t size : {0U, 64U, 95U, 97U, 104U})
      CHECK(rule(with_headers("a1013822", "a0", size)) == "cose.signature_size");
  }

  TEST_CASE("what must be understood is refused, wherever it stands") {
    CHECK(rule(with_headers("a20138220281182a", "a0")) == "cose.critical_header");
    CHECK(rule(with_headers("a1013822", "a10281182a")) == "cose.critical_header");
  }

  TEST_CASE("a label is a number or a text and stands in one header") {
    CHECK(rule(with_headers("a2013822617800", "a10400")) == "read");
    CHECK(rule(with_headers("a1013822", "a1013822")) == "cose.label_in_both_headers");
    CHECK(rule(with_headers("a2013822617800", "a1617800")) == "cose.label_in_both_headers");
    CHECK(rule(with_headers("a20138224000", "a0")) == "cose.label");
    CHECK(rule(with_headers("a1013822", "a14000")) == "cose.label");
    CHECK(rule(with_headers("a2013822013822", "a0")) == "cbor.duplicate_key");
  }

  TEST_CASE("what is signed has its lengths in the shortest form") {
    for (const std::size_t size : {0U, 23U, 24U, 255U, 256U, 16384U}) {
      CAPTURE(size);
      const bytes encoded =
          message(cbor::string(hex("a1013822")), hex("a0"), cbor::filled(size), cbor::filled(96));
      const auto read = read_cose_sign1(encoded);
      REQUIRE(read.has_value());
      bytes all;
      const bytes external(300, std::byte{2});
      cose_signed_bytes(*read, external, [&](detail::byte_span piece) {
        all.insert(all.end(), piece.begin(), piece.end());
      });
      CHECK(all == cbor::array({cbor::text("Signature1"), cbor::string(hex("a1013822")),
                                cbor::string(external), cbor::filled(size)}));
    }
    // A payload that was not read from a message may be longer.
    cose_sign1 longer;
    const bytes payload(70'000);
    longer.payload = payload;
    bytes all;
    cose_signed_bytes(longer, {}, [&](detail::byte_span piece) {
      all.insert(all.end(), piece.begin(), piece.end());
    });
    CHECK(all == cbor::array({cbor::text("Signature1"), cbor::string({}), cbor::string({}),
                              cbor::string(payload)}));
  }

  TEST_CASE("a signature is good for its payload, header, external data and key") {
    const test::nitro_maker maker;
    const bytes encoded = maker.document();
    const auto read = read_cose_sign1(encoded);
    REQUIRE(read.has_value());
    const auto key = curve_point<P384>::from_key_info(maker.leaf_fields.key_info);
    const auto other = curve_point<P384>::from_key_info(maker.root_fields.key_info);
    REQUIRE(key.has_value());
    REQUIRE(other.has_value());
    CHECK(verify_cose(*read, *key));
    CHECK_FALSE(verify_cose(*read, *other));
    CHECK_FALSE(verify_cose(*read, *key, hex("00")));
    cose_sign1 changed = *read;
    changed.payload = changed.payload.first(changed.payload.size() - 1);
    CHECK_FALSE(verify_cose(changed, *key));
    changed = *read;
    const bytes header = hex("a10138220a");
    changed.protected_header = header;
    CHECK_FALSE(verify_cose(changed, *key));
    changed = *read;
    changed.algorithm = cose_algorithm::es256;  // of another curve than the key
    CHECK_FALSE(verify_cose(changed, *key));
    changed = *read;
    changed.signature = changed.signature.first(64);
    CHECK_FALSE(verify_cose(changed, *key));
  }
}

}  // namespace
