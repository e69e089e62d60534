// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/snp/snp_tcb.hpp>
#include <enfilade/attest/x509/der.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace enfilade {

/// What AMD's certificate of a VCEK says: the key of one processor at one state of its firmware.
struct snp_vcek {
  snp_product product;
  snp_tcb tcb;
  detail::byte_span hardware_id;  ///< 64 bytes, 8 for Turin: the processor's CHIP_ID
};

/// What AMD's certificate of a VLEK says: the key of a cloud provider's machines of one product at
/// one state of their firmware. It speaks of no processor.
struct snp_vlek {
  snp_product product;
  snp_tcb tcb;
  std::string_view provider;  ///< such as "CN=cc-us-east-2.amazonaws.com"; printable
};

namespace detail {

// Of AMD's arc 1.3.6.1.4.1.3704.1 (AMD 57230, "VCEK Certificate Format").
inline constexpr object_identifier snp_structure{1, 3, 6, 1, 4, 1, 3704, 1, 1};
inline constexpr object_identifier snp_product_name{1, 3, 6, 1, 4, 1, 3704, 1, 2};
inline constexpr object_identifier snp_boot_loader{1, 3, 6, 1, 4, 1, 3704, 1, 3, 1};
inline constexpr object_identifier snp_tee{1, 3, 6, 1, 4, 1, 3704, 1, 3, 2};
inline constexpr object_identifier snp_snp{1, 3, 6, 1, 4, 1, 3704, 1, 3, 3};
inline constexpr object_identifier snp_spl_4{1, 3, 6, 1, 4, 1, 3704, 1, 3, 4};
inline constexpr object_identifier snp_spl_5{1, 3, 6, 1, 4, 1, 3704, 1, 3, 5};
inline constexpr object_identifier snp_spl_6{1, 3, 6, 1, 4, 1, 3704, 1, 3, 6};
inline constexpr object_identifier snp_spl_7{1, 3, 6, 1, 4, 1, 3704, 1, 3, 7};
inline constexpr object_identifier snp_microcode{1, 3, 6, 1, 4, 1, 3704, 1, 3, 8};
inline constexpr object_identifier snp_fmc{1, 3, 6, 1, 4, 1, 3704, 1, 3, 9};
inline constexpr object_identifier snp_hardware_id{1, 3, 6, 1, 4, 1, 3704, 1, 4};
inline constexpr object_identifier snp_provider{1, 3, 6, 1, 4, 1, 3704, 1, 5};

/// Reads what the certificates of both kinds of key have in them.
class snp_certificate_reader {
 public:
  explicit snp_certificate_reader(const x509_certificate& certificate) noexcept
      : certificate_(certificate) {}

  static refusal malformed(std::string_view rule) noexcept {
    return {errc::attest_malformed, rule};
  }
  static refusal other_kind() noexcept {
    return {errc::attest_chain_invalid, "snp_certificate.other_kind"};
  }

  bool has(const object_identifier& name) const noexcept {
    return certificate_.extension(name).has_value();
  }

  judged<snp_product> product() const noexcept {
    const auto value = certificate_.extension(snp_product_name);
    if (!value) return malformed("snp_certificate.product_missing");
    const auto name = ia5_string(*value);
    if (!name) return malformed("snp_certificate.product");
    // "Milan-B0": what stands behind the hyphen is the stepping.
    const std::string_view line = name->substr(0, name->find('-'));
    if (line == "Milan") return snp_product::milan;
    if (line == "Genoa" || line == "Bergamo" || line == "Siena") return snp_product::genoa;
    if (line == "Turin") return snp_product::turin;
    return refusal{errc::attest_unsupported_format, "snp_certificate.product_unknown"};
  }

