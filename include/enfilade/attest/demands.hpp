// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// A demand that claims do not meet.
struct unmet_demand {
  unmet_demand(errc why, std::string text, std::size_t step, std::size_t in_step = 0)
      : code(why), detail(std::move(text)), came_to(step * 1000 + in_step) {}

  errc code;
  std::string detail;   ///< what was expected and what was found, in one line
  std::size_t came_to;  ///< how far the comparison came: for choosing between alternatives
};

/// What one kind of peer must show: one entry of an expectations file.
///
/// The attester and at least one register are pinned; all else is optional and has a default that
/// is on the safe side:
///
/// | member                | demands                                      | where it says nothing |
/// |-----------------------|----------------------------------------------|-----------------------|
/// | `pins`                | these registers have these values            | any value             |
/// | `allow`               | nothing: permits `debug` or `migration`      | both are refused      |
/// | `deny`                | the TEE is known to keep its host from that  | all else is accepted  |
/// | `at_least`, `at_most` | the number is there, and not below or above  | any number, or none   |
/// | `strength`            | so much of the maker's word was followed     | all that there is     |
/// | `tcb_status`          | the maker calls the machine one of these     | `UpToDate` or nothing |
/// | `advisories`          | nothing: accepts them, if it is not UpToDate | none is accepted      |
/// | `max_age`             | made at most so long ago                     | what certificates say |
///
/// Evidence that does not say when it was made counts as made now: it is bound to the session,
/// which nothing older can be.
struct demands {
  static constexpr std::size_t max_pins = 32;
  static constexpr std::size_t max_names = 64;  ///< in each of the other lists
  static constexpr std::uint64_t max_number = 0xFFFF'FFFF;
  /// What a verifier's clock may be behind that of the evidence's maker.
  static constexpr std::chrono::minutes skew{5};

  demands() = default;
  demands(std::string by, registers values) : attester(std::move(by)), pins(std::move(values)) {}

  using limit = std::pair<std::string, std::uint64_t>;

  std::string attester;
  registers pins;
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  std::vector<limit> at_least;
  std::vector<limit> at_most;
  std::optional<std::chrono::seconds> max_age;
  std::optional<evidence_strength> strength;
  std::vector<std::string> tcb_status;
  std::vector<std::string> advisories;

  /// Why nobody could be held to these demands; nothing where they are in order. Without an
  /// attester or a pin they would accept anybody; what stands twice, or is allowed and denied, is a
  /// slip.
  std::optional<errc> invalid() const;

  /// The first demand that these claims do not meet, in the order attester, registers, permissions,
  /// numbers, strength, TCB, age; nothing where they meet all.
  std::optional<unmet_demand> unmet(const claims& found) const;

  bool allows(std::string_view permission) const { return has(allow, permission); }

  /// One line of JSON, every list in alphabetical order: equal texts, equal demands. What is not
  /// demanded is not in it. Throws `failure(errc::internal)` for a name that is `invalid`.
  std::string canonical() const;

  /// True for what a status or an advisory may be called: as `is_register_name`, up to 64 bytes.
  static bool is_plain_name(std::string_view name) noexcept {
    return is_register_name(name.substr(0, 32)) &&
           (name.size() <= 32 || is_register_name(name.substr(32)));
  }

 private:
  enum step : std::size_t { by_whom, what, permissions, numbers, how_strong, tcb, age };

  std::optional<unmet_demand> unmet_pin(const claims& found) const;
  std::optional<unmet_demand> unmet_permission(const claims& found) const;
  std::optional<unmet_demand> unmet_number(const claims& found) const;
  std::optional<unmet_demand> unmet_tcb(const claims& found) const;
  std::optional<unmet_demand> unmet_age(const claims& found) const;

  static std::string differs(std::string_view name, std::string_view expected,
                             std::string_view found) {
    return std::string{name} + ": expected " + std::string{expected} + ", found " +
           std::string{found};
  }
  static bool has(const std::vector<std::string>& list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
  }
};

