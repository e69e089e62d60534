// reject: E01 layers-gap
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/pipeline.hpp>

using namespace enfilade;

#ifdef FIXED
using P = Pipeline<Embed<Layers<0, 4>>, Layers<4, 12>, LmHead>;
#else
using P = Pipeline<Embed<Layers<0, 4>>, Layers<5, 12>, LmHead>;
#endif
