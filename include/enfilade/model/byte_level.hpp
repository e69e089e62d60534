// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/utf8.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace enfilade {

namespace detail {

constexpr bool latin1_printable(unsigned byte) noexcept {
  return (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
}

inline constexpr auto byte_level_forward = [] {
  std::array<char32_t, 256> table{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte != table.size(); ++byte)
    table[byte] = latin1_printable(byte) ? static_cast<char32_t>(byte) : next++;
  return table;
}();

inline constexpr auto byte_level_backward = [] {
  std::array<short, 0x144> table{};  // -1: not of the alphabet
  table.fill(-1);
  for (unsigned byte = 0; byte != byte_level_forward.size(); ++byte)
    table[byte_level_forward[byte]] = static_cast<short>(byte);
  return table;
}();

}  // namespace detail

/// The alphabet in which byte-level vocabularies are written: one printable character a byte.
///
/// A byte that is printable in Latin-1 stands for itself; the other 68 are, in order, U+0100 to
/// U+0143 (so the space is written as U+0120). It exists because vocabulary files are text.
struct byte_level {
  /// The code point that a byte is written as.
  static constexpr char32_t written(unsigned char byte) noexcept {
    return detail::byte_level_forward[byte];
  }

  /// The byte's character in UTF-8.
  static std::string text(unsigned char byte) {
    const char32_t c = written(byte);
    if (c < 0x80) return std::string(1, static_cast<char>(c));
    return {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
  }

  /// The bytes that a vocabulary entry stands for; nothing where a character is outside the
  /// alphabet. `entry` is well-formed UTF-8.
  static std::optional<std::string> bytes(std::string_view entry) {
    std::string decoded;
    decoded.reserve(entry.size());
    for (std::size_t at = 0; at != entry.size();) {
      const detail::utf8_character c = detail::utf8_at(entry, at);
      if (c.code_point >= detail::byte_level_backward.size() ||
          detail::byte_level_backward[c.code_point] < 0)
        return std::nullopt;
      decoded.push_back(static_cast<char>(detail::byte_level_backward[c.code_point]));
      at += c.length;
    }
    return decoded;
  }
};

}  // namespace enfilade
