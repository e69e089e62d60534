// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace enfilade {

/// The certificates that the host of an SEV-SNP guest hands out beside a report, in DER; empty where
/// it has none of the kind. Looks into the bytes that it was read from; nothing of it is proven.
struct snp_certificate_table {
  detail::byte_span vcek;  ///< of the chip's own key
  detail::byte_span vlek;  ///< of the key that AMD lends to a cloud
  detail::byte_span ask;   ///< the authority that signed either
  detail::byte_span ark;   ///< AMD's root
  detail::byte_span crl;   ///< a list of revocations
};

namespace detail {

// AMD's GUIDs, in the order of their text: nothing is turned round.
using snp_guid = std::array<unsigned char, 16>;
inline constexpr snp_guid snp_vcek_guid{0x63, 0xDA, 0x75, 0x8D, 0xE6, 0x64, 0x45, 0x64,
                                        0xAD, 0xC5, 0xF4, 0xB9, 0x3B, 0xE8, 0xAC, 0xCD};
inline constexpr snp_guid snp_vlek_guid{0xA8, 0x07, 0x4B, 0xC2, 0xA2, 0x5A, 0x48, 0x3E,
                                        0xAA, 0xE6, 0x39, 0xC0, 0x45, 0xA0, 0xB8, 0xA1};
inline constexpr snp_guid snp_ask_guid{0x4A, 0xB7, 0xB3, 0x79, 0xBB, 0xAC, 0x4F, 0xE4,
                                       0xA0, 0x2F, 0x05, 0xAE, 0xF3, 0x27, 0xC7, 0x82};
inline constexpr snp_guid snp_ark_guid{0xC0, 0xB4, 0x06, 0xA4, 0xA8, 0x03, 0x49, 0x52,
                                       0x97, 0x43, 0x3F, 0xB6, 0x01, 0x4C, 0xD0, 0xAE};
inline constexpr snp_guid snp_crl_guid{0x92, 0xF8, 0x1B, 0xC3, 0x58, 0x11, 0x4D, 0x3D,
                                       0x97, 0xFF, 0xD1, 0x9F, 0x88, 0xDC, 0x67, 0xEA};

}  // namespace detail

/// Reads the certificate table of the Guest-Hypervisor Communication Block (AMD 56421 §4.1.8.1), as
/// `SNP_GET_EXT_REPORT` and configfs-tsm's `auxblob` give it; `errc::attest_malformed` with the rule
/// where it is none.
///
/// No bytes at all, and nothing but zeros, are a table without certificates. Entries of a kind that
/// nobody here knows are passed over, after their bounds were checked; of one kind there is one.
inline judged<snp_certificate_table> read_snp_certificate_table(detail::byte_span table) {
  constexpr std::size_t max_size = 64 * 1024;
  constexpr std::size_t max_entries = 32;
  constexpr std::size_t entry_size = 24;
  const auto malformed = [](std::string_view rule) {
    return refusal{errc::attest_malformed, rule};
  };

  snp_certificate_table out;
  if (table.empty()) return out;
  if (table.size() > max_size) return malformed("snp_certificates.size");
  for (std::size_t i = 0;; ++i) {
    if (i == max_entries) return malformed("snp_certificates.too_many");
    if (table.size() - i * entry_size < entry_size) return malformed("snp_certificates.no_end");
    const detail::byte_span entry = table.subspan(i * entry_size, entry_size);
    if (std::ranges::all_of(entry, [](std::byte b) { return b == std::byte{0}; })) break;

    // As 64 bits: two of 32 may wrap.
    const std::uint64_t offset = detail::load_le<std::uint32_t>(entry.data() + 16);
    const std::uint64_t size = detail::load_le<std::uint32_t>(entry.data() + 20);
    if (size == 0) return malformed("snp_certificates.empty");
    if (offset + size > table.size()) return malformed("snp_certificates.bounds");
    if (offset < (i + 1) * entry_size) return malformed("snp_certificates.offset");

    const auto is = [&](const detail::snp_guid& guid) {
      return std::ranges::equal(entry.first<16>(), std::as_bytes(std::span{guid}));
    };
    detail::byte_span* place = is(detail::snp_vcek_guid)   ? &out.vcek
                               : is(detail::snp_vlek_guid) ? &out.vlek
                               : is(detail::snp_ask_guid)  ? &out.ask
                               : is(detail::snp_ark_guid)  ? &out.ark
                               : is(detail::snp_crl_guid)  ? &out.crl
                                                           : nullptr;
    if (place == nullptr) continue;
    if (!place->empty()) return malformed("snp_certificates.twice");
    *place = table.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
  }
  return out;
}

}  // namespace enfilade
