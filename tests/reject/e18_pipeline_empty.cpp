// reject: E18 pipeline-empty
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/pipeline.hpp>

using namespace enfilade;

#ifdef FIXED
//[right
using P = Pipeline<Embed<Layers<0, 12>>, LmHead>;
//]
#else
//[wrong
using P = Pipeline<>;
//]
#endif
