// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace enfilade {

/// What an element of DER is: the first byte of it.
enum class der_tag : std::uint8_t {
  boolean = 0x01,
  integer = 0x02,
  bit_string = 0x03,
  octet_string = 0x04,
  null = 0x05,
  object_identifier = 0x06,
  utc_time = 0x17,
  generalized_time = 0x18,
  sequence = 0x30,
  set = 0x31,
};

/// The tag `[number] EXPLICIT`, or `[number]` before a SEQUENCE or SET; `number` is below 31.
constexpr der_tag context_tag(unsigned number) noexcept {
  return static_cast<der_tag>(0xA0 | number);
}

/// The name of an algorithm, an extension, ...: the content of an OBJECT IDENTIFIER.
///
///     constexpr object_identifier basic_constraints{2, 5, 29, 19};
///
/// Encoded (X.690 §8.19) by the compiler, and compared as bytes with what a certificate has.
class object_identifier {
 public:
  template <std::integral... Arcs>
  consteval object_identifier(Arcs... arcs) {
    static_assert(sizeof...(Arcs) >= 2);
    const std::array all{static_cast<std::uint64_t>(arcs)...};
    append(40 * all[0] + all[1]);
    for (std::size_t i = 2; i != all.size(); ++i) append(all[i]);
  }

  constexpr detail::byte_span bytes() const noexcept { return std::span{bytes_}.first(size_); }

  friend bool operator==(const object_identifier& name, detail::byte_span encoded) noexcept {
    return std::ranges::equal(name.bytes(), encoded);
  }

 private:
  constexpr void append(std::uint64_t arc) {
    int digits = 1;
    while (arc >> (7 * digits) != 0) ++digits;
    while (--digits >= 0) {
      const auto seven = static_cast<std::byte>(arc >> (7 * digits) & 0x7F);
      bytes_.at(size_++) = digits == 0 ? seven : seven | std::byte{0x80};
    }
  }

  std::array<std::byte, 24> bytes_{};
  std::size_t size_ = 0;
};

/// One element of DER, as views into the bytes that were read.
struct der_element {
  der_tag tag;
  detail::byte_span content;
  detail::byte_span whole;  ///< with tag and length
};

/// Reads the elements of one level of DER (X.690), one after the other, from bytes that a stranger
/// chose.
///
/// Stricter than DER where nothing that certificates need is lost: what it accepts has one encoding.
/// Every length is definite, in its shortest form and below 16 MiB, and ends within the bytes; a tag
/// is one byte; strings come in one piece. It allocates nothing, never throws, and never calls
/// itself: a level within is another reader, made by the caller who expects one, so the depth is
/// that of the caller's program.
///
/// Everything that fails is `errc::attest_malformed` under a rule `der.*`, and then the reader stays
/// where it was or behind the bad element: stop. Results are views into the bytes given.
class der_reader {
 public:
  explicit der_reader(detail::byte_span bytes) noexcept : rest_(bytes) {}

  bool empty() const noexcept { return rest_.empty(); }

  /// Whether an element with this tag comes next: how an OPTIONAL one is found.
  bool next_is(der_tag tag) const noexcept {
    return !rest_.empty() && static_cast<der_tag>(rest_.front()) == tag;
  }

  /// Nothing may be left.
  judged<void> end() const noexcept {
    if (!rest_.empty()) return refused("der.trailing_bytes");
    return {};
  }

  /// The next element, whatever it is.
  judged<der_element> any() noexcept {
    if (rest_.size() < 2) return refused("der.truncated");
    if (!is_tag(rest_[0])) return refused("der.tag");
    std::size_t header = 2;
    auto size = std::to_integer<std::size_t>(rest_[1]);
    if (size >= 0x80) {
      const std::size_t digits = size - 0x80;
      if (digits == 0 || digits > 3) return refused("der.length");  // indefinite; absurd
      if (rest_.size() - header < digits) return refused("der.truncated");
      size = 0;
      for (std::size_t i = 0; i != digits; ++i)
        size = size << 8 | std::to_integer<std::size_t>(rest_[header + i]);
      const std::size_t shortest = size < 0x80 ? 0 : size < 0x100 ? 1 : size < 0x10000 ? 2 : 3;
      if (digits != shortest) return refused("der.length");
      header += digits;
    }
    if (rest_.size() - header < size) return refused("der.truncated");
    const der_element element{static_cast<der_tag>(rest_[0]), rest_.subspan(header, size),
                              rest_.first(header + size)};
    rest_ = rest_.subspan(header + size);
    return element;
  }

