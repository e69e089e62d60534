// reject: E19 model-overrun
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

#ifdef FIXED
//[right
using D = Pipeline<Embed<Layers<0, 24>>, LmHead>::of<Gpt2Medium>;
//]
#else
//[wrong
using D = Pipeline<Embed<Layers<0, 24>>, LmHead>::of<Gpt2Small>;
//]
#endif
