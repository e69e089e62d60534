// reject: E11 insecure-in-release
// flags: -DNDEBUG
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/attest/nitro/nitro.hpp>
#include <enfilade/attest/tdx/tdx.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

using Small = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>;

#ifdef FIXED
using D = Small::with<AesGcm, AnyOf<Nitro, Tdx>, Reference>;
#else
using D = Small::with<AesGcm, AnyOf<Nitro, insecure::Mock>, Reference>;
#endif
