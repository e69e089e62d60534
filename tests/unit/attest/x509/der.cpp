// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/x509/der.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using bytes = std::vector<std::byte>;

static_assert(noexcept(std::declval<der_reader&>().any()));

bytes hex(std::string_view text) { return *detail::from_hex(text); }

/// The rule that `read` breaks on these bytes; "" where it breaks none and nothing is left.
template <class Read>
std::string_view rule_of(std::string_view text, Read read) {
  const bytes input = hex(text);
  der_reader reader{input};
  const auto found = read(reader);
  if (found) return reader.empty() ? "" : "left";
  CHECK(found.error().code == errc::attest_malformed);
  return found.error().rule;
}

constexpr auto any = [](der_reader& r) { return r.any(); };
constexpr auto integer = [](der_reader& r) { return r.integer(); };
constexpr auto magnitude = [](der_reader& r) { return r.magnitude(); };
constexpr auto number = [](der_reader& r) { return r.number(); };
constexpr auto boolean = [](der_reader& r) { return r.boolean(); };
constexpr auto bit_string = [](der_reader& r) { return r.bit_string(); };
constexpr auto named_bits = [](der_reader& r) { return r.named_bits(); };
constexpr auto oid = [](der_reader& r) { return r.oid(); };
constexpr auto null = [](der_reader& r) { return r.null(); };
constexpr auto time = [](der_reader& r) { return r.time(); };

std::string with_size(std::string_view header, std::size_t size) {
  std::string text{header};
  text.append(2 * size, '0');
  return text;
}

std::string time_text(std::string_view tag, std::string_view digits) {
  const std::string size = digits.size() == 13 ? "0d" : digits.size() == 15 ? "0f" : "11";
  return std::string{tag} + size + detail::to_hex(detail::bytes_of(digits));
}

std::int64_t seconds_of(std::string_view text) {
  const bytes input = hex(text);
  der_reader reader{input};
  const auto found = reader.time();
  REQUIRE(found.has_value());
  return found->time_since_epoch().count();
}

