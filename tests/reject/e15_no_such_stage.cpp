// reject: E15 no-such-stage
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

using D =
    Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>::with<AesGcm, insecure::Mock, Reference>;

#ifdef FIXED
//[right
using Last = D::stage<0>;
//]
#else
//[wrong
using Last = D::stage<1>;
//]
#endif
