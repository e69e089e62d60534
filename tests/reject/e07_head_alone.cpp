// reject: E07 embed-misplaced
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/pipeline.hpp>

using namespace enfilade;

#ifdef FIXED
using P = Pipeline<Embed<Layers<0, 12>>, LmHead>;
#else
using P = Pipeline<LmHead>;
#endif
