// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/cipher.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace test {

/// A cipher with a sealed record in hand, to be damaged.
//[one-record
template <enfilade::cipher C>
struct sealed_record {
  explicit sealed_record(std::size_t size, std::uint64_t sequence = 1)
      : body(size, std::byte{42}), sequence_(sequence) {
    cipher.seal(sequence, header, body, tag);
  }
  bool opens() { return cipher.open(sequence_, header, body, tag); }
  bool opens_as(std::uint64_t other) { return cipher.open(other, header, body, tag); }
  bool holds_zeros() const { return body == std::vector(body.size(), std::byte{0}); }

  enfilade::Key<32> key{std::array<std::byte, 32>{std::byte{5}}};
  C cipher{key, std::array<std::byte, 12>{std::byte{6}}};
  std::array<std::byte, 16> header{std::byte{7}};
  std::vector<std::byte> body;
  std::array<std::byte, 16> tag{};

 private:
  std::uint64_t sequence_;
};
//]

/// Everything that `cipher` promises and that a test can see.
template <enfilade::cipher C>
void keeps_the_contract() {
  // Around the block sizes of both suites and of their vectorised loops, and none at all.
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 63u, 64u, 65u, 255u, 256u, 1000u, 70000u}) {
    CAPTURE(size);
    sealed_record<C> record{size};
    if (size >= 16) CHECK(record.body != std::vector(size, std::byte{42}));
    CHECK(record.opens());
    CHECK(record.body == std::vector(size, std::byte{42}));
  }
  {
    INFO("every bit of a record is authenticated, and no forged plaintext is left behind");
    const sealed_record<C> sealed{21};
    for (std::size_t bit = 0; bit != 8 * (16 + 21 + 16); ++bit) {
      CAPTURE(bit);
      sealed_record<C> record{21};
      const std::byte mask = std::byte{1} << (bit % 8);
      const std::size_t at = bit / 8;
      if (at < 16)
        record.header[at] ^= mask;
      else if (at < 16 + 21)
        record.body[at - 16] ^= mask;
      else
        record.tag[at - 16 - 21] ^= mask;
      CHECK_FALSE(record.opens());
      CHECK(record.holds_zeros());
    }
  }
  {
    INFO("a record belongs to its sequence number, up to the last bit of it");
    for (unsigned bit = 0; bit != 64; ++bit) {
      sealed_record<C> record{100};
      CHECK_FALSE(record.opens_as(std::uint64_t{1} ^ std::uint64_t{1} << bit));
      CHECK(record.holds_zeros());
    }
  }
  {
    INFO("the same plaintext is sealed differently under each sequence number");
    CHECK(sealed_record<C>{64, 1}.body != sealed_record<C>{64, 2}.body);
  }
  {
    INFO("a refused record does not disturb the next one");
    sealed_record<C> record{100};
    CHECK_FALSE(record.opens_as(9));
    record.body.assign(100, std::byte{42});
    record.cipher.seal(3, record.header, record.body, record.tag);
    CHECK(record.opens_as(3));
  }
}

}  // namespace test
