// reject: E02 relay-without-peer
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

using namespace enfilade;

#ifdef FIXED
using P = Pipeline<Embed<Layers<0, 12>>, LmHead>;
#else
using P = Pipeline<Relay<Vsock>, Embed<Layers<0, 12>>, LmHead>;
#endif
