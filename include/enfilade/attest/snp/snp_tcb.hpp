// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/error.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace enfilade {

/// A line of AMD processors that make SEV-SNP reports. Each has a root of its own, and the layout
/// of its security versions.
enum class snp_product : std::uint8_t {
  milan,
  genoa,  ///< Bergamo and Siena, too: AMD issues their keys under Genoa's
  turin,
};

/// How AMD writes it: in the names of its authorities and in the addresses of its key service.
constexpr std::string_view name_of(snp_product product) noexcept {
  switch (product) {
    case snp_product::milan:
      return "Milan";
    case snp_product::genoa:
      return "Genoa";
    case snp_product::turin:
      break;
  }
  return "Turin";
}

/// The product of a processor by its CPUID family and model, both with their extensions; nothing
/// where it is none of these.
constexpr std::optional<snp_product> snp_product_of(std::uint8_t family,
                                                    std::uint8_t model) noexcept {
  if (family == 0x19 && model < 0x10) return snp_product::milan;
  if (family == 0x19 && (model < 0x20 || (model >= 0xA0 && model < 0xB0)))
    return snp_product::genoa;
  if (family == 0x1A && model < 0x20) return snp_product::turin;
  return std::nullopt;
}

/// The security versions of all that an SEV-SNP guest has to trust of its machine: a TCB_VERSION
/// (AMD 56860, "TCB Version") by its parts. Each counts up where something was repaired in it.
///
///     snp_options{.minimum_tcb = snp_tcb{.boot_loader = 4, .snp = 24, .microcode = 219}}
///
/// Versions of two products say nothing of each other.
struct snp_tcb {
  std::uint8_t fmc = 0;  ///< of Turin only, 0 for the others
  std::uint8_t boot_loader = 0;
  std::uint8_t tee = 0;
  std::uint8_t snp = 0;  ///< of SEV-SNP's firmware
  std::uint8_t microcode = 0;

  /// As it stands in a report, little-endian. `errc::attest_malformed` by `snp.reserved_tcb` where a
  /// byte is not zero that has no meaning for this product.
  static constexpr judged<snp_tcb> read(std::uint64_t raw, snp_product product) noexcept {
    const auto byte = [raw](int at) { return static_cast<std::uint8_t>(raw >> (8 * at)); };
    const bool is_turin = product == snp_product::turin;
    const std::uint64_t reserved = is_turin ? 0x00FF'FFFF'0000'0000 : 0x0000'FFFF'FFFF'0000;
    if ((raw & reserved) != 0) return refusal{errc::attest_malformed, "snp.reserved_tcb"};
    if (is_turin) return snp_tcb{byte(0), byte(1), byte(2), byte(3), byte(7)};
    return snp_tcb{0, byte(0), byte(1), byte(6), byte(7)};
  }

  /// Whether no part is below that of `floor`. Of two, neither may be at least the other.
  constexpr bool at_least(const snp_tcb& floor) const noexcept {
    return fmc >= floor.fmc && boot_loader >= floor.boot_loader && tee >= floor.tee &&
           snp >= floor.snp && microcode >= floor.microcode;
  }

  friend bool operator==(const snp_tcb&, const snp_tcb&) = default;
};

}  // namespace enfilade
