// SPDX-License-Identifier: Apache-2.0
//
// X25519 with a secret scalar: our public key, the shared secret, and the refusal of a zero one.
#include "secret.hpp"

#include <enfilade/cipher/agree.hpp>

#include <array>
#include <cstddef>

int main() {
  const enfilade::AgreementKey key{test::secret_key<32>()};
  auto public_key = key.public_key();
  test::require_secret(public_key, "the public key comes from the scalar");
  test::make_public(public_key);

  const enfilade::AgreementKey other{enfilade::Key<32>{std::array<std::byte, 32>{std::byte{8}}}};
  const auto shared = key.agree(other.public_key());
  test::require(shared.has_value(), "an honest key is accepted");
  test::require_secret(shared->view(), "the shared secret is secret");
  const auto same = other.agree(public_key);
  test::require(same && enfilade::equal(same->view(), shared->view()), "both ends agree");
  test::require(!key.agree(std::array<std::byte, 32>{}), "a key of low order is refused");
}
