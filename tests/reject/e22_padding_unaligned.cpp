// reject: E22 padding-misfit
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/padded.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

using Small = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>;

#ifdef FIXED
//[right
using D = Small::with<Padded<AesGcm, 4096>, insecure::Mock, Reference>;
//]
#else
//[wrong
using D = Small::with<Padded<AesGcm, 4000>, insecure::Mock, Reference>;
//]
#endif
