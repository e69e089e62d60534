// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

namespace enfilade {

/// Whether the same attempt may succeed later though nobody repairs anything: the one rule by which
/// programs try again by themselves.
///
/// Absence, silence, and a lack of room pass. A refusal does not, nor does what an attacker causes:
/// trying again would give him another try. A connection that the peer ended after it had spoken
/// does not either, for a peer that refuses this end ends it so. What a link lost in the middle of
/// its work is not asked again by itself: whether it may be done twice is for its owner to say.
constexpr bool is_temporary(errc e) noexcept {
  switch (e) {
    case errc::transport_unreachable:
    case errc::transport_timeout:
    case errc::transport_address_in_use:
    case errc::crypto_key_exhausted:
    case errc::attest_device_throttled:
    case errc::stage_lost:
    case errc::stage_overloaded:
    case errc::stage_stopping:
    case errc::process_out_of_memory:
      return true;
    default:
      return false;
  }
}

/// The same of an error code; none of another category is known to pass.
inline bool is_temporary(const error_code& e) noexcept {
  return e.category() == error_category() && is_temporary(static_cast<errc>(e.value()));
}

}  // namespace enfilade
