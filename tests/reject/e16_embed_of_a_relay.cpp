// reject: E16 body-misfit
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

using namespace enfilade;

#ifdef FIXED
//[right
using P = Pipeline<Embed<Layers<0, 12>>, LmHead>;
//]
#else
//[wrong
using P = Pipeline<Embed<Relay<Vsock>>, Layers<0, 12>, LmHead>;
//]
#endif
