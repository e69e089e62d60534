// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/error.hpp>

#include <doctest/doctest.h>

#include <string>

/// So that a failing test says which rule was broken.
template <>
struct doctest::StringMaker<enfilade::refusal> {
  static doctest::String convert(const enfilade::refusal& why) {
    const auto& facts = enfilade::facts_of_error(why.code);
    return (std::string{facts.name} + " by " + std::string{why.rule}).c_str();
  }
};
