// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/demands.hpp>
#include <enfilade/verify/rfc3339.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// What genuine evidence says, for people: one line each, a word for its kind in front.
///
///     register  pcr0         e72a46ca80...
///     place     module       0f3ac0...
///     number    tcb.snp      8
///     permits   debug
///
/// Registers under `place` belong to the machine or the instance: another of the same kind has others.
inline std::string claims_table(const claims& of) {
  std::vector<std::pair<std::string, std::string>> lines;
  lines.emplace_back("attester", of.attester);
  std::size_t width = 0;
  const auto widest = [&width](const auto& all) {
    for (const auto& [name, value] : all) width = std::max(width, name.size());
  };
  widest(of.values), widest(of.place), widest(of.numbers);
  const auto named = [&](std::string_view kind, std::string_view name, std::string_view value) {
    std::string left{name};
    left.resize(width + 2, ' ');
    lines.emplace_back(kind, left + std::string{value});
  };
  for (const auto& [name, value] : of.values) named("register", name, value.hex());
  for (const auto& [name, value] : of.place) named("place", name, value.hex());
  for (const auto& [name, value] : of.numbers) named("number", name, std::to_string(value));
  for (const std::string_view what : of.permissions) lines.emplace_back("permits", what);
  for (const std::string_view what : of.prohibitions) lines.emplace_back("denies", what);
  lines.emplace_back("strength", detail::strength_name(of.strength));
  if (!of.tcb_status.empty()) lines.emplace_back("TCB status", of.tcb_status);
  for (const std::string& one : of.advisories) lines.emplace_back("advisory", one);
  if (of.made_at) lines.emplace_back("made at", format_rfc3339(*of.made_at));
  lines.emplace_back("judged at", format_rfc3339(of.judged_at));
  if (of.valid_until) lines.emplace_back("valid until", format_rfc3339(*of.valid_until));

  std::string table;
  for (auto& [kind, what] : lines) {
    kind.resize(13, ' ');
    table += "  " + kind + what + '\n';
  }
  return table;
}

}  // namespace enfilade
