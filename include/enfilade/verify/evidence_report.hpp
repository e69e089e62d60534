// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/verdict.hpp>
#include <enfilade/error.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// What was found out about evidence that lies in a file: whether it is genuine, and what it says.
struct evidence_report {
  /// The steps of the platform's verifier, and around them those of this program.
  verdict steps;
  /// There where the evidence is genuine, even if it is not what was expected.
  std::optional<claims> says;
  /// What else stands in genuine evidence, as a name and a text of printable characters: what a
  /// claim has no place for, such as the nonce.
  std::vector<std::pair<std::string_view, std::string>> besides;
  /// What the maker told where that is not proven: it is bound to a session that is not known here.
  registers unproven;
  /// Of the step that failed, where there is more to say than its rule: what was expected, and what
  /// was found.
  std::string detail;

  bool accepted() const noexcept { return says.has_value() && steps.accepted(); }
};

/// Compares genuine evidence with what is expected, as a last step, `expectations`: passed, failed
/// by `expectations.unmet`, or skipped where anyone may play the role.
inline void compare(evidence_report& report, const expectations& expected) {
  if (!report.accepted()) {
    report.steps.skip("expectations", "an earlier step failed");
  } else if (!expected.demand_evidence()) {
    report.steps.skip("expectations", "anyone may play this role");
  } else if (const auto met = expected.check(*report.says, &report.detail)) {
    report.steps.pass("expectations");
  } else {
    const auto code = static_cast<errc>(met.error().value());
    report.steps.fail("expectations", {code, "expectations.unmet"});
  }
}

namespace detail {

/// Adds the steps of `more`, as they are.
inline void append(verdict& to, const verdict& more) {
  for (const verdict_step& step : more.steps()) {
    switch (step.outcome) {
      case step_outcome::passed:
        to.pass(step.name);
        break;
      case step_outcome::failed:
        to.fail(step.name, {step.code, step.reason});
        break;
      case step_outcome::skipped:
        to.skip(step.name, step.reason);
        break;
    }
  }
}

}  // namespace detail

}  // namespace enfilade
