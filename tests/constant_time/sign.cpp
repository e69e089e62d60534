// SPDX-License-Identifier: Apache-2.0
//
// Ed25519 with a secret seed: the public key and a signature of a public message.
#include "secret.hpp"

#include <enfilade/cipher/sign.hpp>
#include <enfilade/detail/bytes.hpp>

int main() {
  const enfilade::SigningKey key{test::secret_key<32>()};
  auto signature = key.sign(enfilade::detail::bytes_of("a receipt"));
  test::require_secret(key.public_key(), "the public key comes from the seed");
  test::require_secret(signature, "so does the signature");
}
