// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade {

/// What a verifier demands of the peer in one role of the pipeline.
///
/// Either pins, which is an attester's name and the values of at least one register, or, said
/// explicitly, `anyone`. What says neither (a default-constructed object, an empty set of pins)
/// refuses everybody: forgetting must not mean trusting.
class expectations {
 public:
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
    if (attester.empty() || pins.empty()) return errc::attest_expectations_empty;
    expectations some;
    some.attester_ = std::move(attester);
    some.pins_ = std::move(pins);
    return some;
  }

  /// Whether the peer must show evidence at all.
  bool demand_evidence() const noexcept { return !anyone_; }

  /// Compares what verified evidence says with the pins: `errc::attest_measurement_mismatch` where
  /// they differ, `errc::attest_expectations_empty` where there are none.
  ///
  /// `detail`, where given, is then told the register, what was expected and what was found, in
  /// hexadecimal: measurements are public.
  result<void> check(const claims& found, std::string* detail = nullptr) const {
    if (anyone_) return {};
    if (pins_.empty()) return errc::attest_expectations_empty;
    if (found.attester != attester_) return mismatch(detail, "attester", attester_, found.attester);
    for (const auto& [name, expected] : pins_) {
      const Measurement* const value = found.find(name);
      if (value == nullptr) return mismatch(detail, name, expected.hex(), "none");
      if (!(*value == expected)) return mismatch(detail, name, expected.hex(), value->hex());
    }
    return {};
  }

  /// These expectations as an entry of an expectations file, registers in alphabetical order: equal
  /// texts, equal demands. Empty for an object that refuses everybody.
  std::string canonical() const {
    if (anyone_) return R"("anyone")";
    if (pins_.empty()) return {};
    registers ordered = pins_;
    std::ranges::sort(ordered, {}, &registers::value_type::first);
    return describe(claims{attester_, std::move(ordered)});
  }

  /// The entry of an expectations file that pins exactly these claims: a JSON object in one line.
  /// Throws `failure(errc::internal)` for a name that no file may hold.
  static std::string describe(const claims& of) {
    std::string text = R"({"attester": )" + quoted(of.attester) + R"(, "registers": {)";
    for (std::size_t i = 0; i != of.values.size(); ++i)
      text += (i == 0 ? "" : ", ") + quoted(of.values[i].first) + R"(: ")" +
              of.values[i].second.hex() + '"';
    return text + "}}";
  }

 private:
  static result<void> mismatch(std::string* detail, std::string_view name,
                               const std::string& expected, std::string_view found) {
    if (detail != nullptr)
      *detail = std::string{name} + ": expected " + expected + ", found " + std::string{found};
    return errc::attest_measurement_mismatch;
  }
  static std::string quoted(std::string_view name) {
    if (!is_register_name(name)) throw failure(errc::internal, "name of an attester or register");
    return '"' + std::string{name} + '"';
  }

  bool anyone_ = false;
  std::string attester_;
  registers pins_;
};

}  // namespace enfilade
