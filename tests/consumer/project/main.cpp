// SPDX-License-Identifier: Apache-2.0
//
// What a consumer's program needs of the package: the headers, their dependencies, the libraries.

#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/tcp.hpp>

#include <algorithm>
#include <concepts>
#include <iostream>
#include <span>

using namespace enfilade;

// clang-format off
using Split = Pipeline<Embed<Layers<0, 6>>, Relay<Tcp>, Layers<6, 12>, LmHead>
                ::of<Gpt2Small>
                ::with<AesGcm, insecure::Mock, Reference>;
// clang-format on

static_assert(Split::stage_count == 2);
static_assert(std::same_as<Split::stage<0>::output, Hidden<768>>);

#ifndef STAGE
#define STAGE 0
#endif

int main() {
  // The digest of the plan was made by the compiler; Crypto++ must agree with it.
  const auto digest = sha256(std::as_bytes(std::span{Split::plan()}));
  std::cout << Split::plan() << "\nfirst layer: " << Split::stage<STAGE>::first_layer << '\n';
  return std::ranges::equal(digest, Split::plan_digest()) ? 0 : 1;
}