namespace detail {

/// The name of a strength in files and messages.
constexpr std::string_view strength_name(evidence_strength strength) noexcept {
  return strength == evidence_strength::collateral ? "collateral" : "signatures";
}

inline std::string either_of(const std::vector<std::string>& names, std::string_view if_none) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " or ") + name;
  return text.empty() ? std::string{if_none} : text;
}

template <class List, class Projection = std::identity>
bool stands_twice(const List& list, Projection of = {}) {
  for (auto at = list.begin(); at != list.end(); ++at)
    if (std::find_if(list.begin(), at, [&](const auto& earlier) {
          return std::invoke(of, earlier) == std::invoke(of, *at);
        }) != at)
      return true;
  return false;
}

}  // namespace detail

inline std::optional<errc> demands::invalid() const {
  if (attester.empty() || pins.empty()) return errc::attest_expectations_empty;
  bool fits = is_register_name(attester) && pins.size() <= max_pins &&
              !detail::stands_twice(pins, &registers::value_type::first) &&
              std::ranges::all_of(pins, is_register_name, &registers::value_type::first);
  for (const auto* names : {&allow, &deny, &tcb_status, &advisories})
    fits = fits && names->size() <= max_names && std::ranges::all_of(*names, is_plain_name) &&
           !detail::stands_twice(*names);
  for (const auto* limits : {&at_least, &at_most})
    fits = fits && limits->size() <= max_names && !detail::stands_twice(*limits, &limit::first) &&
           std::ranges::all_of(*limits, [](const limit& one) {
             return is_register_name(one.first) && one.second <= max_number;
           });
  fits = fits && std::ranges::none_of(allow, [this](const auto& name) { return has(deny, name); });
  if (max_age)
    fits =
        fits && max_age->count() >= 0 && static_cast<std::uint64_t>(max_age->count()) <= max_number;
  return fits ? std::nullopt : std::optional{errc::attest_expectations_invalid};
}

inline std::optional<unmet_demand> demands::unmet(const claims& found) const {
  if (found.attester != attester)
    return unmet_demand{errc::attest_measurement_mismatch,
                        differs("attester", attester, found.attester), by_whom};
  if (auto unmet = unmet_pin(found)) return unmet;
  if (auto unmet = unmet_permission(found)) return unmet;
  if (auto unmet = unmet_number(found)) return unmet;
  const evidence_strength wanted = strength.value_or(found.usual_strength);
  if (found.strength < wanted)
    return unmet_demand{
        errc::attest_endorsement_missing,
        differs("strength", detail::strength_name(wanted), detail::strength_name(found.strength)),
        how_strong};
  if (auto unmet = unmet_tcb(found)) return unmet;
  return unmet_age(found);
}

inline std::optional<unmet_demand> demands::unmet_pin(const claims& found) const {
  for (std::size_t i = 0; i != pins.size(); ++i) {
    const auto& [name, expected] = pins[i];
    const Measurement* const value = found.find(name);
    if (value == nullptr || !(*value == expected))
      return unmet_demand{errc::attest_measurement_mismatch,
                          differs(name, expected.hex(), value ? value->hex() : "none"), what, i};
  }
  return std::nullopt;
}

inline std::optional<unmet_demand> demands::unmet_permission(const claims& found) const {
  const auto unmet = [](std::string_view name, std::string_view said) {
    return unmet_demand{name == "debug" ? errc::attest_debug_enabled : errc::attest_guest_policy,
                        differs(name, "denied", said), permissions};
  };
  for (const std::string_view name : {"debug", "migration"})
    if (found.permits(name) && !allows(name)) return unmet(name, "permitted");
  for (const std::string& name : deny) {
    if (found.permits(name)) return unmet(name, "permitted");
    // A platform that has no such permission under this name says nothing of it: nor does a slip.
    if (!found.denies(name)) return unmet(name, "nothing about it");
  }
  return std::nullopt;
}

