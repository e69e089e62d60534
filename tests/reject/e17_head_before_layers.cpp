// reject: E17 lm-head-misplaced
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/pipeline.hpp>

using namespace enfilade;

#ifdef FIXED
//[right
using P = Pipeline<Embed<Layers<0, 6>>, Layers<6, 12>, LmHead>;
//]
#else
//[wrong
using P = Pipeline<Embed<Layers<0, 6>>, LmHead, Layers<6, 12>>;
//]
#endif
