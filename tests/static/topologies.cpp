// SPDX-License-Identifier: Apache-2.0
//
// What composes, and what the stages of a deployment come to. Compiling is passing.

#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

#include "stand_ins.hpp"

#include <concepts>
#include <type_traits>

namespace {

using namespace enfilade;
using namespace stand_in;

// The line that the library exists for.
using P = Pipeline<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>;
static_assert(P::stage_count == 2);

using Split = P::of<Gpt2Small>::with<Seal, Vouch, Multiply>;
static_assert(Split::stage_count == 2);
static_assert(std::same_as<Split::topology, P>);
static_assert(std::same_as<Split::model, Gpt2Small>);
static_assert(std::same_as<Split::cipher, Seal>);
static_assert(std::same_as<Split::attester, Vouch>);
static_assert(std::same_as<Split::compute, Multiply>);
static_assert(std::same_as<Split::door, Vsock>);

using Front = Split::stage<0>;
static_assert(std::same_as<Front::deployment, Split> && Front::index == 0);
static_assert(Front::first_layer == 0 && Front::last_layer == 6);
static_assert(Front::embeds && !Front::has_head);
static_assert(std::same_as<Front::input, Tokens>);
static_assert(std::same_as<Front::output, Hidden<768>>);
static_assert(std::same_as<Front::upstream, Vsock> && std::same_as<Front::downstream, Vsock>);

//[stage
using Back = Split::stage<1>;
static_assert(Back::index == 1);
static_assert(Back::first_layer == 6 && Back::last_layer == 12);
static_assert(!Back::embeds && Back::has_head);
static_assert(std::same_as<Back::input, Front::output>);
static_assert(std::same_as<Back::output, Logits<50257>>);
static_assert(std::same_as<Back::upstream, Vsock> && std::is_void_v<Back::downstream>);
//]

// The order of the policies is not part of the type.
static_assert(std::same_as<Split, P::of<Gpt2Small>::with<Multiply, Seal, Vouch>>);
static_assert(std::same_as<Split, P::of<Gpt2Small>::with<Vouch, Multiply, Seal>>);

//[door
// One stage: no relay, and clients come in by TCP unless the deployment says otherwise.
using Whole = Pipeline<Embed<Layers<0, 12>>, LmHead>::of<Gpt2Small>::with<Seal, Vouch, Multiply>;
static_assert(Whole::stage_count == 1);
static_assert(Whole::stage<0>::embeds && Whole::stage<0>::has_head);
static_assert(std::same_as<Whole::stage<0>::input, Tokens>);
static_assert(std::same_as<Whole::stage<0>::output, Logits<50257>>);
static_assert(std::same_as<Whole::door, Tcp> && std::same_as<Whole::stage<0>::upstream, Tcp>);
//]
static_assert(std::is_void_v<Whole::stage<0>::downstream>);

// Three stages, several runs of layers in one of them, two kinds of relay and a third for clients.
//[chain
using Chain = Pipeline<Embed<Layers<0, 2>>, Layers<2, 4>, Relay<Vsock>, Layers<4, 5>, Layers<5, 8>,
                       Relay<Pipe>, Layers<8, 12>, LmHead>::of<Gpt2Small>  //
    ::with<Seal, Vouch, Multiply, Doorbell>;
//]
static_assert(Chain::stage_count == 3);
static_assert(Chain::stage<0>::first_layer == 0 && Chain::stage<0>::last_layer == 4);
static_assert(Chain::stage<1>::first_layer == 4 && Chain::stage<1>::last_layer == 8);
static_assert(Chain::stage<2>::first_layer == 8 && Chain::stage<2>::last_layer == 12);
static_assert(!Chain::stage<1>::embeds && !Chain::stage<1>::has_head);
static_assert(std::same_as<Chain::stage<1>::input, Hidden<768>>);
static_assert(std::same_as<Chain::stage<1>::output, Hidden<768>>);
static_assert(std::same_as<Chain::stage<0>::upstream, Doorbell>);
static_assert(std::same_as<Chain::stage<0>::downstream, Vsock>);
static_assert(std::same_as<Chain::stage<1>::upstream, Vsock>);
static_assert(std::same_as<Chain::stage<1>::downstream, Pipe>);
static_assert(std::same_as<Chain::stage<2>::upstream, Pipe>);
static_assert(std::same_as<Chain::link<0>, Doorbell> && std::is_void_v<Chain::link<3>>);

// A head may have a stage of its own: it runs no layers.
using Apart = Pipeline<Embed<Layers<0, 12>>, Relay<Pipe>, LmHead>::of<Gpt2Small>  //
    ::with<Seal, Vouch, Multiply>;
static_assert(Apart::stage<1>::first_layer == 12 && Apart::stage<1>::last_layer == 12);
static_assert(Apart::stage<1>::has_head && !Apart::stage<1>::embeds);

// Larger models.
static_assert(covers<Gpt2Xl, Embed<Layers<0, 24>>, Relay<Vsock>, Layers<24, 48>, LmHead>);

}  // namespace