  judged<snp_tcb> tcb(snp_product product) const noexcept {
    const bool is_turin = product == snp_product::turin;
    const auto structure = number(snp_structure);
    if (!structure) return structure.error();
    if (*structure != (is_turin ? 1 : 0))
      return refusal{errc::attest_unsupported_format, "snp_certificate.structure"};

    snp_tcb out;
    struct part {
      const object_identifier& name;
      std::uint8_t& version;
    };
    for (const part& one :
         {part{snp_boot_loader, out.boot_loader}, part{snp_tee, out.tee}, part{snp_snp, out.snp},
          part{snp_microcode, out.microcode}, part{snp_fmc, out.fmc}}) {
      if (!is_turin && &one.version == &out.fmc) continue;
      const auto version = number(one.name);
      if (!version) return version.error();
      one.version = *version;
    }
    // Versions of nothing: the bytes of a report that they would be compared with are zero.
    for (const object_identifier* name :
         {&snp_spl_4, &snp_spl_5, &snp_spl_6, &snp_spl_7, &snp_fmc}) {
      if ((is_turin && name == &snp_fmc) || !has(*name)) continue;
      const auto version = number(*name);
      if (!version) return version.error();
      if (*version != 0) return malformed("snp_certificate.reserved_tcb");
    }
    return out;
  }

  /// 64 bytes, 8 for Turin, as they are or inside of an OCTET STRING. No length fits both, so there
  /// is one way to read them.
  judged<byte_span> hardware_id(snp_product product) const noexcept {
    const auto value = certificate_.extension(snp_hardware_id);
    if (!value) return malformed("snp_certificate.hardware_id_missing");
    const std::size_t size = product == snp_product::turin ? 8 : 64;
    if (value->size() == size) return *value;
    der_reader reader{*value};
    const auto wrapped = reader.octet_string();
    if (!wrapped || !reader.end() || wrapped->size() != size)
      return malformed("snp_certificate.hardware_id");
    return *wrapped;
  }

  judged<std::string_view> provider() const noexcept {
    const auto value = certificate_.extension(snp_provider);
    if (!value) return malformed("snp_certificate.provider_missing");
    const auto name = ia5_string(*value);
    if (!name) return malformed("snp_certificate.provider");
    return *name;
  }

 private:
  static constexpr auto ia5 = static_cast<der_tag>(0x16);
  static constexpr std::size_t max_text = 128;

  /// An IA5String of 1 to 128 characters that can be printed, and nothing behind it.
  static std::optional<std::string_view> ia5_string(byte_span value) noexcept {
    der_reader reader{value};
    const auto found = reader.element(ia5);
    if (!found || !reader.end()) return std::nullopt;
    const byte_span bytes = found->content;
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
    if (text.empty() || text.size() > max_text || !printable) return std::nullopt;
    return text;
  }

  /// An INTEGER from 0 to 255.
  judged<std::uint8_t> number(const object_identifier& name) const noexcept {
    const auto value = certificate_.extension(name);
    if (!value) return malformed("snp_certificate.tcb_missing");
    der_reader reader{*value};
    const auto found = reader.number();
    if (!found || !reader.end() || *found > 255) return malformed("snp_certificate.tcb");
    return static_cast<std::uint8_t>(*found);
  }

  const x509_certificate& certificate_;
};

}  // namespace detail

/// What the certificate of a VCEK says in AMD's extensions (AMD 57230). Who issued it is the business
/// of `x509_chain`.
///
/// `errc::attest_chain_invalid` by `snp_certificate.other_kind` for the certificate of a VLEK;
/// `errc::attest_unsupported_format` for other products and other structures than this product's;
/// `errc::attest_malformed` for everything else. A view of the certificate's bytes.
inline judged<snp_vcek> read_snp_vcek(const x509_certificate& certificate) noexcept {
  const detail::snp_certificate_reader reader{certificate};
  if (reader.has(detail::snp_provider)) return detail::snp_certificate_reader::other_kind();
  const auto product = reader.product();
  if (!product) return product.error();
  const auto tcb = reader.tcb(*product);
  if (!tcb) return tcb.error();
  const auto hardware_id = reader.hardware_id(*product);
  if (!hardware_id) return hardware_id.error();
  return snp_vcek{*product, *tcb, *hardware_id};
}

/// What the certificate of a VLEK says in AMD's extensions; errors as of `read_snp_vcek`, whose
/// certificates are of the other kind here.
inline judged<snp_vlek> read_snp_vlek(const x509_certificate& certificate) noexcept {
  const detail::snp_certificate_reader reader{certificate};
  if (reader.has(detail::snp_hardware_id)) return detail::snp_certificate_reader::other_kind();
  const auto product = reader.product();
  if (!product) return product.error();
  const auto tcb = reader.tcb(*product);
  if (!tcb) return tcb.error();
  const auto provider = reader.provider();
  if (!provider) return provider.error();
  return snp_vlek{*product, *tcb, *provider};
}

}  // namespace enfilade
