// reject: E12 not-a-part
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

using namespace enfilade;

#ifdef FIXED
using P = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>;
#else
using P = Pipeline<Gpt2Small, Embed<Layers<0, 12>>, LmHead>;
#endif
