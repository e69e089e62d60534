// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/chacha_poly.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "cipher_contract.hpp"

namespace {

using enfilade::ChaChaPoly;
using enfilade::detail::from_hex;
using enfilade::detail::to_hex;

static_assert(enfilade::cipher<ChaChaPoly>);
static_assert(ChaChaPoly::name == "chacha20-poly1305" && ChaChaPoly::suite == 2);
static_assert(!std::movable<ChaChaPoly>, "a session key stays where it was made");
static_assert(std::same_as<ChaChaPoly::policy_role, enfilade::role::cipher>);

TEST_SUITE("cipher/chacha_poly") {
  TEST_CASE("ChaCha20-Poly1305 keeps the contract of a cipher") {
    test::keeps_the_contract<ChaChaPoly>();
  }

  TEST_CASE("the example of RFC 8439 §2.8.2") {
    enfilade::Key<32> key;
    for (std::size_t i = 0; i != 32; ++i) key.fill()[i] = static_cast<std::byte>(0x80 + i);
    std::array<std::byte, 12> iv{};
    std::ranges::copy(*from_hex("070000004041424344454647"), iv.begin());
    std::string text =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it.";
    const std::span<std::byte> body = std::as_writable_bytes(std::span{text});
    std::array<std::byte, 16> tag{};
    ChaChaPoly cipher{key, iv};
    cipher.seal(0, *from_hex("50515253c0c1c2c3c4c5c6c7"), body, tag);
    CHECK(to_hex(body.first(16)) == "d31a8d34648e60db7b86afbc53ef7ec2");
    CHECK(to_hex(tag) == "1ae10b594f09e26a7e902ecbd0600691");
  }
}

}  // namespace
