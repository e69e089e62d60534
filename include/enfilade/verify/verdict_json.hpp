// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/verdict.hpp>
#include <enfilade/error.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace enfilade {

/// What a verifier did, for programs: an array of its steps, in their order.
///
/// Each is `{"name": ..., "outcome": "passed" | "failed" | "skipped"}`; a failed one also has `code`,
/// the name of the error, and `rule`; a skipped one has `reason`.
inline nlohmann::json verdict_json(const verdict& of) {
  nlohmann::json steps = nlohmann::json::array();
  for (const verdict_step& step : of.steps()) {
    nlohmann::json one{{"name", step.name}};
    switch (step.outcome) {
      case step_outcome::passed:
        one["outcome"] = "passed";
        break;
      case step_outcome::failed:
        one["outcome"] = "failed";
        one["code"] = facts_of_error(step.code).name;
        one["rule"] = step.reason;
        break;
      case step_outcome::skipped:
        one["outcome"] = "skipped";
        one["reason"] = step.reason;
        break;
    }
    steps.push_back(std::move(one));
  }
  return steps;
}

}  // namespace enfilade
