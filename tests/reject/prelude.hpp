// SPDX-License-Identifier: Apache-2.0
#pragma once

// What most files of this folder include: cmake/reject.cmake precompiles it, since the same headers
// would otherwise be read twice for each file. Tcp stays out: g++ compiles its coroutines again in
// each file, which costs more than reading them in the two that name it.
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>
