// SPDX-License-Identifier: Apache-2.0
//
// Records of both suites: keying, sealing, opening, and the tag check of good and forged ones.
#include "secret.hpp"

#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace {

template <enfilade::cipher C>
void seals_and_opens(std::size_t size) {
  const enfilade::Key<12> iv = test::secret_key<12>();
  const std::array<std::byte, 16> header{std::byte{7}};
  std::array<std::byte, 16> tag{};
  std::vector<std::byte> body(size, std::byte{42});
  test::make_secret(body);
  C cipher{test::secret_key<32>(), iv.view()};

  cipher.seal(5, header, body, tag);
  test::require_secret(body, "the ciphertext comes from the key");
  test::require_secret(tag, "so does the tag");
  test::make_public(body);
  test::make_public(tag);

  for (const std::size_t place : {0u, 8u, 15u}) {
    auto forged = body;
    auto forged_tag = tag;
    forged_tag[place] ^= std::byte{128};
    test::require(!cipher.open(5, header, forged, forged_tag), "a forged tag is refused");
  }
  {
    auto forged = body;
    forged.back() ^= std::byte{1};
    test::require(!cipher.open(5, header, forged, tag), "a forged body is refused");
  }
  test::require(cipher.open(5, header, body, tag), "the good one is opened");
  test::require_secret(body, "the plaintext is a secret");
}

}  // namespace

int main() {
  // Around the block sizes and the vectorised loops of both suites.
  for (const std::size_t size : {1u, 16u, 17u, 64u, 255u, 1024u, 3072u}) {
    seals_and_opens<enfilade::AesGcm>(size);
    seals_and_opens<enfilade::ChaChaPoly>(size);
  }
}
