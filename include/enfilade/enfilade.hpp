// SPDX-License-Identifier: Apache-2.0
#pragma once

// Everything a stage or a client needs. For users; no header of the library includes it.
#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/attest/nitro/nitro.hpp>
#include <enfilade/attest/snp/snp.hpp>
#include <enfilade/attest/tdx/tdx.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/padded.hpp>
#include <enfilade/cipher/plain.hpp>
#include <enfilade/compute/cpu_f32.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/atlas.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/run/client.hpp>
#include <enfilade/run/run.hpp>
#include <enfilade/run/run_client.hpp>
#include <enfilade/transport/loopback.hpp>
#include <enfilade/transport/tcp.hpp>
#include <enfilade/transport/unix.hpp>
#include <enfilade/transport/vsock.hpp>
#include <enfilade/version.hpp>
