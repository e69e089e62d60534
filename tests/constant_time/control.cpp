// SPDX-License-Identifier: Apache-2.0
//
// What the other programs must not do. Memcheck has to report it, or their silence means nothing.
#include "secret.hpp"

#include <array>
#include <cstddef>
#include <cstring>

int main(int argc, char** argv) {
  test::require(argc == 2, "an argument");
  const enfilade::Key<32> key = test::secret_key<32>();
  if (std::strcmp(argv[1], "branch") == 0) {
    if (key.view()[7] == std::byte{42}) std::puts("a secret byte is 42");
  } else if (std::strcmp(argv[1], "address") == 0) {
    std::array<volatile unsigned char, 256> table{};
    table[std::to_integer<std::size_t>(key.view()[7])] = 1;
  } else if (std::strcmp(argv[1], "memcmp") == 0) {
    const std::array<std::byte, 32> guess{};
    if (std::memcmp(key.view().data(), guess.data(), guess.size()) == 0) std::puts("guessed");
  } else {
    test::require(false, "branch, address or memcmp");
  }
}
