// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/tdx/tdx_tcb.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace enfilade {

/// A JSON text as Intel signed it, byte for byte, and the certificates of who did, the signer's
/// first.
struct tdx_signed_json {
  std::string text;
  std::array<std::byte, 64> signature{};  ///< r and s, P-256 with SHA-256
  std::vector<std::vector<std::byte>> issuers;
};

/// What Intel says today of a kind of platform: its collateral, read but not verified. Made by
/// `read_tdx_collateral`, which keeps the texts and what was read from them together.
struct tdx_endorsements {
  tdx_signed_json tcb_text;
  tdx_tcb_info tcb_info;
  tdx_signed_json qe_text;
  tdx_qe_info qe_info;
  std::vector<std::byte> pck_crl;   ///< of the authority that certified the platform; DER
  std::vector<std::byte> root_crl;  ///< of the root; DER
};

}  // namespace enfilade
