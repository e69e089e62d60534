// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/nvidia/hopper_report.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/hopper_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::hopper_fields;

bytes encoded(const hopper_fields& fields) {
  return test::joined({fields.signed_part(), bytes(96, std::byte{0x51})});
}

/// The rule that the report breaks; "read" where it breaks none.
std::string rule(const bytes& report, errc code = errc::attest_malformed) {
  const auto read = read_hopper_report(report);
  if (read) return "read";
  CHECK(read.error().code == code);
  return std::string{read.error().rule};
}
/// What becomes of a report after `spoil` has had its parts.
template <class Spoil>
std::string with(Spoil spoil, errc code = errc::attest_malformed) {
  hopper_fields fields;
  spoil(fields);
  return rule(encoded(fields), code);
}
std::string field(unsigned type, bytes value) {
  return rule(encoded(hopper_fields{}.set(type, std::move(value))));
}
std::string block(std::string_view head, errc code = errc::attest_malformed) {
  const bytes one = test::joined({test::hex(head), bytes(48)});
  return rule(encoded(hopper_fields{}.with_blocks({one})), code);
}

constexpr errc unsupported = errc::attest_unsupported_format;

TEST_SUITE("attest/hopper_report") {
  TEST_CASE("a report says what stands in it") {
    const hopper_fields fields;
    const bytes all = encoded(fields);
    const auto read = read_hopper_report(all);
    REQUIRE(read.has_value());
    CHECK(std::ranges::equal(read->signed_part, fields.signed_part()));
    CHECK(std::ranges::equal(read->signature, bytes(96, std::byte{0x51})));
    CHECK(std::ranges::equal(read->nonce, fields.nonce));
    CHECK(std::ranges::equal(read->device_nonce, fields.device_nonce));
    CHECK(std::ranges::equal(read->measurement(1), bytes(48, std::byte{1})));
    CHECK(std::ranges::equal(read->measurement(64), bytes(48, std::byte{64})));
    CHECK(read->measurement(0).empty());
    CHECK(read->measurement(65).empty());
    CHECK(read->text(hopper_field::driver_version) == "550.90.07");
    CHECK(read->text(hopper_field::chip_sku) == "882");
    CHECK(read->text(hopper_field::feature_flag).empty());
    CHECK(read->vbios_version() == "96.00.9f.00.01");
    CHECK(std::ranges::equal(*read->field(hopper_field::board_id), test::hex("b1030000")));
    CHECK_FALSE(read->field(hopper_field::feature_flag).has_value());
  }

  TEST_CASE("a report that nobody has read says nothing, and is not read past its end") {
    hopper_report none;
    CHECK(none.measurement(1).empty());
    CHECK(none.vbios_version().empty());
    CHECK(none.text(hopper_field::project).empty());
    const bytes longer = test::hex("0300020031");
    none.fields = longer;
    CHECK_FALSE(none.field(hopper_field::driver_version).has_value());
    CHECK_FALSE(none.field(hopper_field::project).has_value());
  }

  TEST_CASE("every truncation has its name") {
    const bytes all = encoded({});
    for (std::size_t size = 0; size != all.size(); ++size) {
      CAPTURE(size);
      CHECK(rule({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size)}) ==
            "hopper.truncated");
    }
  }

  TEST_CASE("zeros may stand behind it, up to 8 KiB, and nothing else") {
    bytes all = encoded({});
    all.push_back(std::byte{0});
    CHECK(rule(all) == "read");
    all.resize(8192);
    CHECK(rule(all) == "read");
    all.back() = std::byte{1};
    CHECK(rule(all) == "hopper.trailing_bytes");
    all.push_back(std::byte{0});
    CHECK(rule(all) == "hopper.too_long");
    // They are no part of what is signed.
    all.resize(encoded({}).size() + 1);
    CHECK(std::ranges::equal(read_hopper_report(all)->signed_part, hopper_fields{}.signed_part()));
  }

  TEST_CASE("the request is one of SPDM 1.1 for all measurements, to be signed by slot 0") {
    const auto head = [](std::string_view hex, errc code = errc::attest_malformed) {
      return with([&](hopper_fields& f) { f.request_head = test::hex(hex); }, code);
    };
    CHECK(head("11e001ff") == "read");
    CHECK(head("10e001ff", unsupported) == "hopper.request_version");
    CHECK(head("12e001ff", unsupported) == "hopper.request_version");
    CHECK(head("118401ff") == "hopper.request_code");
    CHECK(head("11e000ff") == "hopper.no_signature_asked_for");
    CHECK(head("11e003ff") == "hopper.no_signature_asked_for");
    CHECK(head("11e001fe") == "hopper.not_all_asked_for");
    CHECK(head("11e00100") == "hopper.not_all_asked_for");
    CHECK(with([](hopper_fields& f) { f.request_slot = test::hex("01"); }) ==
          "hopper.request_slot");
  }

  TEST_CASE("the response is one to such a request") {
    const auto head = [](std::string_view hex, errc code = errc::attest_malformed) {
      return with([&](hopper_fields& f) { f.response_head = test::hex(hex); }, code);
    };
    CHECK(head("11600000") == "read");
    CHECK(head("12600000", unsupported) == "hopper.response_version");
    CHECK(head("117f0000") == "hopper.response_code");
    CHECK(head("11600100") == "hopper.response_reserved");
    CHECK(head("11600001") == "hopper.response_slot");
    CHECK(head("11600010") == "hopper.response_slot");
  }

  TEST_CASE("there are 1 to 64 measurements, and their length is that of so many") {
    CHECK(rule(encoded(hopper_fields{}.with_blocks(hopper_fields::all_blocks(1)))) == "read");
    CHECK(rule(encoded(hopper_fields{}.with_blocks({}))) == "hopper.block_count");
    CHECK(rule(encoded(hopper_fields{}.with_blocks(hopper_fields::all_blocks(65)))) ==
          "hopper.block_count");
    const auto length = [](std::uint64_t count, std::uint64_t size) {
      return with([&](hopper_fields& f) {
        f.block_count = count;
        f.record_length = size;
      });
    };
    CHECK(length(64, 64 * 55 - 1) == "hopper.record_length");
    CHECK(length(64, 64 * 55 + 1) == "hopper.record_length");
    CHECK(length(63, 64 * 55) == "hopper.record_length");
    CHECK(length(64, 64 * 55 + 0x10000) == "hopper.record_length");  // the third byte counts
    CHECK(length(64, 0xFFFFFF) == "hopper.record_length");
  }

  TEST_CASE("a measurement is a SHA-384 in the form of the DMTF") {
    CHECK(block("01013300013000") == "read");
    CHECK(block("40013300013000") == "read");
    CHECK(block("00013300013000") == "hopper.block_index");
    CHECK(block("41013300013000") == "hopper.block_index");
    CHECK(block("01003300013000", unsupported) == "hopper.block_specification");
    CHECK(block("01033300013000", unsupported) == "hopper.block_specification");
    CHECK(block("01013200013000") == "hopper.block_size");
    CHECK(block("01013301013000") == "hopper.block_size");
    for (const char* type : {"00", "01", "02", "03"})
      CHECK(block(std::string{"01013300"} + type + "3000") == "read");
    for (const char* type : {"04", "81"})
      CHECK(block(std::string{"01013300"} + type + "3000", unsupported) == "hopper.value_type");
    CHECK(block("01013300012f00") == "hopper.value_size");
    CHECK(block("01013300013001") == "hopper.value_size");
  }

  TEST_CASE("measurements stand in order, each once") {
    const auto indices = [](const std::vector<std::size_t>& all) {
      std::vector<bytes> blocks;
      for (const std::size_t index : all)
        blocks.push_back(hopper_fields::block(index, std::byte{1}));
      return rule(encoded(hopper_fields{}.with_blocks(blocks)));
    };
    CHECK(indices({1, 5, 64}) == "read");
    CHECK(indices({1, 5, 5}) == "hopper.block_index");
    CHECK(indices({2, 1}) == "hopper.block_index");
    const bytes all = encoded(hopper_fields{}.with_blocks(
        {hopper_fields::block(1, std::byte{1}), hopper_fields::block(5, std::byte{5})}));
    const auto read = read_hopper_report(all);
    REQUIRE(read.has_value());
    CHECK(read->measurement(2).empty());
    CHECK(read->measurement(5).size() == 48);
  }

  TEST_CASE("the opaque data has at most 1024 bytes and 64 fields, each once") {
    const auto filled_to = [](std::size_t size) {
      hopper_fields fields;
      fields.set(99, {});
      fields.set(99, bytes(size - fields.opaque().size()));
      return rule(encoded(fields));
    };
    CHECK(filled_to(1024) == "read");
    CHECK(filled_to(1025) == "hopper.opaque_length");
    hopper_fields many;
    for (unsigned type = 100; many.fields.size() != 64; ++type) many.set(type, {});
    CHECK(rule(encoded(many)) == "read");
    many.set(99, {});
    CHECK(rule(encoded(many)) == "hopper.too_many_fields");
    CHECK(with([](hopper_fields& f) { f.fields.push_back(f.fields.front()); }) ==
          "hopper.field_twice");
    CHECK(with([](hopper_fields& f) {
            f.fields.emplace_back(99U, bytes{});
            f.fields.emplace_back(99U, bytes{});
          }) == "hopper.field_twice");
    for (const char* rest : {"63", "6300", "630000", "63000100"})
      CHECK(with([&](hopper_fields& f) { f.behind_fields = test::hex(rest); }) ==
            "hopper.field_truncated");
    CHECK(with([](hopper_fields& f) { f.behind_fields = test::hex("6300ffff"); }) ==
          "hopper.field_truncated");
  }

  TEST_CASE("a field that nobody knows may be there, and can be asked for") {
    const bytes all = encoded(hopper_fields{}.set(999, test::hex("0102")));
    const auto read = read_hopper_report(all);
    REQUIRE(read.has_value());
    CHECK(std::ranges::equal(*read->field(static_cast<hopper_field>(999)), test::hex("0102")));
  }

  TEST_CASE("three fields must be there") {
    const auto without = [](unsigned type) { return rule(encoded(hopper_fields{}.drop(type))); };
    CHECK(without(3) == "hopper.driver_version_missing");
    CHECK(without(6) == "hopper.vbios_version_missing");
    CHECK(without(20) == "hopper.firmware_id_missing");
    for (const unsigned type : {11U, 12U, 14U, 15U, 16U, 17U, 18U, 21U})
      CHECK(without(type) == "read");
    CHECK(with([](hopper_fields& f) { f.fields.clear(); }) == "hopper.driver_version_missing");
  }

  TEST_CASE("texts are 1 to 32 characters that can be printed, and zeros") {
    for (const unsigned type : {3U, 15U, 16U, 17U, 18U}) {
      CAPTURE(type);
      const std::string named = type == 3 ? "hopper.driver_version" : "hopper.text";
      const auto value = [&](std::string_view hex) { return field(type, test::hex(hex)); };
      CHECK(value("3100") == "read");
      CHECK(value("3100000000") == "read");
      CHECK(value("") == named);
      CHECK(value("00") == named);
      CHECK(value("31") == named);
      CHECK(value("310032") == named);
      CHECK(value("31003200") == named);
      CHECK(value("312000") == named);
      CHECK(value("311b00") == named);
      CHECK(value("317f00") == named);
      CHECK(value("31c3bc00") == named);
      bytes longest(33, std::byte{'1'});
      longest.back() = std::byte{0};
      CHECK(field(type, longest) == "read");
      longest.back() = std::byte{'1'};
      longest.push_back(std::byte{0});
      CHECK(field(type, longest) == named);
    }
  }

  TEST_CASE("the other fields that are read have their sizes and values") {
    for (const std::size_t size : {0U, 7U, 9U})
      CHECK(field(6, bytes(size)) == "hopper.vbios_version");
    for (const std::size_t size : {0U, 32U, 47U, 49U})
      CHECK(field(20, bytes(size)) == "hopper.firmware_id");
    for (const std::size_t size : {0U, 255U, 257U})
      CHECK(field(12, bytes(size)) == "hopper.measurement_counts");
    for (const unsigned type : {11U, 21U}) {
      const auto value = [&](std::string_view hex) { return field(type, test::hex(hex)); };
      CHECK(value("aa") == "read");
      CHECK(value("55") == "read");
      CHECK(value("") == "hopper.status");
      CHECK(value("00") == "hopper.status");
      CHECK(value("aaaa") == "hopper.status");
    }
  }
}

}  // namespace
