// SPDX-License-Identifier: Apache-2.0
//
// `equal` of secrets: tags, confirmations, pins.
#include "secret.hpp"

#include <enfilade/cipher/compare.hpp>

#include <array>
#include <cstddef>

int main() {
  const enfilade::Key<32> a = test::secret_key<32>();
  const enfilade::Key<32> b = test::secret_key<32>();
  test::require_secret(a.view(), "a is secret");
  test::require(enfilade::equal(a.view(), b.view()), "equal secrets are equal");
  for (const std::size_t place : {0u, 15u, 31u}) {
    enfilade::Key<32> other = test::secret_key<32>();
    other.fill()[place] ^= std::byte{1};
    test::require(!enfilade::equal(a.view(), other.view()), "others are not");
  }
}
