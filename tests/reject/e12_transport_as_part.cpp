// reject: E12 not-a-part
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

using namespace enfilade;

#ifdef FIXED
//[right
using P = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>;
//]
#else
//[wrong
using P = Pipeline<Embed<Layers<0, 6>>, Vsock, Layers<6, 12>, LmHead>;
//]
#endif
