// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>

namespace enfilade {

namespace detail {

/// Takes a DER INTEGER (X.690 §8.3, §10.1) of at most `out.size()` bytes, not negative and in its
/// one shortest form, from the front of `der`; `false` where there is none.
inline bool take_der_integer(std::span<const std::byte>& der, std::span<std::byte> out) noexcept {
  if (der.size() < 3 || der[0] != std::byte{0x02}) return false;
  // 0x80 and above are longer forms of a length; no number that fits needs one.
  const auto size = std::to_integer<std::size_t>(der[1]);
  if (size == 0 || size >= 0x80 || size > der.size() - 2) return false;
  std::span<const std::byte> digits = der.subspan(2, size);
  der = der.subspan(2 + size);
  const bool top_bit = (digits[0] & std::byte{0x80}) != std::byte{0};
  if (top_bit) return false;  // negative
  if (digits[0] == std::byte{0} && digits.size() > 1) {
    digits = digits.subspan(1);
    if ((digits[0] & std::byte{0x80}) == std::byte{0}) return false;  // a zero too many
  }
  if (digits.size() > out.size()) return false;
  std::ranges::fill(out, std::byte{0});
  std::ranges::copy(digits, out.last(digits.size()).begin());
  return true;
}

}  // namespace detail

/// r and s of a DER-encoded ECDSA signature (RFC 3279 §2.2.3), `Size` bytes each, as `verify_digest`
/// takes them.
///
/// Nothing where the bytes are anything else than the one DER encoding of two numbers that fit:
/// longer forms of a length, numbers that are negative or have a zero too many, bytes behind the
/// end. So a signature has one encoding. Whether r and s are in range is the verifier's question.
template <std::size_t Size>
std::optional<std::array<std::byte, 2 * Size>> read_der_signature(
    std::span<const std::byte> der) noexcept {
  static_assert(2 * (2 + 1 + Size) < 0x80, "a longer signature needs the long form of a length");
  if (der.size() < 2 || der[0] != std::byte{0x30}) return std::nullopt;
  if (std::to_integer<std::size_t>(der[1]) != der.size() - 2 || der.size() - 2 >= 0x80)
    return std::nullopt;
  der = der.subspan(2);
  std::array<std::byte, 2 * Size> signature;
  if (!detail::take_der_integer(der, std::span{signature}.template first<Size>()) ||
      !detail::take_der_integer(der, std::span{signature}.template last<Size>()) || !der.empty())
    return std::nullopt;
  return signature;
}

}  // namespace enfilade
