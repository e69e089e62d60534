// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/demands.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/verify/rfc3339.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace enfilade {

/// What genuine evidence says, for programs: an object with every field of `claims`, registers in
/// hexadecimal and times as RFC 3339; null for a time that the evidence does not say.
inline nlohmann::json claims_json(const claims& of) {
  using json = nlohmann::json;
  const auto object = [](const auto& all, auto value_of) {
    json out = json::object();
    for (const auto& [name, value] : all) out[std::string{name}] = value_of(value);
    return out;
  };
  const auto hex = [](const Measurement& value) { return value.hex(); };
  const auto time = [](const auto& when) { return when ? json(format_rfc3339(*when)) : json(); };
  json out{{"attester", of.attester},
           {"registers", object(of.values, hex)},
           {"place", object(of.place, hex)},
           {"numbers", object(of.numbers, [](std::uint64_t value) { return value; })},
           {"permissions", of.permissions},
           {"prohibitions", of.prohibitions},
           {"strength", detail::strength_name(of.strength)},
           {"tcb_status", of.tcb_status},
           {"advisories", of.advisories},
           {"judged_at", format_rfc3339(of.judged_at)},
           {"made_at", time(of.made_at)},
           {"valid_until", time(of.valid_until)}};
  return out;
}

}  // namespace enfilade
