// reject: E13 not-a-policy
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

struct Abacus {
#ifdef FIXED
  using policy_role = role::compute;
#endif
  static constexpr std::string_view name = "abacus";
};

using Small = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>;

#ifdef FIXED
using D = Small::with<AesGcm, insecure::Mock, Abacus>;
#else
using D = Small::with<AesGcm, insecure::Mock, Abacus>;
#endif
