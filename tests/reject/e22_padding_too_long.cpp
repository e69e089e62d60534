// reject: E22 padding-misfit
// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/padded.hpp>

using namespace enfilade;

#ifdef FIXED
using C = Padded<AesGcm, max_record_body>;
#else
using C = Padded<AesGcm, 2 * max_record_body>;
#endif
