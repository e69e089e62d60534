// SPDX-License-Identifier: Apache-2.0

#include <enfilade/detail/constexpr_sha256.hpp>

#include <enfilade/detail/bytes.hpp>

#include <cryptopp/sha.h>
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace {

using enfilade::detail::constexpr_sha256;

constexpr std::byte operator""_b(unsigned long long value) { return static_cast<std::byte>(value); }

// FIPS 180-2, appendix B.1, decided by the compiler.
constexpr auto abc = constexpr_sha256("abc");
static_assert(abc[0] == 0xba_b && abc[1] == 0x78_b && abc[30] == 0x15_b && abc[31] == 0xad_b);

std::string hex(std::string_view text) { return enfilade::detail::to_hex(constexpr_sha256(text)); }

std::string hex_of_cryptopp(std::string_view text) {
  std::array<std::byte, 32> digest{};
  CryptoPP::SHA256().CalculateDigest(reinterpret_cast<CryptoPP::byte*>(digest.data()),
                                     reinterpret_cast<const CryptoPP::byte*>(text.data()),
                                     text.size());
  return enfilade::detail::to_hex(digest);
}

TEST_SUITE("detail/constexpr_sha256") {
  TEST_CASE("the digests are those of NIST's examples") {
    CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmn"
              "opqr"
              "lmnopqrsmnopqrstnopqrstu") ==
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(hex(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }

  TEST_CASE("the digests are those of Crypto++ at every length around the block's end") {
    std::string text;
    for (std::size_t length = 0; length != 260; ++length) {
      CAPTURE(length);
      CHECK(hex(text) == hex_of_cryptopp(text));
      text.push_back(static_cast<char>(length * 31 + 7));  // above 127, too: bytes, not characters
    }
  }
}

}  // namespace
