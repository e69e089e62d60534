// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/compare.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace enfilade {

/// The value of one register: what a TEE, or a stand-in, measured of a program or its data.
///
/// 1 to 64 bytes, such as a SHA-256 or a SHA-384. Not a secret: it may be printed. Still compared
/// in constant time, so that a peer cannot search for a value by clock.
class Measurement {
 public:
  static constexpr std::size_t max_size = 64;

  /// A value that nothing has measured: empty, equal only to itself.
  Measurement() = default;

  template <std::size_t N>
  requires(N >= 1 &&
           N <= max_size) explicit Measurement(const std::array<std::byte, N>& bytes) noexcept
      : size_(static_cast<std::uint8_t>(N)) {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }

  /// The value of these bytes; `errc::attest_malformed` where they are none or too many.
  static result<Measurement> from(detail::byte_span bytes) noexcept {
    if (bytes.empty() || bytes.size() > max_size) return errc::attest_malformed;
    Measurement value;
    std::copy(bytes.begin(), bytes.end(), value.bytes_.begin());
    value.size_ = static_cast<std::uint8_t>(bytes.size());
    return value;
  }

  detail::byte_span bytes() const noexcept { return std::span{bytes_}.first(size_); }

  /// Lower-case hexadecimal, the form of the expectations file.
  std::string hex() const { return detail::to_hex(bytes()); }

  friend bool operator==(const Measurement& a, const Measurement& b) noexcept {
    return equal(a.bytes(), b.bytes());
  }

 private:
  std::array<std::byte, max_size> bytes_{};
  std::uint8_t size_ = 0;
};

}  // namespace enfilade
