// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// One block of PEM as everybody writes it: lines of 64 characters.
inline std::string pem(const std::vector<std::byte>& content,
                       std::string_view label = "CERTIFICATE") {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string body;
  for (std::size_t i = 0; i < content.size(); i += 3) {
    unsigned bits = 0;
    const std::size_t count = std::min<std::size_t>(3, content.size() - i);
    for (std::size_t j = 0; j != 3; ++j)
      bits = bits << 8 | (j < count ? std::to_integer<unsigned>(content[i + j]) : 0U);
    for (std::size_t j = 0; j != 4; ++j)
      body += j <= count ? digits[bits >> (18 - 6 * j) & 63] : '=';
  }
  std::string out = "-----BEGIN " + std::string{label} + "-----\n";
  for (std::size_t i = 0; i < body.size(); i += 64) out += body.substr(i, 64) + "\n";
  return out + "-----END " + std::string{label} + "-----\n";
}

}  // namespace test
