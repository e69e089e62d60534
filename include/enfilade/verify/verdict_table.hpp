// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/verdict.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace enfilade {

/// What a verifier did, for people: one line a step, in its order.
///
///     size       passed
///     chain      FAILED   attest.expired chain.expired
///     signature  skipped  an earlier step failed
///
/// All texts in it are the program's own: nothing of the evidence gets onto the terminal.
inline std::string verdict_table(const verdict& of) {
  std::size_t width = 0;
  for (const verdict_step& step : of.steps()) width = std::max(width, step.name.size());
  std::string table;
  for (const verdict_step& step : of.steps()) {
    std::string name{step.name};
    name.resize(width, ' ');
    table += "  " + name + "  ";
    switch (step.outcome) {
      case step_outcome::passed:
        table += "passed";
        break;
      case step_outcome::failed:
        table += "FAILED   " + std::string{facts_of_error(step.code).name} + " " +
                 std::string{step.reason};
        break;
      case step_outcome::skipped:
        table += "skipped  " + std::string{step.reason};
        break;
    }
    table += '\n';
  }
  return table;
}

}  // namespace enfilade
