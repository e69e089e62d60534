// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/role.hpp>
#include <enfilade/transport/vsock.hpp>

#include <string_view>

// What composition needs to know of policies, and nothing else: it never looks further.
namespace stand_in {

struct Seal {
  using policy_role = enfilade::role::cipher;
  static constexpr std::string_view name = "seal";
};

struct Vouch {
  using policy_role = enfilade::role::attester;
  static constexpr std::string_view name = "vouch";
};

struct Multiply {
  using policy_role = enfilade::role::compute;
  static constexpr std::string_view name = "multiply";
};

// Transports are checked where `Relay` names them, so these are real ones under other names.
struct Pipe : enfilade::Vsock {
  static constexpr std::string_view name = "pipe";
};

struct Doorbell : enfilade::Vsock {
  static constexpr std::string_view name = "doorbell";
};

}  // namespace stand_in