TEST_SUITE("attest/der") {
  TEST_CASE("an element is its tag, its content and the bytes of both") {
    const bytes input = hex("30050201010500ff");
    der_reader reader{input};
    const auto element = reader.any();
    REQUIRE(element.has_value());
    CHECK(element->tag == der_tag::sequence);
    CHECK(detail::to_hex(element->content) == "0201010500");
    CHECK(detail::to_hex(element->whole) == "30050201010500");
    CHECK_FALSE(reader.empty());
    CHECK(reader.end().error().rule == "der.trailing_bytes");
  }

  TEST_CASE("lengths have their shortest form and end within the bytes") {
    CHECK(rule_of("0400", any) == "");
    CHECK(rule_of(with_size("047f", 127), any) == "");
    CHECK(rule_of(with_size("048180", 128), any) == "");
    CHECK(rule_of(with_size("0481ff", 255), any) == "");
    CHECK(rule_of(with_size("04820100", 256), any) == "");
    CHECK(rule_of(with_size("0483010000", 65536), any) == "");
    CHECK(rule_of(with_size("04817f", 127), any) == "der.length");
    CHECK(rule_of(with_size("048200ff", 255), any) == "der.length");
    CHECK(rule_of(with_size("0483000100", 256), any) == "der.length");
    CHECK(rule_of("3080020101"
                  "0000",
                  any) == "der.length");  // indefinite
    CHECK(rule_of("048401000000", any) == "der.length");
    CHECK(rule_of("04ff", any) == "der.length");
    CHECK(rule_of("0488ffffffffffffffff", any) == "der.length");
    for (const char* cut : {"", "04", "0401", "0481", "0482", "048201", "04820100", "0483ffffff"})
      CHECK(rule_of(cut, any) == "der.truncated");
  }

  TEST_CASE("tags are one byte, and strings come in one piece") {
    for (const char* good : {"0500", "3000", "3100", "a000", "8000", "6000", "bf00"}) {
      if (std::string_view{good} == "bf00")
        CHECK(rule_of(good, any) == "der.tag");
      else
        CHECK(rule_of(good, any) == "");
    }
    for (const char* bad : {"0000", "1f00", "1f8100", "2400", "2300", "1000", "1100", "2000"})
      CHECK(rule_of(bad, any) == "der.tag");
    CHECK(rule_of("0500", integer) == "der.unexpected_element");
    CHECK(rule_of("", integer) == "der.unexpected_element");
  }

  TEST_CASE("an INTEGER has its shortest form; a magnitude is not negative") {
    for (const char* good : {"020100", "02017f", "02020080", "0201ff", "020180", "0202ff7f"})
      CHECK(rule_of(good, integer) == "");
    for (const char* bad : {"0200", "02020000", "0202007f", "0202ffff", "0202ff80"})
      CHECK(rule_of(bad, integer) == "der.integer");
    CHECK(rule_of("0201ff", magnitude) == "der.negative");
    const bytes input = hex("02020080020100");
    der_reader reader{input};
    CHECK(detail::to_hex(*reader.magnitude()) == "80");
    CHECK(detail::to_hex(*reader.magnitude()) == "00");  // AMD's serial number
  }

  TEST_CASE("a number fits into 63 bits") {
    const bytes input = hex("02087fffffffffffffff");
    der_reader reader{input};
    CHECK(*reader.number() == 0x7FFFFFFFFFFFFFFF);
    CHECK(rule_of("0209008000000000000000", number) == "der.number_too_large");
    CHECK(rule_of("0209010000000000000000", number) == "der.number_too_large");
    CHECK(rule_of("0201ff", number) == "der.negative");
  }

  TEST_CASE("a BOOLEAN is 00 or FF, and a default is not written") {
    const bytes input = hex("0101ff010100");
    der_reader reader{input};
    CHECK(*reader.boolean());
    CHECK_FALSE(*reader.boolean());
    for (const char* bad : {"010101", "0100", "0102ffff"})
      CHECK(rule_of(bad, boolean) == "der.boolean");
    der_reader absent{bytes{}};
    CHECK_FALSE(*absent.flag());
    CHECK(rule_of("010100", [](der_reader& r) { return r.flag(); }) == "der.default_written");
  }

  TEST_CASE("a BIT STRING of bytes has no bits to spare") {
    CHECK(rule_of("030100", bit_string) == "");
    CHECK(rule_of("030200ff", bit_string) == "");
    for (const char* bad : {"0300", "030201fe", "030108"})
      CHECK(rule_of(bad, bit_string) == "der.bit_string");
  }

  TEST_CASE("named bits are counted from the left") {
    const auto bits = [](std::string_view text) {
      const bytes input = hex(text);
      der_reader reader{input};
      return *reader.named_bits();
    };
    CHECK(bits("030100") == 0);
    CHECK(bits("03020780") == 1);
    CHECK(bits("03020106") == (1 << 5 | 1 << 6));
    CHECK(bits("0303070080") == 1 << 8);
    CHECK(bits("03020104") == 1 << 5);  // a zero too many: AMD's ASKs
    for (const char* bad : {"0300", "030101", "03020181", "03020880", "030400ffffff"})
      CHECK(rule_of(bad, named_bits) == "der.bit_string");
  }

  TEST_CASE("an OBJECT IDENTIFIER is compared with one that the compiler encoded") {
    constexpr object_identifier pss{1, 2, 840, 113549, 1, 1, 10};
    CHECK(detail::to_hex(pss.bytes()) == "2a864886f70d01010a");
    constexpr object_identifier joint{2, 999, 3};
    CHECK(detail::to_hex(joint.bytes()) == "883703");  // the example of X.690 §8.19.5
    const bytes input = hex("06092a864886f70d01010a");
    der_reader reader{input};
    const auto read = reader.oid();
    CHECK(pss == *read);
    CHECK_FALSE(joint == *read);
    for (const char* bad : {"0600", "060180", "06022a80", "0603808001", "06032a8001"})
      CHECK(rule_of(bad, oid) == "der.object_identifier");
  }

  TEST_CASE("NULL is empty") {
    CHECK(rule_of("0500", null) == "");
    CHECK(rule_of("050100", null) == "der.null");
  }

  TEST_CASE("times are seconds since 1970, by UTCTime up to 2049") {
    CHECK(seconds_of(time_text("17", "700101000000Z")) == 0);
    CHECK(seconds_of(time_text("17", "500101000000Z")) == -631152000);
    CHECK(seconds_of(time_text("17", "240229235959Z")) == 1709251199);
    CHECK(seconds_of(time_text("17", "491231235959Z")) == 2524607999);
    CHECK(seconds_of(time_text("18", "20500101000000Z")) == 2524608000);
    CHECK(seconds_of(time_text("18", "99991231235959Z")) == 253402300799);
  }

  TEST_CASE("a time is refused") {
    for (const char* digits : {"230229000000Z", "230100000000Z", "231301000000Z", "230001000000Z",
                               "230132000000Z", "230101240000Z", "230101006000Z", "230101000060Z",
                               "2301010000000", "23010100000 Z", "2301010000-1Z"})
      CHECK(rule_of(time_text("17", digits), time) == "der.time");
    CHECK(rule_of(time_text("18", "20491231235959Z"), time) == "der.time");
    CHECK(rule_of(time_text("18", "21000229000000Z"), time) == "der.time");
    CHECK(rule_of(time_text("18", "20500101000000.0Z"), time) == "der.time");
    CHECK(rule_of(time_text("17", "20500101000000Z"), time) == "der.time");
    CHECK(rule_of(time_text("18", "500101000000Z"), time) == "der.time");
    CHECK(rule_of("170b"
                  "323330313031303030305a",
                  time) == "der.time");  // no seconds
    CHECK(rule_of("1711"
                  "3233303130313030303030302b30313030",
                  time) == "der.time");  // +0100
    CHECK(rule_of("1700", time) == "der.time");
    CHECK(rule_of("0500", time) == "der.unexpected_element");
  }
}

}  // namespace
