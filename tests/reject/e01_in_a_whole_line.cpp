// reject: E01 layers-gap
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

using namespace enfilade;

#ifdef FIXED
using D = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>,
                   LmHead>::of<Gpt2Small>::with<AesGcm, insecure::Mock, Reference>;
using S = D::stage<1>;
static_assert(D::stage_count == 2 && !D::plan().empty());
#else
using D = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<7, 12>,
                   LmHead>::of<Gpt2Small>::with<AesGcm, insecure::Mock, Reference>;
using S = D::stage<1>;
static_assert(D::stage_count == 2 && !D::plan().empty());
#endif
