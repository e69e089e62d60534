// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/demands.hpp>
#include <enfilade/attest/endorsements.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// What a verifier demands of the peer in one role of the pipeline.
///
/// Either alternatives, of which each pins an attester and the values of at least one register, or,
/// said explicitly, `anyone`. What says neither (a default-constructed object, an empty set of
/// pins) refuses everybody: forgetting must not mean trusting.
class expectations {
 public:
  static constexpr std::size_t max_alternatives = 16;

  expectations() = default;

  /// No evidence is asked for. For clients, and for tests.
  static expectations anyone() {
    expectations any;
    any.anyone_ = true;
    return any;
  }

  /// Every register named here must have this value; registers not named may have any.
  /// `errc::attest_expectations_empty` where none is named.
  static result<expectations> pinned(std::string attester, registers pins) {
    return any_of({demands{std::move(attester), std::move(pins)}});
  }

  /// The peer must meet all the demands of one of these: for a fleet of several platforms, or while
  /// one build replaces another. `errc::attest_expectations_empty` where there is none, or one of
  /// them pins nothing; `errc::attest_expectations_invalid` for too many, or one that is `invalid`.
  static result<expectations> any_of(std::vector<demands> alternatives) {
    if (alternatives.empty()) return errc::attest_expectations_empty;
    if (alternatives.size() > max_alternatives) return errc::attest_expectations_invalid;
    for (const demands& one : alternatives)
      if (const std::optional<errc> why = one.invalid()) return *why;
    expectations some;
    some.alternatives_ = std::move(alternatives);
    return some;
  }

  /// Whether the peer must show evidence at all.
  bool demand_evidence() const noexcept { return !anyone_; }

  /// What a verifier has to be told to judge evidence by these expectations: as of `now`, with what
  /// an operator has fetched. Evidence of a TEE in debug mode is looked at where any alternative
  /// allows it; `check` then holds it to the one that does. All that is `given` must live as long.
  appraisal terms(std::chrono::sys_seconds now, const endorsements& given,
                  known_signatures* known = nullptr) const {
    const auto allows_debug = [](const demands& one) { return one.allows("debug"); };
    return appraisal{now, given, known, std::ranges::any_of(alternatives_, allows_debug)};
  }

  /// Compares what verified evidence says with the demands: the error of the first demand that is
  /// not met, `errc::attest_measurement_mismatch` where that is a pin. Of several alternatives the
  /// one that came furthest speaks. `errc::attest_expectations_empty` where there are none.
  ///
  /// `detail`, where given, is then told what it was, what was expected and what was found,
  /// registers in hexadecimal: measurements are public.
  result<void> check(const claims& found, std::string* detail = nullptr) const {
    if (anyone_) return {};
    if (alternatives_.empty()) return errc::attest_expectations_empty;
    std::optional<unmet_demand> furthest;
    for (const demands& one : alternatives_) {
      std::optional<unmet_demand> unmet = one.unmet(found);
      if (!unmet) return {};
      if (!furthest || unmet->came_to > furthest->came_to) furthest = std::move(unmet);
    }
    if (detail != nullptr) *detail = furthest->detail;
    return furthest->code;
  }

  /// These expectations as an entry of an expectations file, all in alphabetical order: equal
  /// texts, equal demands. Empty for an object that refuses everybody.
  std::string canonical() const {
    if (anyone_) return R"("anyone")";
    std::vector<std::string> entries;
    for (const demands& one : alternatives_) entries.push_back(one.canonical());
    std::ranges::sort(entries);
    const auto doubled = std::ranges::unique(entries);
    entries.erase(doubled.begin(), doubled.end());
    if (entries.size() == 1) return entries.front();
    std::string text;
    for (const std::string& entry : entries) text += (text.empty() ? "[" : ", ") + entry;
    return text.empty() ? text : text + "]";
  }

  /// The entry of an expectations file that pins exactly the program of these claims: a JSON object
  /// in one line. Throws `failure(errc::internal)` for a name that no file may hold.
  static std::string describe(const claims& of) {
    std::string text = R"({"attester": )" + quoted(of.attester) + R"(, "registers": {)";
    for (std::size_t i = 0; i != of.values.size(); ++i)
      text += (i == 0 ? "" : ", ") + quoted(of.values[i].first) + R"(: ")" +
              of.values[i].second.hex() + '"';
    return text + "}}";
  }

 private:
  static std::string quoted(std::string_view name) {
    if (!is_register_name(name)) throw failure(errc::internal, "name of an attester or register");
    return '"' + std::string{name} + '"';
  }

  bool anyone_ = false;
  std::vector<demands> alternatives_;
};

}  // namespace enfilade
