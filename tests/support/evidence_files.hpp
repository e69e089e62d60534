// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/test_data.hpp"

#include <enfilade/detail/bytes.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What the real evidence of ../shared/data/attestation is wrapped in.
namespace test {

inline std::vector<std::byte> read_bytes(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  const auto view = enfilade::detail::bytes_of(text);
  return {view.begin(), view.end()};
}

inline std::vector<std::byte> from_base64(std::string_view text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::byte> out;
  unsigned held = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) continue;  // line ends, padding
    held = held << 6 | static_cast<unsigned>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::byte>(held >> bits));
  }
  return out;
}

/// The certificates of a text with PEM in it, in their order.
inline std::vector<std::vector<std::byte>> pem_certificates(std::string_view text) {
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view end = "-----END CERTIFICATE-----";
  std::vector<std::vector<std::byte>> out;
  for (std::size_t at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
    at += begin.size();
    out.push_back(from_base64(text.substr(at, text.find(end, at) - at)));
  }
  return out;
}

/// The certificates of a Nitro document, leaf first. Found by their headers, without a reader of
/// CBOR: a byte string of n bytes that is a SEQUENCE of n - 4.
inline std::vector<std::vector<std::byte>> nitro_certificates(std::span<const std::byte> document) {
  const auto word = [&](std::size_t at) {
    return std::to_integer<std::size_t>(document[at]) << 8 |
           std::to_integer<std::size_t>(document[at + 1]);
  };
  std::vector<std::vector<std::byte>> found;  // leaf, root, ..., instance
  for (std::size_t at = 0; at + 7 <= document.size(); ++at) {
    if (document[at] != std::byte{0x59} || word(at + 3) != 0x3082) continue;
    const std::size_t size = word(at + 1);
    if (word(at + 5) + 4 != size || at + 3 + size > document.size()) continue;
    const auto certificate = document.subspan(at + 3, size);
    found.emplace_back(certificate.begin(), certificate.end());
  }
  if (found.empty()) throw std::runtime_error{"no certificate in the document"};
  std::vector<std::vector<std::byte>> leaf_first{found.front()};
  leaf_first.insert(leaf_first.end(), found.rbegin(), found.rend() - 1);
  return leaf_first;
}

/// "2024-09-07T14:37:36", with anything behind it, in UTC.
inline std::chrono::sys_seconds utc(std::string_view text) {
  const auto part = [&](std::size_t at, std::size_t size) {
    return std::stoi(std::string{text.substr(at, size)});
  };
  using namespace std::chrono;
  return sys_days{year{part(0, 4)} / part(5, 2) / part(8, 2)} + hours{part(11, 2)} +
         minutes{part(14, 2)} + seconds{part(17, 2)};
}

}  // namespace test