  /// The next element, which must have this tag.
  judged<der_element> element(der_tag tag) noexcept {
    if (!next_is(tag)) return refused("der.unexpected_element");
    return any();
  }

  /// A reader of what is inside of the next element, which must have this tag.
  judged<der_reader> enter(der_tag tag) noexcept {
    const auto found = element(tag);
    if (!found) return found.error();
    return der_reader{found->content};
  }
  judged<der_reader> sequence() noexcept { return enter(der_tag::sequence); }

  /// An INTEGER in its shortest form (§8.3.2), big-endian, two's complement.
  judged<detail::byte_span> integer() noexcept {
    const auto found = element(der_tag::integer);
    if (!found) return found.error();
    const detail::byte_span digits = found->content;
    if (digits.empty()) return refused("der.integer");
    if (digits.size() > 1) {
      const bool negative = is_negative(digits.subspan(1));
      if (digits[0] == (negative ? std::byte{0xFF} : std::byte{0})) return refused("der.integer");
    }
    return digits;
  }

  /// An INTEGER that is not negative, big-endian without a zero in front; zero itself is one byte.
  judged<detail::byte_span> magnitude() noexcept {
    const auto digits = integer();
    if (!digits) return digits.error();
    if (is_negative(*digits)) return refused("der.negative");
    const bool sign_byte = digits->size() > 1 && digits->front() == std::byte{0};
    return sign_byte ? digits->subspan(1) : *digits;
  }

  /// An INTEGER from 0 to 2^63 - 1.
  judged<std::uint64_t> number() noexcept {
    const auto digits = magnitude();
    if (!digits) return digits.error();
    if (digits->size() > 8 || (digits->size() == 8 && is_negative(*digits)))
      return refused("der.number_too_large");
    std::uint64_t value = 0;
    for (const std::byte digit : *digits)
      value = value << 8 | std::to_integer<std::uint64_t>(digit);
    return value;
  }

  /// A BOOLEAN: 00 or FF (§11.1).
  judged<bool> boolean() noexcept {
    const auto found = element(der_tag::boolean);
    if (!found) return found.error();
    if (found->content.size() != 1) return refused("der.boolean");
    const std::byte value = found->content[0];
    if (value != std::byte{0} && value != std::byte{0xFF}) return refused("der.boolean");
    return value != std::byte{0};
  }

  /// `BOOLEAN DEFAULT FALSE`: absent or TRUE, since a default is not written (§11.5).
  judged<bool> flag() noexcept {
    if (!next_is(der_tag::boolean)) return false;
    const auto value = boolean();
    if (!value) return value.error();
    if (!*value) return refused("der.default_written");
    return true;
  }

  judged<detail::byte_span> octet_string() noexcept {
    const auto found = element(der_tag::octet_string);
    if (!found) return found.error();
    return found->content;
  }

  /// A BIT STRING of whole bytes: keys and signatures.
  judged<detail::byte_span> bit_string() noexcept {
    const auto found = element(der_tag::bit_string);
    if (!found) return found.error();
    if (found->content.empty() || found->content[0] != std::byte{0})
      return refused("der.bit_string");
    return found->content.subspan(1);
  }

