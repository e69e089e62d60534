// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace enfilade::detail {

/// What the first byte of a UTF-8 character asks of the bytes that follow it (RFC 3629 §4).
///
/// `length` is that of the whole character, 0 where no character begins with this byte. The second
/// byte lies in [low, high], which shuts out overlong forms, surrogates and values above U+10FFFF;
/// every later byte lies in [0x80, 0xBF].
struct utf8_lead {
  std::uint8_t length;
  std::uint8_t low;
  std::uint8_t high;
};

constexpr utf8_lead utf8_lead_of(char first) noexcept {
  const auto b = static_cast<unsigned char>(first);
  if (b < 0x80) return {1, 0, 0};
  if (b < 0xC2) return {0, 0, 0};
  if (b < 0xE0) return {2, 0x80, 0xBF};
  if (b == 0xE0) return {3, 0xA0, 0xBF};
  if (b == 0xED) return {3, 0x80, 0x9F};
  if (b < 0xF0) return {3, 0x80, 0xBF};
  if (b == 0xF0) return {4, 0x90, 0xBF};
  if (b < 0xF4) return {4, 0x80, 0xBF};
  if (b == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

constexpr bool utf8_between(char byte, std::uint8_t low, std::uint8_t high) noexcept {
  const auto b = static_cast<unsigned char>(byte);
  return low <= b && b <= high;
}

/// Whether the text is well-formed UTF-8 from end to end.
inline bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at != text.size();) {
    if (std::uint64_t eight; text.size() - at >= sizeof eight) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080'8080'8080'8080U) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    const utf8_lead lead = utf8_lead_of(text[at]);
    if (lead.length == 0 || lead.length > text.size() - at) return false;
    if (lead.length > 1 && !utf8_between(text[at + 1], lead.low, lead.high)) return false;
    for (std::size_t i = 2; i < lead.length; ++i)
      if (!utf8_between(text[at + i], 0x80, 0xBF)) return false;
    at += lead.length;
  }
  return true;
}

struct utf8_character {
  char32_t code_point;
  std::size_t length;
};

/// The character that begins at `at`; the text must have passed `is_utf8`.
constexpr utf8_character utf8_at(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
  };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
          4};
}

}  // namespace enfilade::detail
