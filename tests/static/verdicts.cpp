// SPDX-License-Identifier: Apache-2.0
//
// The soft side of each rule: which one is broken, and by which parts. tests/reject/ holds the
// texts that the hard side prints. Compiling is passing.

#include <enfilade/model/gpt2.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/transport/vsock.hpp>

#include "stand_ins.hpp"

#include <cstddef>
#include <string_view>

namespace {

using namespace enfilade;
using namespace stand_in;
using diagnose::model_rule;
using diagnose::policy_rule;
using diagnose::rule;

template <rule Broken, std::size_t Left, std::size_t Right, class... Parts>
constexpr bool breaks() {
  constexpr diagnose::verdict verdict = diagnose::verdict_of<Parts...>;
  return !composable<Parts...> && verdict.broken == Broken && verdict.left == Left &&
         verdict.right == Right;
}

static_assert(composable<Embed<Layers<0, 6>>, Relay<Vsock>, Layers<6, 12>, LmHead>);
static_assert(composable<Embed<Layers<0, 12>>, LmHead>);

static_assert(breaks<rule::pipeline_empty, 0, 0>());
static_assert(breaks<rule::not_a_part, 1, 1, Embed<Layers<0, 6>>, Vsock, LmHead>());
static_assert(breaks<rule::not_a_part, 0, 0, int>());
static_assert(
    breaks<rule::layers_gap, 0, 2, Embed<Layers<0, 6>>, Relay<Vsock>, Layers<7, 12>, LmHead>());
static_assert(breaks<rule::layers_gap, 2, 0, Embed<Layers<1, 6>>, LmHead>(),
              "nothing stands on the left, which is one past the end");
static_assert(breaks<rule::layers_overlap, 0, 1, Embed<Layers<0, 6>>, Layers<5, 12>, LmHead>());
static_assert(breaks<rule::layers_empty, 1, 1, Embed<Layers<0, 6>>, Layers<6, 6>, LmHead>());
static_assert(breaks<rule::relay_without_peer, 0, 0, Relay<Vsock>, Embed<Layers<0, 6>>, LmHead>());
static_assert(breaks<rule::relay_without_peer, 2, 2, Embed<Layers<0, 6>>, LmHead, Relay<Vsock>>());
static_assert(breaks<rule::relay_without_peer, 2, 2, Embed<Layers<0, 6>>, Relay<Vsock>, Relay<Pipe>,
                     Layers<6, 12>, LmHead>());
static_assert(breaks<rule::embed_misplaced, 0, 0, Layers<0, 12>, LmHead>());
static_assert(
    breaks<rule::embed_misplaced, 1, 1, Embed<Layers<0, 6>>, Embed<Layers<6, 12>>, LmHead>());
static_assert(breaks<rule::lm_head_missing, 0, 0, Embed<Layers<0, 12>>>());
static_assert(breaks<rule::lm_head_misplaced, 1, 2, Embed<Layers<0, 6>>, LmHead, Layers<6, 12>>());
static_assert(breaks<rule::body_misfit, 0, 0, Embed<LmHead>>());
static_assert(breaks<rule::body_misfit, 0, 0, Embed<int>, LmHead>());

// The leftmost broken rule is the one that is told.
static_assert(breaks<rule::layers_gap, 0, 1, Embed<Layers<0, 6>>, Layers<7, 7 + 1>, Layers<1, 1>,
                     Relay<Vsock>>());

// ::of<Model>
template <class Model, class... Parts>
constexpr model_rule bound = diagnose::broken_by_model<Model, Parts...>;

static_assert(bound<Gpt2Small, Embed<Layers<0, 12>>, LmHead> == model_rule::holds);
static_assert(bound<Gpt2Medium, Embed<Layers<0, 12>>, LmHead> == model_rule::not_covered);
static_assert(bound<Gpt2Small, Embed<Layers<0, 24>>, LmHead> == model_rule::overrun);
static_assert(bound<Seal, Embed<Layers<0, 12>>, LmHead> == model_rule::not_a_model);
static_assert(bound<int, Embed<Layers<0, 12>>, LmHead> == model_rule::not_a_model);
static_assert(bound<Gpt2Medium, Embed<Layers<1, 12>>, LmHead> == model_rule::holds,
              "one mistake, one error: the parts' own comes first");
static_assert(covers<Gpt2Small, Embed<Layers<0, 12>>, LmHead>);
static_assert(!covers<Gpt2Medium, Embed<Layers<0, 12>>, LmHead>);
static_assert(!covers<Gpt2Medium, Embed<Layers<1, 24>>, LmHead>);

// ::with<Policies...>
struct Unnamed {
  using policy_role = role::cipher;
};
struct Spaced {
  using policy_role = role::cipher;
  static constexpr std::string_view name = "two words";
};
struct Risky : Multiply {
  static constexpr bool insecure = true;
};

template <class... Policies>
constexpr policy_rule told = diagnose::broken_by_policies<Policies...>;

static_assert(deployable<Seal, Vouch, Multiply> && deployable<Vouch, Pipe, Multiply, Seal>);
static_assert(told<> == policy_rule::missing);
static_assert(told<Vouch, Multiply> == policy_rule::missing);
static_assert(told<Seal, Vouch, Multiply, Seal> == policy_rule::twice);
static_assert(told<Seal, Vouch, Multiply, Pipe, Doorbell> == policy_rule::twice);
static_assert(told<Unnamed, Vouch, Multiply> == policy_rule::not_a_policy);
static_assert(told<Gpt2Small, Seal, Vouch, Multiply> == policy_rule::not_a_policy);
static_assert(told<Spaced, Vouch, Multiply> == policy_rule::name_not_plain);

// Whether an insecure policy is refused is the build's to say; that it is seen is not.
constexpr auto risky = diagnose::all_policy_facts<Seal, Vouch, Risky>;
static_assert(diagnose::inspect_policies(risky, false).broken == policy_rule::insecure);
static_assert(diagnose::inspect_policies(risky, false).left == 2);
static_assert(diagnose::inspect_policies(risky, true).broken == policy_rule::holds);

}  // namespace
