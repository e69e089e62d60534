// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/measurement.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// Registers by name, in the order in which their attester lists them.
using registers = std::vector<std::pair<std::string, Measurement>>;

/// What verified evidence says of its maker: who vouches, and what was measured.
///
/// Genuine and fresh, but not yet judged: whether it is the program one wants to talk to is for
/// `expectations` to say.
struct claims {
  claims() = default;
  claims(std::string_view by, registers measured) : attester(by), values(std::move(measured)) {}

  /// The register of that name; null where it was not measured.
  const Measurement* find(std::string_view name) const noexcept {
    const auto at = std::find_if(values.begin(), values.end(),
                                 [name](const auto& value) { return value.first == name; });
    return at == values.end() ? nullptr : &at->second;
  }

  std::string_view attester;  ///< `A::name`: lives as long as the program
  registers values;
};

/// True for what a register may be called: 1 to 32 letters, digits, '.', '_' and '-'.
constexpr bool is_register_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace enfilade
