// reject: E05 model-not-covered
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

using namespace enfilade;

using P = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>;

#ifdef FIXED
//[right
using D = P::of<Gpt2Small>;
//]
#else
//[wrong
using D = P::of<Gpt2Medium>;
//]
#endif
