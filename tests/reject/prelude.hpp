// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the files of this folder include. cmake/reject.cmake precompiles it, since the same headers
// would otherwise be read once for each file and once for each way to mend it.
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/tcp.hpp>
#include <enfilade/transport/vsock.hpp>
