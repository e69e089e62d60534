// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace enfilade::detail {

/// FIPS 180-4 §4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64
/// primes.
inline constexpr std::array<std::uint32_t, 64> sha256_k{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The byte of the padded message at `at`, FIPS 180-4 §5.1.1: the text, a one bit, zeros, the
/// length in bits.
constexpr std::uint32_t sha256_padded(std::string_view text, std::size_t at, std::size_t padded) {
  if (at < text.size()) return static_cast<unsigned char>(text[at]);
  if (at == text.size()) return 0x80;
  const std::size_t from_end = padded - 1 - at;
  if (from_end >= 8) return 0;
  return static_cast<std::uint32_t>((8 * std::uint64_t{text.size()}) >> (8 * from_end)) & 0xff;
}

/// SHA-256 (FIPS 180-4) for texts that are known at compile time. At run time Crypto++ is the
/// faster one: `sha256` in cipher/hash.hpp.
constexpr std::array<std::byte, 32> constexpr_sha256(std::string_view text) {
  std::array<std::uint32_t, 8> state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  const std::size_t padded = (text.size() + 9 + 63) / 64 * 64;
  for (std::size_t block = 0; block != padded; block += 64) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t t = 0; t != 64; ++t) {
      if (t < 16) {
        for (std::size_t i = 0; i != 4; ++i)
          w[t] = w[t] << 8 | sha256_padded(text, block + 4 * t + i, padded);
      } else {
        const std::uint32_t x = w[t - 15];
        const std::uint32_t y = w[t - 2];
        w[t] = (std::rotr(y, 17) ^ std::rotr(y, 19) ^ y >> 10) + w[t - 7] +
               (std::rotr(x, 7) ^ std::rotr(x, 18) ^ x >> 3) + w[t - 16];
      }
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t t = 0; t != 64; ++t) {
      const std::uint32_t t1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                               ((e & f) ^ (~e & g)) + sha256_k[t] + w[t];
      const std::uint32_t t2 =
          (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    const std::array<std::uint32_t, 8> worked{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i != 8; ++i) state[i] += worked[i];
  }
  std::array<std::byte, 32> hash{};
  for (std::size_t i = 0; i != 32; ++i)
    hash[i] = static_cast<std::byte>(state[i / 4] >> (24 - 8 * (i % 4)) & 0xff);
  return hash;
}

}  // namespace enfilade::detail