  /// A BIT STRING whose bits have names, at most 16 of them: bit n of the result for bit n.
  ///
  /// Named zeros at its end are taken, where DER has none (§11.2.2): AMD's ASKs write one. Bits that
  /// are said to be unused are zero.
  judged<std::uint16_t> named_bits() noexcept {
    const auto found = element(der_tag::bit_string);
    if (!found) return found.error();
    const detail::byte_span content = found->content;
    if (content.empty() || content.size() > 3) return refused("der.bit_string");
    const auto unused = std::to_integer<unsigned>(content[0]);
    const detail::byte_span bits = content.subspan(1);
    if (bits.empty()) {
      if (unused != 0) return refused("der.bit_string");
      return std::uint16_t{0};
    }
    const auto last = std::to_integer<unsigned>(bits.back());
    if (unused > 7 || (last & ((1U << unused) - 1)) != 0) return refused("der.bit_string");
    unsigned value = 0;
    for (std::size_t n = 0; n != 8 * bits.size(); ++n)
      if ((bits[n / 8] & std::byte{0x80} >> (n % 8)) != std::byte{0}) value |= 1U << n;
    return static_cast<std::uint16_t>(value);
  }

  /// The content of an OBJECT IDENTIFIER; compare with an `object_identifier`.
  judged<detail::byte_span> oid() noexcept {
    const auto found = element(der_tag::object_identifier);
    if (!found) return found.error();
    const detail::byte_span arcs = found->content;
    if (arcs.empty() || is_negative(arcs.last(1))) return refused("der.object_identifier");
    bool first = true;  // of an arc, which does not begin with a zero (§8.19.2)
    for (const std::byte b : arcs) {
      if (first && b == std::byte{0x80}) return refused("der.object_identifier");
      first = (b & std::byte{0x80}) == std::byte{0};
    }
    return arcs;
  }

  judged<void> null() noexcept {
    const auto found = element(der_tag::null);
    if (!found) return found.error();
    if (!found->content.empty()) return refused("der.null");
    return {};
  }

  /// A UTCTime up to the end of 2049, or a GeneralizedTime from then on (RFC 5280 §4.1.2.5): with
  /// seconds, without fractions, in UTC, and a date that the calendar has.
  judged<std::chrono::sys_seconds> time() noexcept {
    const bool utc = next_is(der_tag::utc_time);
    const auto found = element(utc ? der_tag::utc_time : der_tag::generalized_time);
    if (!found) return found.error();
    detail::byte_span text = found->content;
    if (text.size() != (utc ? 13U : 15U) || text.back() != std::byte{'Z'})
      return refused("der.time");
    std::array<int, 7> pairs{};  // century, year, month, day, hour, minute, second
    for (std::size_t i = utc ? 1 : 0; i != pairs.size(); ++i, text = text.subspan(2)) {
      const int tens = std::to_integer<int>(text[0]) - '0';
      const int ones = std::to_integer<int>(text[1]) - '0';
      if (tens < 0 || tens > 9 || ones < 0 || ones > 9) return refused("der.time");
      pairs[i] = 10 * tens + ones;
    }
    if (utc) pairs[0] = pairs[1] >= 50 ? 19 : 20;
    const int year = 100 * pairs[0] + pairs[1];
    if (!utc && year < 2050) return refused("der.time");
    const std::chrono::year_month_day date{std::chrono::year{year},
                                           std::chrono::month{static_cast<unsigned>(pairs[2])},
                                           std::chrono::day{static_cast<unsigned>(pairs[3])}};
    if (!date.ok() || pairs[4] > 23 || pairs[5] > 59 || pairs[6] > 59) return refused("der.time");
    return std::chrono::sys_days{date} + std::chrono::hours{pairs[4]} +
           std::chrono::minutes{pairs[5]} + std::chrono::seconds{pairs[6]};
  }

 private:
  static refusal refused(std::string_view rule) noexcept { return {errc::attest_malformed, rule}; }

  // One byte, not "end of contents", and of the universal types only SEQUENCE and SET have elements
  // inside: a string in pieces is BER.
  static bool is_tag(std::byte first) noexcept {
    const auto tag = std::to_integer<unsigned>(first);
    const unsigned number = tag & 0x1F;
    if (number == 0x1F || tag == 0) return false;
    if (tag >= 0x40) return true;
    return ((tag & 0x20) != 0) == (number == 0x10 || number == 0x11);
  }

  static bool is_negative(detail::byte_span digits) noexcept {
    return (digits.front() & std::byte{0x80}) != std::byte{0};
  }

  detail::byte_span rest_;
};

}  // namespace enfilade
