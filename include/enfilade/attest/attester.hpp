// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/compose/role.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace enfilade {

/// What evidence is made for: a hash of the session's keys, its transcript and the maker's role.
///
/// docs/design/wire_format.md says how the link computes it.
using report_data_view = std::span<const std::byte, 64>;

/// Who vouches for a program towards its peers, and who checks that of a peer.
///
/// An attester is both halves of one TEE's evidence: `attest` runs inside it, `verify` anywhere. It
/// is trusted to say truthfully what is measured and to refuse what is forged. It does not decide
/// which program is wanted: that is the business of `expectations`.
///
/// | expression              | must be                          | meaning                          |
/// |-------------------------|----------------------------------|----------------------------------|
/// | `A::policy_role`        | `role::attester`                 | how `with<...>` recognises it    |
/// | `A::name`               | `std::string_view`               | how a plan calls it              |
/// | `A::format`             | `std::uint16_t`                  | how the link calls its evidence  |
/// | `A::takes_time`         | `bool`                           | see below                        |
/// | `A{told}`               | from `registers`                 | what it cannot measure           |
/// | `a.prepare()`           | `result<void>`                   | once, before the first `attest`  |
/// | `a.attest(data)`        | `result<std::vector<std::byte>>` | evidence of this program         |
/// | `A::verify(e, data, t)` | `judged<claims>`                 | what `e` says, if it is genuine  |
///
/// `prepare` writes what was told into registers of the hardware that can be written once, where it
/// has such; called again, or by a program that was restarted, it finds them written and is content.
/// `verify` is given bytes that a stranger chose and terms `t` (`appraisal`: the time, and what an
/// operator has fetched). It bounds every length before it uses it, never throws, and names the rule
/// that is broken, with an error of the group `attest`; `attest` answers
/// `errc::attest_device_unavailable` where the machine has no such TEE. Evidence has at most 64 KiB.
///
/// Where `A::takes_time`, `attest` may wait for a device, and `verify` may compute for more than a
/// millisecond: a link then does both on a thread of their own, one at a time, and
/// neither is called from two threads at once.
///
/// An attester whose `verify` looks at `appraisal::given` says so, and its programs take such files:
/// `static constexpr bool takes_endorsements = true`. Others need not say anything.
/// Models: `Nitro`, `SevSnp`, `Tdx`, `AnyOf<...>`, `insecure::Mock`.
template <class A>
concept attester = std::same_as<typename A::policy_role, role::attester> &&
    std::constructible_from<A, registers> &&
    requires(const A a, detail::byte_span evidence, report_data_view data, const appraisal& t) {
  { A::name } -> std::convertible_to<std::string_view>;
  { A::format } -> std::convertible_to<std::uint16_t>;
  { A::takes_time } -> std::convertible_to<bool>;
  { a.prepare() } -> std::same_as<result<void>>;
  { a.attest(data) } -> std::same_as<result<std::vector<std::byte>>>;
  { A::verify(evidence, data, t) } -> std::same_as<judged<claims>>;
};

/// Whether what an operator has fetched is of use to an attester.
template <class A>
inline constexpr bool takes_endorsements = false;
template <class A>
requires requires { requires A::takes_endorsements; }
inline constexpr bool takes_endorsements<A> = true;

/// What `own` would have a peer believe of this program as of `terms`: what `--measure` prints.
template <attester A>
judged<claims> measure(const A& own, const appraisal& terms = {}) {
  const std::array<std::byte, 64> nobody{};
  const auto evidence = own.attest(nobody);
  if (!evidence) return refusal{static_cast<errc>(evidence.error().value()), "measure.attest"};
  return A::verify(*evidence, nobody, terms);
}

}  // namespace enfilade
