// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// How one step of a verification ended.
enum class step_outcome : std::uint8_t {
  passed,
  failed,   ///< the evidence is refused
  skipped,  ///< not asked for, or an earlier step failed
};

/// One step of a verification. All texts live as long as the program: none is of the evidence.
struct verdict_step {
  std::string_view name;  ///< what was looked at, such as "chain"
  step_outcome outcome = step_outcome::passed;
  errc code{};              ///< why it failed; of no meaning otherwise
  std::string_view reason;  ///< the rule that was broken, or why it was skipped; else empty

  friend bool operator==(const verdict_step&, const verdict_step&) = default;
};

/// What a verifier did, in the order in which it did it, for somebody who wants to see why.
///
///     verdict v;
///     if (!v.check("chain", chain_of(...))) return v;   // a judged<T> or the like
///     v.skip("revocation", "no list was given");
///
/// Nothing is accepted where nothing passed: an empty verdict is a refusal.
class verdict {
 public:
  const std::vector<verdict_step>& steps() const& noexcept { return steps_; }
  std::vector<verdict_step> steps() && noexcept { return std::move(steps_); }

  /// Whether at least one step passed and none failed.
  bool accepted() const noexcept { return has(step_outcome::passed) && !has(step_outcome::failed); }

  /// The step that failed; nothing where none did. A verifier stops at the first.
  std::optional<verdict_step> failure() const noexcept {
    return first(step_outcome::failed, &verdict_step::outcome);
  }

  /// The step of that name; nothing where it was not come to.
  std::optional<verdict_step> find(std::string_view name) const noexcept {
    return first(name, &verdict_step::name);
  }

  void pass(std::string_view name) { steps_.push_back({name, step_outcome::passed, {}, {}}); }
  void fail(std::string_view name, refusal why) {
    steps_.push_back({name, step_outcome::failed, why.code, why.rule});
  }
  void skip(std::string_view name, std::string_view why) {
    steps_.push_back({name, step_outcome::skipped, {}, why});
  }

  /// Adds the step as passed, or as failed with `why`; returns `holds`.
  bool check(std::string_view name, bool holds, refusal why) {
    holds ? pass(name) : fail(name, why);
    return holds;
  }

  /// Adds the step as passed, or as failed with the rule that was broken; returns which.
  template <class T>
  bool check(std::string_view name, const judged<T>& found) {
    found ? pass(name) : fail(name, found.error());
    return found.has_value();
  }

 private:
  bool has(step_outcome outcome) const noexcept {
    return first(outcome, &verdict_step::outcome).has_value();
  }

  template <class T>
  std::optional<verdict_step> first(T value, T verdict_step::*member) const noexcept {
    const auto at = std::ranges::find(steps_, value, member);
    return at == steps_.end() ? std::nullopt : std::optional{*at};
  }

  std::vector<verdict_step> steps_;
};

}  // namespace enfilade
