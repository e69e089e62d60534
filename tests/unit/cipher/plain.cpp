// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/plain.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <vector>

namespace {

using enfilade::insecure::Plain;

static_assert(enfilade::cipher<Plain>);
static_assert(Plain::insecure, "a release build must be able to refuse it");
static_assert(Plain::name == "plain" && Plain::suite == 0xFFFF);
static_assert(std::same_as<Plain::policy_role, enfilade::role::cipher>);

TEST_SUITE("cipher/plain") {
  TEST_CASE("a plain record is what it was, with a tag of zeros") {
    Plain cipher{enfilade::Key<32>{}, std::array<std::byte, 12>{}};
    std::vector<std::byte> body(100, std::byte{42});
    std::array<std::byte, 16> tag;
    tag.fill(std::byte{1});
    cipher.seal(0, {}, body, tag);
    CHECK(body == std::vector(100, std::byte{42}));
    CHECK(std::ranges::all_of(tag, [](std::byte b) { return b == std::byte{0}; }));
    CHECK(cipher.open(0, {}, body, tag));
  }

  TEST_CASE("a record with a tag is refused: that peer does seal") {
    Plain cipher{enfilade::Key<32>{}, std::array<std::byte, 12>{}};
    std::vector<std::byte> body(100, std::byte{42});
    std::array<std::byte, 16> tag{};
    tag[15] = std::byte{1};
    CHECK_FALSE(cipher.open(0, {}, body, tag));
    CHECK(body == std::vector(100, std::byte{0}));
  }
}

}  // namespace
