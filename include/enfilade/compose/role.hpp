// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace enfilade {

/// The roles that a policy passed to `with<...>` can play.
///
/// A policy names its own in one line, `using policy_role = role::cipher;`, and that is how
/// `with<...>` takes its policies in any order. Whether the policy really is a `cipher` is checked
/// where it is put to work, not here: composition knows no cryptography.
struct role {
  struct cipher;     ///< who seals
  struct attester;   ///< who vouches
  struct compute;    ///< who multiplies
  struct transport;  ///< who carries clients' frames to stage 0
};

}  // namespace enfilade
