// SPDX-License-Identifier: Apache-2.0

// The lines that README.md shows, compiled, so that they stay true.
//
// Shows:  a deployment of GPT-2 in two rooms; its plan.
// Run:    build/dev/examples/readme
// Prints: the plan and its digest
// Next:   1_two_stages.cpp runs such a pipeline.

#include <enfilade/detail/bytes.hpp>
#include <enfilade/enfilade.hpp>

#include <concepts>
#include <iostream>

//[type
using namespace enfilade;

using Rooms = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>;  // topology
using Split = Rooms::of<Gpt2Small>           // what is computed
    ::with<AesGcm, insecure::Mock, CpuF32>;  // who seals, vouches, multiplies

static_assert(Split::stage_count == 2);
static_assert(std::same_as<Split::stage<0>::output, Hidden<768>>);
//]

int main() {
  std::cout << Split::plan() << "digest " << detail::to_hex(Split::plan_digest()) << '\n';
}
