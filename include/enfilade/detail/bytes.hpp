// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace enfilade::detail {

static_assert(std::endian::native == std::endian::little, "Enfilade runs on little-endian CPUs");

using byte_span = std::span<const std::byte>;

/// Writes `value` at `at` in little-endian order.
template <std::unsigned_integral T>
void store_le(std::byte* at, T value) noexcept {
  std::memcpy(at, &value, sizeof value);
}

/// Reads a little-endian integer at `at`.
template <std::unsigned_integral T>
T load_le(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline byte_span bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span{text.data(), text.size()});
}

/// `bytes.resize(size)`; whether there was memory for it.
inline bool resized(std::vector<std::byte>& bytes, std::size_t size) noexcept {
  try {
    bytes.resize(size);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

/// Lower-case hexadecimal.
inline std::string to_hex(byte_span bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (std::byte b : bytes) {
    text.push_back(digits[std::to_integer<std::size_t>(b >> 4)]);
    text.push_back(digits[std::to_integer<std::size_t>(b & std::byte{15})]);
  }
  return text;
}

/// The bytes of a hexadecimal text of either case; nothing where it is not one.
inline std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 2);
  auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  for (std::size_t i = 0; i != text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::byte>(16 * high + low));
  }
  return bytes;
}

}  // namespace enfilade::detail
