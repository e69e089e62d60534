// SPDX-License-Identifier: Apache-2.0
//
// Contract: a key made of any bytes, and any signature under it, cost a bounded time and break
// nothing; a key that is taken is in the range that it promises. The input is an exponent, a
// modulus, a message and a signature, each with its size before it.
#include <enfilade/cipher/rsa.hpp>

#include "script.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using enfilade::rsa_key;
  fuzz::script input{data, size};
  const auto exponent = input.bytes(8);
  const auto modulus = input.bytes(rsa_key::max_size + 8);
  const auto message = input.bytes(64);
  const auto signature = input.bytes(rsa_key::max_size + 8);
  const auto key = rsa_key::from(modulus, exponent);
  if (!key) return 0;
  fuzz::require(key->exponent() > 65536 && key->exponent() % 2 == 1);
  fuzz::require(modulus.size() >= rsa_key::min_size && modulus.size() <= rsa_key::max_size);
  const bool once = enfilade::verify_pss_sha384(*key, message, signature);
  fuzz::require(once == enfilade::verify_pss_sha384(*key, message, signature));
  if (once) fuzz::require(signature.size() == modulus.size());
  return 0;
}
