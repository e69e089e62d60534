// reject: E14 not-a-model
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

using P = Pipeline<Embed<Layers<0, 12>>, LmHead>;

#ifdef FIXED
//[right
using D = P::of<Gpt2Small>;
//]
#else
//[wrong
using D = P::of<AesGcm>;
//]
#endif
