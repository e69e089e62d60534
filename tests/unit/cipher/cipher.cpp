// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/cipher.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>

namespace {

using enfilade::detail::record_nonce;
using enfilade::detail::to_hex;

struct not_a_cipher {};
static_assert(!enfilade::cipher<not_a_cipher>);

TEST_SUITE("cipher/cipher") {
  TEST_CASE("the nonce is the IV with the sequence number in its last eight bytes, big-endian") {
    std::array<std::byte, 12> iv;
    iv.fill(std::byte{0xFF});
    const record_nonce nonce{iv};
    CHECK(to_hex(nonce.at(0)) == "ffffffffffffffffffffffff");
    CHECK(to_hex(nonce.at(1)) == "fffffffffffffffffffffffe");
    CHECK(to_hex(nonce.at(0x0102030405060708)) == "fffffffffefdfcfbfaf9f8f7");
  }
}

}  // namespace
