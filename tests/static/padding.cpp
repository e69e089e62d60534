// SPDX-License-Identifier: Apache-2.0
//
// How much a deployment pads is part of its plan: compiling this file is passing.
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/padded.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

#include <string_view>

namespace {

using namespace enfilade;

using Small = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>;

template <class Cipher>
using sealed_by = Small::with<Cipher, insecure::Mock, Reference>;

using bare = sealed_by<AesGcm>;
using padded = sealed_by<Padded<AesGcm, 4096>>;
using padded_more = sealed_by<Padded<AesGcm, 8192>>;

static_assert(padded::plan().find("\ncipher aes-256-gcm.padded-4096\n") != std::string_view::npos);
static_assert(bare::plan_digest() != padded::plan_digest());
static_assert(padded::plan_digest() != padded_more::plan_digest());

}  // namespace
