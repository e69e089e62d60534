// reject: E11 insecure-in-release
// flags: -DNDEBUG
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/plain.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

// A stand-in for a real attester.
struct Notary {
  using policy_role = role::attester;
  static constexpr std::string_view name = "notary";
};

using Small = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>;

#ifdef FIXED
using D = Small::with<AesGcm, Notary, Reference>;
#else
using D = Small::with<insecure::Plain, Notary, Reference>;
#endif
