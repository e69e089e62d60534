// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/measurement.hpp>

#include <array>
#include <chrono>
#include <cstddef>

namespace test {

/// A register of two bytes, such as "0101".
inline enfilade::Measurement filled_register(int with) {
  return enfilade::Measurement{
      std::array{static_cast<std::byte>(with), static_cast<std::byte>(with)}};
}

/// Claims in which every field says something.
inline enfilade::claims full_claims() {
  enfilade::claims out{"tdx", {{"mrtd", filled_register(1)}, {"plan", filled_register(2)}}};
  out.place = {{"fmspc", filled_register(3)}};
  out.numbers = {{"evaluation", 17}, {"tee_tcb_svn.0", 6}};
  out.says("debug", true);
  out.says("migration", false);
  out.strength = out.usual_strength = enfilade::evidence_strength::collateral;
  out.tcb_status = "OutOfDate";
  out.advisories = {"INTEL-SA-00837"};
  out.judged_at = std::chrono::sys_days{std::chrono::year{2025} / 6 / 20};
  out.made_at = std::chrono::sys_days{std::chrono::year{2025} / 6 / 19};
  out.valid_until = std::chrono::sys_days{std::chrono::year{2025} / 7 / 19};
  return out;
}

}  // namespace test
