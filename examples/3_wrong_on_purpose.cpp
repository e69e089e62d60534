// SPDX-License-Identifier: Apache-2.0
//
// A pipeline that composes, and every way in which one does not: each number of
// docs/diagnostics.md is one macro away.
//
// Shows:  what the compiler refuses, and how it says so.
// Run:    build/dev/examples/3_wrong_on_purpose
//         c++ -std=c++20 -Iinclude -fsyntax-only -DWRONG=1 examples/3_wrong_on_purpose.cpp
// Prints: the plan of the right pipeline, which ends in "part lm-head".
// Next:   4_own_transport.cpp adds a transport that the library has never heard of.

#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/padded.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

#include <iostream>
#include <string_view>

using namespace enfilade;

#ifndef WRONG
#define WRONG 0
#endif

//[right
using Topology = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>;
using Bound = Topology::of<Gpt2Small>;
using Split = Bound::with<AesGcm, insecure::Mock, Reference>;
//]

// A policy whose name would write a line of its own into the plan.
struct Forger {
  using policy_role = role::compute;
  static constexpr std::string_view name = "f32\ndoor loopback";
};

// clang-format off
#if WRONG == 1   // layers-gap: nobody runs layer 6
using Wrong = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<7, 12>, LmHead>;
#elif WRONG == 2   // relay-without-peer: no stage between two relays
using Wrong = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Relay<Vsock>, Layers<6, 12>, LmHead>;
#elif WRONG == 3   // lm-head-missing
using Wrong = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>>;
#elif WRONG == 5   // model-not-covered: GPT-2 medium has 24 layers
using Wrong = Topology::of<Gpt2Medium>;
#elif WRONG == 6   // layers-overlap: layer 5 runs twice
using Wrong = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<5, 12>, LmHead>;
#elif WRONG == 7   // embed-misplaced: layers are given token ids
using Wrong = Pipeline<Layers<0, 6>, Relay<Vsock>, Layers<6, 12>, LmHead>;
#elif WRONG == 8   // layers-empty
using Wrong = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 6>, LmHead>;
#elif WRONG == 9   // policy-missing: nobody vouches
using Wrong = Bound::with<AesGcm, Reference>;
#elif WRONG == 10  // policy-twice
using Wrong = Bound::with<ChaChaPoly, AesGcm, insecure::Mock, Reference>;
#elif WRONG == 11  // insecure-in-release: `Split` itself, with -DNDEBUG and without ENFILADE_INSECURE
#elif WRONG == 12  // not-a-part: the transport stands beside Relay, not inside it
using Wrong = Pipeline<Embed<Layers<0, 6>>, Vsock, Layers<6, 12>, LmHead>;
#elif WRONG == 13  // not-a-policy
using Wrong = Bound::with<AesGcm, insecure::Mock, LmHead, Reference>;
#elif WRONG == 14  // not-a-model
using Wrong = Topology::of<AesGcm>;
#elif WRONG == 15  // no-such-stage: there are stages 0 and 1
using Wrong = Split::stage<2>;
#elif WRONG == 16  // body-misfit
using Wrong = Pipeline<Embed<Relay<Vsock>>, Layers<0, 12>, LmHead>;
#elif WRONG == 17  // lm-head-misplaced
using Wrong = Pipeline<Embed<Layers<0, 6>>, LmHead, Layers<6, 12>>;
#elif WRONG == 18  // pipeline-empty
using Wrong = Pipeline<>;
#elif WRONG == 19  // model-overrun: GPT-2 small has 12 layers
using Wrong = Pipeline<Embed<Layers<0, 24>>, LmHead>::of<Gpt2Small>;
#elif WRONG == 20  // name-not-plain
using Wrong = Bound::with<AesGcm, insecure::Mock, Forger>;
#elif WRONG == 22  // padding-misfit: 4000 is not a multiple of 64
using Wrong = Bound::with<Padded<AesGcm, 4000>, insecure::Mock, Reference>;
#elif WRONG == 23  // alternatives-alike: a platform is named twice
using Wrong = Bound::with<AesGcm, AnyOf<insecure::Mock, insecure::Mock>, Reference>;
#elif WRONG != 0
#error "WRONG is 1 to 23 without 4 and 21, or 0"
#endif
// clang-format on

int main() { std::cout << Split::plan(); }
