// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/snp/snp_report.hpp>
#include <enfilade/attest/snp/snp_tcb.hpp>
#include <enfilade/attest/snp/snp_verifier.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace enfilade {

/// A genuine SEV-SNP report in the words of all platforms; what the program told is not among them,
/// and when it was judged is for the caller to add.
///
/// | claim         | of a report                                                                    |
/// |---------------|--------------------------------------------------------------------------------|
/// | `values`      | `measurement`, `host_data`; `id_key_digest`, `author_key_digest` where there are |
/// | `place`       | `chip_id` unless masked, `report_id`, `family_id`, `image_id`; SHA-256 of the texts `product` ("Genoa") and, for a VLEK, `provider` |
/// | `numbers`     | `tcb.bootloader`, `tcb.tee`, `tcb.snp`, `tcb.microcode` and, of Turin, `tcb.fmc`; `guest_svn`, `vmpl`, and `abi.major`, `abi.minor` of the policy |
/// | `permissions` | `debug`, `migration`, `smt`, `cxl`, `multi_socket`, `rapl`, `page_swap`, `ciphertext`; of the machine, `memory_aliases` (BadRAM) |
///
/// Each part of the TCB is the lower of the reported and the committed one: the host may go back to
/// what is committed at any time. `strength` is `collateral` where AMD's list of revoked
/// authorities was looked at.
inline claims to_claims(const snp_claims& found) {
  claims out{"sev-snp", {}};
  const auto unless_empty = [](registers& all, std::string_view name, const Measurement& value) {
    if (!value.bytes().empty()) all.emplace_back(name, value);
  };
  unless_empty(out.values, "measurement", found.measurement);
  unless_empty(out.values, "host_data", found.host_data);
  unless_empty(out.values, "id_key_digest", found.id_key_digest);
  unless_empty(out.values, "author_key_digest", found.author_key_digest);
  unless_empty(out.place, "chip_id", found.chip_id);
  unless_empty(out.place, "report_id", found.report_id);
  unless_empty(out.place, "family_id", found.family_id);
  unless_empty(out.place, "image_id", found.image_id);
  // Of two products the versions below cannot be compared, and a VLEK is as good as who lends it.
  const auto digest = [](std::string_view text) {
    return Measurement{sha256(detail::bytes_of(text))};
  };
  out.place.emplace_back("product", digest(name_of(found.product)));
  if (!found.provider.empty()) out.place.emplace_back("provider", digest(found.provider));

  const auto lower = [&found](std::uint8_t snp_tcb::*part) -> std::uint64_t {
    return std::min(found.tcb.reported.*part, found.tcb.committed.*part);
  };
  if (found.product == snp_product::turin)
    out.numbers.emplace_back("tcb.fmc", lower(&snp_tcb::fmc));
  out.numbers.emplace_back("tcb.bootloader", lower(&snp_tcb::boot_loader));
  out.numbers.emplace_back("tcb.tee", lower(&snp_tcb::tee));
  out.numbers.emplace_back("tcb.snp", lower(&snp_tcb::snp));
  out.numbers.emplace_back("tcb.microcode", lower(&snp_tcb::microcode));
  out.numbers.emplace_back("guest_svn", found.guest_svn);
  out.numbers.emplace_back("vmpl", found.vmpl);
  out.numbers.emplace_back("abi.major", found.policy.abi_major);
  out.numbers.emplace_back("abi.minor", found.policy.abi_minor);

  out.says("debug", found.policy.debug);
  out.says("migration", found.policy.migration || !found.migration_agent.bytes().empty());
  out.says("smt", found.policy.smt);
  out.says("cxl", found.policy.cxl);
  out.says("multi_socket", !found.policy.single_socket);
  out.says("rapl", !found.policy.rapl_disabled);
  out.says("page_swap", !found.policy.page_swap_disabled);
  out.says("ciphertext", !found.policy.ciphertext_hiding);
  out.says("memory_aliases", !found.platform.alias_check);
  if (found.revocation_checked) out.strength = evidence_strength::collateral;
  out.valid_until = found.valid_until;
  return out;
}

}  // namespace enfilade
