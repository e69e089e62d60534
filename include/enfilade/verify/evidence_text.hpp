// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/verify/claims_json.hpp>
#include <enfilade/verify/claims_table.hpp>
#include <enfilade/verify/evidence_report.hpp>
#include <enfilade/verify/verdict_json.hpp>
#include <enfilade/verify/verdict_table.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace enfilade {

/// Why evidence is not accepted; nothing where it is.
inline std::optional<refusal> refusal_of(const evidence_report& report) {
  if (report.accepted()) return std::nullopt;
  const std::optional<verdict_step> failed = report.steps.failure();
  if (!failed) return refusal{errc::internal, "evidence.no_step_failed"};
  return refusal{failed->code, failed->reason};
}

/// The exit code of docs/errors.md that a report stands for: 0 verified, 10 refused, 20 unsupported,
/// 30 malformed.
inline int exit_code_of(const evidence_report& report) {
  const auto why = refusal_of(report);
  return why ? facts_of_error(why->code).exit_code : 0;
}

namespace detail {

/// What a report comes to, in one word.
inline std::string_view outcome_word(const evidence_report& report) {
  switch (exit_code_of(report)) {
    case 0:
      return "verified";
    case 20:
      return "unsupported";
    case 30:
      return "malformed";
    default:
      return "refused";
  }
}

}  // namespace detail

/// A report for people: the table of steps, what genuine evidence says, and the outcome in one line.
inline std::string evidence_text(const evidence_report& report) {
  constexpr std::size_t longest = 128;  // characters of a nonce, a key: their beginning will do
  std::string text = verdict_table(report.steps);
  if (report.says) text += "\n" + claims_table(*report.says);
  for (const auto& [name, value] : report.besides) {
    std::string left{name};
    left.resize(13, ' ');
    text += "  " + left + detail::one_line(value, longest) + '\n';
  }
  if (!report.unproven.empty()) {
    text +=
        "\n  told by the program, and not proven here: the report data binds it to a session\n"
        "  that is not known\n";
    for (const auto& [name, value] : report.unproven) {
      std::string left{name};
      left.resize(13, ' ');
      text += "  " + left + value.hex() + '\n';
    }
  }
  text += '\n';
  text += detail::outcome_word(report);
  if (const auto why = refusal_of(report)) {
    const error_facts& facts = facts_of_error(why->code);
    text += ": " + std::string{why->rule} + ": " + std::string{facts.message};
    if (!report.detail.empty()) text += " (" + detail::one_line(report.detail, 512) + ")";
  }
  return text + '\n';
}

/// The same for programs: one JSON object on one line.
///
/// | member    | is                                                                                |
/// |-----------|-----------------------------------------------------------------------------------|
/// | `outcome` | `verified`, `refused`, `unsupported` or `malformed`                               |
/// | `error`   | null, or `code`, `rule`, `exit_code` and `detail` of the step that failed         |
/// | `steps`   | as `verdict_json` says                                                            |
/// | `claims`  | as `claims_json` says, of genuine evidence, expected or not; else null            |
/// | `besides` | what else genuine evidence holds, as texts; bytes in hexadecimal                  |
/// | `unproven`| registers that the program told, where the report does not prove it here          |
inline std::string evidence_json(const evidence_report& report) {
  using json = nlohmann::json;
  json error;
  if (const auto why = refusal_of(report)) {
    const error_facts& facts = facts_of_error(why->code);
    error = {{"code", facts.name},
             {"rule", why->rule},
             {"exit_code", facts.exit_code},
             {"detail", report.detail}};
  }
  json besides = json::object();
  for (const auto& [name, value] : report.besides) besides[std::string{name}] = value;
  json unproven = json::object();
  for (const auto& [name, value] : report.unproven) unproven[name] = value.hex();
  const json document{{"enfilade", "evidence/1"},
                      {"outcome", detail::outcome_word(report)},
                      {"error", error},
                      {"steps", verdict_json(report.steps)},
                      {"claims", report.says ? claims_json(*report.says) : json{}},
                      {"besides", besides},
                      {"unproven", unproven}};
  // A text of a GPU is signed, but may still be no UTF-8.
  return document.dump(-1, ' ', true, json::error_handler_t::replace) + '\n';
}

}  // namespace enfilade
