// reject: E22 padding-misfit
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/padded.hpp>

using namespace enfilade;

#ifdef FIXED
using C = Padded<AesGcm, 4096>;
#else
using C = Padded<Padded<AesGcm, 64>, 4096>;
#endif