inline std::optional<unmet_demand> demands::unmet_number(const claims& found) const {
  const auto compare = [&found](const std::vector<limit>& limits, std::string_view words, errc why,
                                auto beyond) -> std::optional<unmet_demand> {
    for (const auto& [name, bound] : limits) {
      const std::optional<std::uint64_t> value = found.number(name);
      if (!value || beyond(*value, bound))
        return unmet_demand{why,
                            differs(name, std::string{words} + ' ' + std::to_string(bound),
                                    value ? std::to_string(*value) : "none"),
                            numbers};
    }
    return std::nullopt;
  };
  if (auto unmet = compare(at_most, "at most", errc::attest_guest_policy, std::greater<>{}))
    return unmet;
  return compare(at_least, "at least", errc::attest_tcb_out_of_date, std::less<>{});
}

inline std::optional<unmet_demand> demands::unmet_tcb(const claims& found) const {
  constexpr std::string_view usual = "UpToDate";
  const auto unmet = [](errc why, std::string text) {
    return unmet_demand{why, std::move(text), tcb};
  };
  const std::string wanted = detail::either_of(tcb_status, usual);
  if (found.tcb_status.empty()) {
    if (!tcb_status.empty())
      return unmet(errc::attest_endorsement_missing, differs("tcb_status", wanted, "none"));
  } else if (tcb_status.empty() ? found.tcb_status != usual : !has(tcb_status, found.tcb_status)) {
    return unmet(errc::attest_tcb_out_of_date, differs("tcb_status", wanted, found.tcb_status));
  }
  if (found.tcb_status == usual) return std::nullopt;
  for (const std::string& advisory : found.advisories)
    if (!has(advisories, advisory))
      return unmet(errc::attest_tcb_out_of_date,
                   differs("advisories", detail::either_of(advisories, "none"),
                           is_plain_name(advisory) ? advisory : "one that is no name"));
  return std::nullopt;
}

inline std::optional<unmet_demand> demands::unmet_age(const claims& found) const {
  if (!max_age || !found.made_at) return std::nullopt;
  const std::chrono::seconds old = found.judged_at - *found.made_at;
  const std::string seen = std::to_string(old.count()) + " s";
  if (old < -skew)
    return unmet_demand{errc::attest_not_yet_valid, differs("age", "one of the past", seen), age};
  if (old <= *max_age) return std::nullopt;
  return unmet_demand{errc::attest_stale,
                      differs("age", "at most " + std::to_string(max_age->count()) + " s", seen),
                      age};
}

inline std::string demands::canonical() const {
  const auto quoted = [](std::string_view name) {
    if (!is_plain_name(name)) throw failure(errc::internal, "a name in expectations");
    return '"' + std::string{name} + '"';
  };
  // {"name": value, ...}, of a list that is put into order.
  const auto object = [&quoted](auto list, auto value) {
    std::ranges::sort(
        list, {}, [](const auto& one) -> const auto& { return one.first; });
    std::string text;
    for (const auto& one : list)
      text += (text.empty() ? "{" : ", ") + quoted(one.first) + ": " + value(one.second);
    return text + "}";
  };
  const auto array = [&quoted](std::vector<std::string> list) {
    std::ranges::sort(list);
    std::string text;
    for (const std::string& name : list) text += (text.empty() ? "[" : ", ") + quoted(name);
    return text + "]";
  };
  const auto hex = [](const Measurement& value) { return '"' + value.hex() + '"'; };
  const auto decimal = [](std::uint64_t value) { return std::to_string(value); };

  std::string text = R"({"attester": )" + quoted(attester);
  text += R"(, "registers": )" + object(pins, hex);
  if (!allow.empty()) text += R"(, "allow": )" + array(allow);
  if (!deny.empty()) text += R"(, "deny": )" + array(deny);
  if (!at_least.empty()) text += R"(, "at_least": )" + object(at_least, decimal);
  if (!at_most.empty()) text += R"(, "at_most": )" + object(at_most, decimal);
  if (max_age) text += R"(, "max_age": )" + std::to_string(max_age->count());
  if (strength) text += R"(, "strength": )" + quoted(detail::strength_name(*strength));
  if (!tcb_status.empty()) text += R"(, "tcb_status": )" + array(tcb_status);
  if (!advisories.empty()) text += R"(, "advisories": )" + array(advisories);
  return text + "}";
}

}  // namespace enfilade
