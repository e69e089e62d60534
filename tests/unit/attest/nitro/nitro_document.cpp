// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/nitro/nitro_document.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/nitro_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::nitro_fields;
namespace cbor = test::cbor;

/// The rule that the document breaks; "read" where it breaks none.
std::string_view rule(const bytes& payload) {
  const auto read = read_nitro_document(payload);
  if (read) return "read";
  CHECK(read.error().code == errc::attest_malformed);
  return read.error().rule;
}
std::string_view with(std::string_view key, bytes value) {
  return rule(nitro_fields{}.set(key, std::move(value)).encoded());
}
std::string_view without(std::string_view key) { return rule(nitro_fields{}.drop(key).encoded()); }

bytes pcr_map(const bytes& index, const bytes& digest) {
  return cbor::map({{cbor::number(0), cbor::filled(48)},
                    {cbor::number(1), cbor::filled(48)},
                    {cbor::number(2), cbor::filled(48)},
                    {index, digest}});
}

TEST_SUITE("attest/nitro_document") {
  TEST_CASE("a document says what stands in it") {
    const bytes payload = nitro_fields{}.encoded();
    const auto read = read_nitro_document(payload);
    REQUIRE(read.has_value());
    CHECK(read->module_id == "i-0123456789abcdef0-enc0123456789abcdef");
    CHECK(read->timestamp_ms == 1'717'200'000'000);
    CHECK(read->pcrs[15].size() == 48);
    CHECK(read->pcrs[16].empty());
    CHECK(read->certificate.size() == 639);
    REQUIRE(read->cabundle().size() == 2);
    CHECK(read->cabundle()[0].size() == 533);
    CHECK(read->cabundle()[1].size() == 700);
    CHECK_FALSE(read->public_key.has_value());
    CHECK(read->user_data->size() == 64);
    CHECK_FALSE(read->nonce.has_value());
    CHECK_FALSE(read->is_debug());
  }

  TEST_CASE("the map may end with a break") {
    bytes payload = nitro_fields{}.encoded();
    REQUIRE(payload.front() == std::byte{0xA9});
    payload.front() = std::byte{0xBF};
    payload.push_back(std::byte{0xFF});
    CHECK(rule(payload) == "read");
  }

  TEST_CASE("it is a map of the fields that are known") {
    CHECK(rule(test::hex("80")) == "nitro.not_a_map");
    CHECK(rule(test::hex("")) == "cbor.truncated");
    CHECK(with("color", cbor::null()) == "nitro.unknown_field");
    CHECK(rule(test::hex("a10001")) == "nitro.unknown_field");
    CHECK(rule(test::hex("a2666469676573746653484133383466646967657374665348413338"
                         "34")) == "cbor.duplicate_key");
  }

  TEST_CASE("six fields must be there, three may be absent") {
    CHECK(rule(test::hex("a0")) == "nitro.module_id_missing");
    CHECK(without("module_id") == "nitro.module_id_missing");
    CHECK(without("digest") == "nitro.digest_missing");
    CHECK(without("timestamp") == "nitro.timestamp_missing");
    CHECK(without("pcrs") == "nitro.pcr_missing");
    CHECK(without("certificate") == "nitro.certificate_missing");
    CHECK(without("cabundle") == "nitro.cabundle_missing");
    for (const char* key : {"public_key", "user_data", "nonce"}) CHECK(without(key) == "read");
  }

  TEST_CASE("the module has a name of 1 to 128 characters that can be printed") {
    CHECK(with("module_id", cbor::text(std::string(128, 'a'))) == "read");
    CHECK(with("module_id", cbor::text(std::string(129, 'a'))) == "nitro.module_id");
    CHECK(with("module_id", cbor::text("")) == "nitro.module_id");
    CHECK(with("module_id", cbor::text("i-0 enc")) == "nitro.module_id");
    CHECK(with("module_id", cbor::text("i-0\x1B[2J")) == "nitro.module_id");
    CHECK(with("module_id", cbor::text("\xC3\xBC")) == "nitro.module_id");
    CHECK(with("module_id", cbor::filled(39)) == "nitro.module_id");
  }

  TEST_CASE("the digest is SHA384 and the time is one") {
    CHECK(with("digest", cbor::text("SHA256")) == "nitro.digest");
    CHECK(with("digest", cbor::null()) == "nitro.digest");
    CHECK(with("timestamp", cbor::number(1)) == "read");
    CHECK(with("timestamp", cbor::number(253'402'300'799'999)) == "read");
    CHECK(with("timestamp", cbor::number(253'402'300'800'000)) == "nitro.timestamp");
    CHECK(with("timestamp", cbor::number(~std::uint64_t{0})) == "nitro.timestamp");
    CHECK(with("timestamp", cbor::number(0)) == "nitro.timestamp");
    CHECK(with("timestamp", test::hex("20")) == "nitro.timestamp");
    CHECK(with("timestamp", cbor::text("now")) == "nitro.timestamp");
  }

  TEST_CASE("there are 3 to 32 registers of 48 bytes, PCR0 to PCR2 among them") {
    CHECK(with("pcrs", nitro_fields::pcrs(3)) == "read");
    CHECK(with("pcrs", nitro_fields::pcrs(32)) == "read");
    CHECK(with("pcrs", nitro_fields::pcrs(33)) == "nitro.pcr_index");
    CHECK(with("pcrs", nitro_fields::pcrs(2)) == "nitro.pcr_missing");
    CHECK(with("pcrs", test::hex("a0")) == "nitro.pcrs");
    CHECK(with("pcrs", cbor::null()) == "nitro.pcrs");
    CHECK(with("pcrs", cbor::array({cbor::filled(48)})) == "nitro.pcrs");
    CHECK(with("pcrs", pcr_map(cbor::number(31), cbor::filled(48))) == "read");
    CHECK(with("pcrs", pcr_map(cbor::number(32), cbor::filled(48))) == "nitro.pcr_index");
    CHECK(with("pcrs", pcr_map(test::hex("20"), cbor::filled(48))) == "nitro.pcr_index");
    CHECK(with("pcrs", pcr_map(cbor::text("3"), cbor::filled(48))) == "nitro.pcr_index");
    for (const std::size_t size : {0U, 32U, 47U, 49U, 64U})
      CHECK(with("pcrs", pcr_map(cbor::number(3), cbor::filled(size))) == "nitro.pcr_size");
    CHECK(with("pcrs", pcr_map(cbor::number(3), cbor::null())) == "nitro.pcr_size");
    CHECK(with("pcrs", pcr_map(cbor::number(2), cbor::filled(48))) == "cbor.duplicate_key");
  }

  TEST_CASE("certificates have 1 to 1024 bytes, authorities 1 to 8 of them") {
    for (const std::size_t size : {1U, 1024U}) {
      CHECK(with("certificate", cbor::filled(size)) == "read");
      CHECK(with("cabundle", cbor::array({cbor::filled(size)})) == "read");
    }
    for (const std::size_t size : {0U, 1025U}) {
      CHECK(with("certificate", cbor::filled(size)) == "nitro.certificate");
      CHECK(with("cabundle", cbor::array({cbor::filled(9), cbor::filled(size)})) ==
            "nitro.cabundle_certificate");
    }
    CHECK(with("certificate", cbor::null()) == "nitro.certificate");
    CHECK(with("certificate", cbor::text("MIIC")) == "nitro.certificate");
    CHECK(with("cabundle", cbor::array({cbor::null()})) == "nitro.cabundle_certificate");
    CHECK(with("cabundle", cbor::array(std::vector<bytes>(8, cbor::filled(9)))) == "read");
    CHECK(with("cabundle", cbor::array(std::vector<bytes>(9, cbor::filled(9)))) ==
          "nitro.cabundle");
    CHECK(with("cabundle", cbor::array({})) == "nitro.cabundle");
    CHECK(with("cabundle", cbor::null()) == "nitro.cabundle");
    CHECK(with("cabundle", cbor::filled(9)) == "nitro.cabundle");
  }

  TEST_CASE("what the enclave gave has at most 1024 bytes, a public key one at least") {
    for (const std::string key : {"public_key", "user_data", "nonce"}) {
      CAPTURE(key);
      const std::string named = "nitro." + key;
      CHECK(with(key, cbor::null()) == "read");
      CHECK(with(key, cbor::filled(1)) == "read");
      CHECK(with(key, cbor::filled(1024)) == "read");
      CHECK(with(key, cbor::filled(1025)) == named);
      CHECK(with(key, cbor::text("a")) == named);
      CHECK(with(key, test::hex("f4")) == named);
      CHECK(with(key, cbor::filled(0)) == (key == "public_key" ? named : "read"));
    }
    const bytes payload = nitro_fields{}.set("nonce", cbor::filled(0)).encoded();
    const auto read = read_nitro_document(payload);
    REQUIRE(read.has_value());
    CHECK(read->nonce.has_value());  // empty, which is not the same as none
  }

  TEST_CASE("zeros in any of the first three registers are debug mode") {
    for (std::size_t i = 0; i != 4; ++i) {
      CAPTURE(i);
      std::vector<std::pair<bytes, bytes>> all;
      for (std::size_t j = 0; j != 4; ++j)
        all.emplace_back(cbor::number(j), cbor::filled(48, std::byte(i == j ? 0 : 1)));
      const bytes payload = nitro_fields{}.set("pcrs", cbor::map(all)).encoded();
      const auto read = read_nitro_document(payload);
      REQUIRE(read.has_value());
      CHECK(read->is_debug() == (i != 3));
    }
  }
}

}  // namespace
