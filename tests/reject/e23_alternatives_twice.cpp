// reject: E23 alternatives-alike
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/nitro/nitro.hpp>
#include <enfilade/attest/snp/snp.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

using Small = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>;

#ifdef FIXED
//[right
using D = Small::with<AesGcm, AnyOf<Nitro, SevSnp>, Reference>;
//]
#else
//[wrong
using D = Small::with<AesGcm, AnyOf<Nitro, SevSnp, Nitro>, Reference>;
//]
#endif
