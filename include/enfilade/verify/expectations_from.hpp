// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/demands.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/verify/evidence_report.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// Demands that were written after a model, and what somebody should know who reviews them.
struct proposed_demands {
  demands entry;
  std::vector<std::string> remarks;  ///< one line each: what is pinned, allowed, left out, and why
};

/// Demands that the maker of this genuine evidence meets, and another program does not.
///
/// Every register of the program is pinned. What is worse than usual is allowed by name and never in
/// silence: debug mode, migration, a platform that is not up to date, a maker's word that was not
/// asked for. Registers of the place, numbers, and what is not proven are left out.
inline proposed_demands expectations_from(const evidence_report& report) {
  const claims& found = *report.says;
  proposed_demands out{{std::string{found.attester}, found.values}, {}};
  const auto remark = [&out](std::string_view kind, const std::string& what, std::string_view why) {
    if (!what.empty())
      out.remarks.push_back(std::string{kind} + ": " + what + " (" + std::string{why} + ")");
  };
  const auto names = [](const auto& all, auto text_of) {
    std::string text;
    for (const auto& one : all) text += (text.empty() ? "" : ", ") + text_of(one);
    return text;
  };
  const auto name = [](const auto& one) { return std::string{one.first}; };
  const auto itself = [](const auto& one) { return std::string{one}; };
  const auto level = [](const auto& one) {
    return std::string{one.first} + " " + std::to_string(one.second);
  };

  remark("pinned", names(found.values, name), "the program");
  for (const std::string_view what : {"debug", "migration"}) {
    if (!found.permits(what)) continue;
    out.entry.allow.emplace_back(what);
    remark("allowed", std::string{what},
           what == "debug" ? "the host can look inside: for tests only"
                           : "who runs the migration agent is trusted, too");
  }
  if (found.strength < found.usual_strength) {
    out.entry.strength = found.strength;
    remark("accepted", "strength " + std::string{detail::strength_name(found.strength)},
           "nothing is known of outdated firmware and revoked keys: give --collateral");
  }
  if (!found.tcb_status.empty() && found.tcb_status != "UpToDate") {
    out.entry.tcb_status = {std::string{found.tcb_status}};
    out.entry.advisories = found.advisories;
    remark("accepted", "TCB status " + std::string{found.tcb_status},
           found.advisories.empty()
               ? "known attacks may work on it"
               : "known attacks may work on it: " + names(found.advisories, itself));
  }
  remark("left out", names(found.place, name), "another machine or instance has others");
  remark("left out", names(found.numbers, level), R"(a floor would be "at_least")");
  remark("left out", names(found.permissions, itself), R"(to refuse one, "deny" it)");
  remark("left out", names(report.unproven, name), "told, and not proven without --nonce");
  out.remarks.emplace_back("review it: whoever pins a value vouches for what it stands for");
  return out;
}

}  // namespace enfilade
