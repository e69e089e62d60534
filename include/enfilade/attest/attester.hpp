// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
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
/// | expression           | must be                          | meaning                           |
/// |----------------------|----------------------------------|-----------------------------------|
/// | `A::policy_role`     | `role::attester`                 | how `with<...>` recognises it     |
/// | `A::name`            | `std::string_view`               | how expectations call it          |
/// | `A::format`          | `std::uint16_t`                  | how the link calls its evidence   |
/// | `A{told}`            | from `registers`                 | what it cannot measure: `weights` |
/// | `a.attest(data)`     | `result<std::vector<std::byte>>` | evidence of this program          |
/// | `A::verify(e, data)` | `result<claims>`                 | what `e` says, if it is genuine   |
///
/// `verify` is given bytes that a stranger chose. It bounds every length before it uses it, never
/// throws, and answers `errc::attest_malformed`, `attest_bad_signature` or
/// `attest_binding_mismatch`; `attest` answers `errc::attest_device_unavailable` where the machine
/// has no such TEE. Evidence has at most 64 KiB.
/// Models: `insecure::Mock`.
template <class A>
concept attester = std::same_as<typename A::policy_role, role::attester> &&
    std::constructible_from<A, registers> &&
    requires(const A a, detail::byte_span evidence, report_data_view data) {
  { A::name } -> std::convertible_to<std::string_view>;
  { A::format } -> std::convertible_to<std::uint16_t>;
  { a.attest(data) } -> std::same_as<result<std::vector<std::byte>>>;
  { A::verify(evidence, data) } -> std::same_as<result<claims>>;
};

/// What `own` would have a peer believe of this program: what `--measure` prints.
template <attester A>
result<claims> measure(const A& own) {
  const std::array<std::byte, 64> nobody{};
  const auto evidence = own.attest(nobody);
  if (!evidence) return evidence.error();
  return A::verify(*evidence, nobody);
}

}  // namespace enfilade
