// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/measurement.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// Registers by name, in the order in which their attester lists them.
using registers = std::vector<std::pair<std::string, Measurement>>;

/// How far what a platform's maker says was followed.
enum class evidence_strength : std::uint8_t {
  signatures,  ///< from the maker's root to the evidence
  collateral,  ///< and the maker does not call the machine's firmware outdated, or its key revoked
};

/// What verified evidence says of its maker: who vouches, and what was measured.
///
/// Genuine and fresh, but not yet judged: whether it is the program one wants to talk to, on a
/// machine that will do, is for `expectations` to say.
struct claims {
  claims() = default;
  claims(std::string_view by, registers measured) : attester(by), values(std::move(measured)) {}

  /// The register of that name, be it of the program or of the place; null where there is none.
  const Measurement* find(std::string_view name) const noexcept {
    for (const registers* all : {&values, &place}) {
      const auto at = std::ranges::find(*all, name, &registers::value_type::first);
      if (at != all->end()) return &at->second;
    }
    return nullptr;
  }

  /// The number of that name, such as `tcb.snp`; nothing where the platform has none.
  std::optional<std::uint64_t> number(std::string_view name) const noexcept {
    const auto at = std::ranges::find(numbers, name, &level::first);
    return at == numbers.end() ? std::nullopt : std::optional{at->second};
  }

  /// Whether the TEE lets its host do that, such as `debug`.
  bool permits(std::string_view name) const noexcept {
    return std::ranges::find(permissions, name) != permissions.end();
  }

  /// Whether the TEE is known to keep its host from that. Not the contrary of `permits`: of what a
  /// platform does not have, or calls by another name, neither is true.
  bool denies(std::string_view name) const noexcept {
    return std::ranges::find(prohibitions, name) != prohibitions.end();
  }

  /// Adds the name to what the TEE lets its host do, or to what it keeps it from.
  void says(std::string_view name, bool permitted) {
    (permitted ? permissions : prohibitions).push_back(name);
  }

  using level = std::pair<std::string_view, std::uint64_t>;

  std::string_view attester;   ///< `A::name`: lives as long as the program, as all views here do
  registers values;            ///< of the program: what an expectations file pins
  registers place;             ///< of the machine and the instance: can be pinned as well
  std::vector<level> numbers;  ///< versions and levels, by name
  std::vector<std::string_view> permissions;   ///< what the TEE lets its host do, by name
  std::vector<std::string_view> prohibitions;  ///< what it keeps its host from, by name
  evidence_strength strength = evidence_strength::signatures;
  /// What is demanded where nobody says otherwise: the most that the platform can show.
  evidence_strength usual_strength = evidence_strength::signatures;
  std::string_view tcb_status;           ///< in the maker's words; empty where it has none
  std::vector<std::string> advisories;   ///< the maker's, that apply to the machine
  std::chrono::sys_seconds judged_at{};  ///< the time of the appraisal
  std::optional<std::chrono::sys_seconds> made_at;      ///< where the evidence says when
  std::optional<std::chrono::sys_seconds> valid_until;  ///< when the first thing it needs expires
};

/// True for what a register may be called: 1 to 32 letters, digits, '.', '_' and '-'.
constexpr bool is_register_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace enfilade
