// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/wipe.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <vector>

namespace {

TEST_SUITE("cipher/wipe") {
  TEST_CASE("wiped memory holds zeros, and only that memory") {
    std::vector<std::byte> memory(10, std::byte{9});
    enfilade::wipe(std::span{memory}.subspan(2, 6));
    CHECK(memory[1] == std::byte{9});
    CHECK(memory[2] == std::byte{0});
    CHECK(memory[7] == std::byte{0});
    CHECK(memory[8] == std::byte{9});
  }

  TEST_CASE("nothing can be wiped") { enfilade::wipe({}); }
}

}  // namespace
