// SPDX-License-Identifier: Apache-2.0

// The same rooms in real enclaves: what changes is the name of the attester.
//
// Shows:  a deployment for each platform, and one for a fleet that mixes two; what a machine without
//         a TEE says to it.
// Run:    build/dev/examples/6_real_tees
// Prints: attester nitro, sev-snp, tdx, any-of-nitro-sev-snp; and, on a machine without a TEE,
//         attest.device_unavailable for each.
// Next:   docs/guide/nitro.md, sev_snp.md and tdx.md take one of them to a pinned deployment.

#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/nitro/nitro.hpp>
#include <enfilade/attest/snp/snp.hpp>
#include <enfilade/attest/tdx/tdx.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/compute/cpu_f32.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/tcp.hpp>
#include <enfilade/transport/vsock.hpp>

#include <array>
#include <cstddef>
#include <iostream>

using namespace enfilade;

//[nitro
using Enclaves = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>;
using OnNitro = Enclaves::of<Gpt2Small>::with<AesGcm, Nitro, CpuF32>;
//]

//[snp
using Guests = Pipeline<Embed<Layers<0, 6>>, Relay<Tcp>, Layers<6, 12>, LmHead>;
using OnSevSnp = Guests::of<Gpt2Small>::with<AesGcm, SevSnp, CpuF32>;
//]

//[tdx
using Domains = Pipeline<Embed<Layers<0, 6>>, Relay<Tcp>, Layers<6, 12>, LmHead>;
using OnTdx = Domains::of<Gpt2Small>::with<AesGcm, Tdx, CpuF32>;
//]

//[any-of
using Fleet = Enclaves::of<Gpt2Small>::with<AesGcm, AnyOf<Nitro, SevSnp>, CpuF32>;
//]

// What this machine can say of a program of that deployment. A stage asks the same when it starts.
template <class Deployment>
void try_here() {
  using attester_type = typename Deployment::attester;
  const attester_type own{registers{}};
  const std::array<std::byte, 64> session{};
  const auto evidence = own.attest(session);
  std::cout << "attester " << attester_type::name << ": ";
  if (evidence)
    std::cout << evidence->size() << " bytes of evidence\n";
  else
    std::cout << facts_of_error(static_cast<errc>(evidence.error().value())).name << '\n';
}

int main() {
  try_here<OnNitro>();
  try_here<OnSevSnp>();
  try_here<OnTdx>();
  try_here<Fleet>();
}
