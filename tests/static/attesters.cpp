// SPDX-License-Identifier: Apache-2.0
//
// Who vouches for a deployment is part of its plan: compiling this file is passing.
#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/attest/nitro/nitro.hpp>
#include <enfilade/attest/snp/snp.hpp>
#include <enfilade/attest/tdx/tdx.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/compute/cpu_f32.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>

#include <concepts>
#include <string_view>

namespace {

using namespace enfilade;

using Small = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>;

template <class Attester>
using vouched_by = Small::with<AesGcm, Attester, CpuF32>;

template <class Attester>
constexpr bool plan_has(std::string_view line) {
  return vouched_by<Attester>::plan().find(line) != std::string_view::npos;
}

static_assert(std::same_as<vouched_by<Nitro>::attester, Nitro>);
static_assert(plan_has<Nitro>("\nattester nitro\n"));
static_assert(plan_has<SevSnp>("\nattester sev-snp\n"));
static_assert(plan_has<Tdx>("\nattester tdx\n"));
static_assert(plan_has<AnyOf<Nitro, SevSnp>>("\nattester any-of-nitro-sev-snp\n"));

// Who is trusted less has another digest, and no link to those who are trusted more.
static_assert(vouched_by<Nitro>::plan_digest() != vouched_by<insecure::Mock>::plan_digest());
static_assert(vouched_by<Nitro>::plan_digest() != vouched_by<AnyOf<Nitro, SevSnp>>::plan_digest());
static_assert(vouched_by<AnyOf<Nitro, SevSnp>>::plan_digest() !=
              vouched_by<AnyOf<SevSnp, Nitro>>::plan_digest());

}  // namespace
