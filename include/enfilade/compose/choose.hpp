// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/explain.hpp>
#include <enfilade/compose/inspect.hpp>
#include <enfilade/compose/role.hpp>
#include <enfilade/detail/nth.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace enfilade {

namespace diagnose {

/// The rules that `::with<Policies...>` can break.
enum class policy_rule {
  holds,
  missing,
  twice,
  insecure,
  not_a_policy,
  name_not_plain,
};

/// Which rule is broken, and by which policies: their places in the list; or the missing role's in
/// `needed`.
struct policy_verdict {
  policy_rule broken = policy_rule::holds;
  std::size_t left = 0;
  std::size_t right = 0;
};

/// Stands where a policy should, after the error that says so.
template <class Role>
struct missing {
  using policy_role = Role;
  static constexpr std::string_view name = "missing";
};

enum class role_index : std::size_t { cipher, attester, compute, transport, none };

/// The roles that every deployment needs.
inline constexpr std::array needed{role_index::cipher, role_index::attester, role_index::compute};

/// What a policy says of itself.
struct policy_facts {
  role_index plays = role_index::none;
  bool plainly_named = false;
  bool insecure = false;
};

template <class Policy>
constexpr role_index role_played() {
  if constexpr (requires { typename Policy::policy_role; }) {
    if (std::same_as<typename Policy::policy_role, role::cipher>) return role_index::cipher;
    if (std::same_as<typename Policy::policy_role, role::attester>) return role_index::attester;
    if (std::same_as<typename Policy::policy_role, role::compute>) return role_index::compute;
    if (std::same_as<typename Policy::policy_role, role::transport>) return role_index::transport;
  }
  return role_index::none;
}

template <class Policy>
constexpr policy_facts look_at_policy() {
  policy_facts facts;
  if constexpr (requires { std::string_view{Policy::name}; }) {
    facts.plays = role_played<Policy>();
    facts.plainly_named = plain(Policy::name);
  }
  if constexpr (requires { requires Policy::insecure; }) facts.insecure = true;
  return facts;
}

template <class... Policies>
inline constexpr std::array<policy_facts, sizeof...(Policies)> all_policy_facts{
    look_at_policy<Policies>()...};

/// The place of the first policy that plays `wanted`; `Count` where none does.
template <std::size_t Count>
constexpr std::size_t place_of(role_index wanted, const std::array<policy_facts, Count>& policies) {
  for (std::size_t i = 0; i != Count; ++i)
    if (policies[i].plays == wanted) return i;
  return Count;
}

/// The one walk over the policies, left to right; then the roles that nobody plays.
template <std::size_t Count>
constexpr policy_verdict inspect_policies(const std::array<policy_facts, Count>& policies,
                                          bool allow_insecure) {
  for (std::size_t i = 0; i != Count; ++i) {
    if (policies[i].plays == role_index::none) return {policy_rule::not_a_policy, i, i};
    if (!policies[i].plainly_named) return {policy_rule::name_not_plain, i, i};
    const std::size_t first = place_of(policies[i].plays, policies);
    if (first != i) return {policy_rule::twice, first, i};
    if (policies[i].insecure && !allow_insecure) return {policy_rule::insecure, i, i};
  }
  for (std::size_t i = 0; i != needed.size(); ++i)
    if (place_of(needed[i], policies) == Count) return {policy_rule::missing, i, i};
  return {};
}

// A Release build trusts nothing of insecure:: unless it says that it never holds a secret.
#if defined(NDEBUG) && !defined(ENFILADE_INSECURE)
inline constexpr bool insecure_allowed = false;
#else
inline constexpr bool insecure_allowed = true;
#endif

template <class... Policies>
inline constexpr policy_verdict policy_verdict_of = inspect_policies(all_policy_facts<Policies...>,
                                                                     insecure_allowed);

template <class... Policies>
inline constexpr policy_rule broken_by_policies = policy_verdict_of<Policies...>.broken;

template <class... Policies>
using left_policy = detail::nth<policy_verdict_of<Policies...>.left, Policies...>;
template <class... Policies>
using right_policy = detail::nth<policy_verdict_of<Policies...>.right, Policies...>;

template <class... Policies>
using missing_role =
    detail::nth<policy_verdict_of<Policies...>.left, role::cipher, role::attester, role::compute>;

/// From verdict to explanation.
template <policy_rule Broken, class... Policies>
struct explain_policies {
  static constexpr bool given() { return true; }
};
template <class... Policies>
struct explain_policies<policy_rule::missing, Policies...>
    : policy_missing<missing_role<Policies...>> {};
template <class... Policies>
struct explain_policies<policy_rule::twice, Policies...>
    : policy_twice<left_policy<Policies...>, right_policy<Policies...>> {};
template <class... Policies>
struct explain_policies<policy_rule::insecure, Policies...>
    : insecure_in_release<left_policy<Policies...>> {};
template <class... Policies>
struct explain_policies<policy_rule::not_a_policy, Policies...>
    : not_a_policy<left_policy<Policies...>> {};
template <class... Policies>
struct explain_policies<policy_rule::name_not_plain, Policies...>
    : name_not_plain<left_policy<Policies...>> {};

}  // namespace diagnose

/// Soft: true where `Policies` play every role that a deployment needs, each once.
template <class... Policies>
concept deployable = (diagnose::broken_by_policies<Policies...> == diagnose::policy_rule::holds);

/// Hard: never false. Where a role is missing or taken twice, naming it stops the build.
template <class... Policies>
concept policies_explained =
    diagnose::explain_policies<diagnose::broken_by_policies<Policies...>, Policies...>::given();

namespace detail {

/// The policy of `Policies` that plays a role, or `Otherwise`.
template <diagnose::role_index Wanted, class Otherwise, class... Policies>
using choose = nth<diagnose::place_of(Wanted, diagnose::all_policy_facts<Policies...>), Policies...,
                   Otherwise>;

}  // namespace detail

}  // namespace enfilade
