// reject: E06 layers-overlap
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

using namespace enfilade;

#ifdef FIXED
using P = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>;
#else
using P = Pipeline<Embed<Layers<0, 12>>, Relay<Vsock>, Layers<0, 12>, LmHead>;
#endif
