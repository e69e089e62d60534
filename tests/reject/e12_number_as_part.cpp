// reject: E12 not-a-part
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/pipeline.hpp>

using namespace enfilade;

#ifdef FIXED
using P = Pipeline<Embed<Layers<0, 12>>, LmHead>;
#else
using P = Pipeline<Embed<Layers<0, 12>>, LmHead, int>;
#endif
