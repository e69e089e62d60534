// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/x509/der.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace enfilade {

/// What kind of memory protection the processor of a platform has.
enum class sgx_type : std::uint8_t { standard = 0, scalable = 1, scalable_with_integrity = 2 };

/// What Intel says of a platform in the certificate of its provisioning key (PCK): extension
/// 1.2.840.113741.1.13.1 ("Intel SGX PCK Certificate and Certificate Revocation List Profile
/// Specification" §1.3.5).
struct pck_extension {
  static constexpr object_identifier name{1, 2, 840, 113741, 1, 13, 1};

  std::array<std::byte, 16> ppid{};           ///< the platform, whatever its firmware
  std::array<std::uint8_t, 16> components{};  ///< security versions of its parts
  std::uint16_t pcesvn = 0;                   ///< and of the enclave that certifies others
  std::array<std::byte, 16> cpusvn{};         ///< as the processor encodes the components
  std::array<std::byte, 2> pceid{};
  std::array<std::byte, 6> fmspc{};  ///< family, model, stepping, platform, custom SKU
  sgx_type type = sgx_type::standard;
};

namespace detail {

class pck_extension_reader {
 public:
  judged<pck_extension> read(byte_span value) {
    der_reader outer{value};
    auto fields = outer.sequence();
    if (!fields) return fields.error();
    if (const auto read = octets(*fields, {1}, out_.ppid); !read) return read.error();
    if (const auto read = tcb(*fields); !read) return read.error();
    if (const auto read = octets(*fields, {3}, out_.pceid); !read) return read.error();
    if (const auto read = octets(*fields, {4}, out_.fmspc); !read) return read.error();
    if (const auto read = type(*fields); !read) return read.error();
    // Certificates by the Platform CA have these two more.
    if (!fields->empty()) {
      std::array<std::byte, 16> instance;
      if (const auto read = octets(*fields, {6}, instance); !read) return read.error();
      if (const auto read = configuration(*fields); !read) return read.error();
    }
    if (!fields->end() || !outer.end()) return refused("pck.unknown_attribute");
    return out_;
  }

 private:
  static constexpr auto enumerated = static_cast<der_tag>(0x0A);

  using arcs = std::initializer_list<unsigned char>;

  static refusal refused(std::string_view rule) noexcept { return {errc::attest_malformed, rule}; }

  /// The next attribute, SEQUENCE { name, value }, whose name ends in `last`: a reader of its value.
  static judged<der_reader> attribute(der_reader& from, arcs last) {
    auto fields = from.sequence();
    if (!fields) return refused("pck.attribute_missing");
    const auto oid = fields->oid();
    if (!oid) return oid.error();
    const byte_span base = pck_extension::name.bytes();
    const byte_span tail = std::as_bytes(std::span{last.begin(), last.size()});  // all below 128
    if (oid->size() != base.size() + tail.size() ||
        !std::ranges::equal(oid->first(base.size()), base) ||
        !std::ranges::equal(oid->last(tail.size()), tail))
      return refused("pck.attribute");
    return *fields;
  }

  static judged<void> octets(der_reader& from, arcs last, std::span<std::byte> out) {
    auto value = attribute(from, last);
    if (!value) return value.error();
    const auto string = value->octet_string();
    if (!string) return string.error();
    if (string->size() != out.size() || !value->end()) return refused("pck.size");
    std::ranges::copy(*string, out.begin());
    return {};
  }

  static judged<std::uint16_t> number(der_reader& from, arcs last, std::uint16_t most) {
    auto value = attribute(from, last);
    if (!value) return value.error();
    const auto found = value->number();
    if (!found) return found.error();
    if (*found > most || !value->end()) return refused("pck.number");
    return static_cast<std::uint16_t>(*found);
  }

  judged<void> tcb(der_reader& from) {
    auto value = attribute(from, {2});
    if (!value) return value.error();
    auto fields = value->sequence();
    if (!fields) return fields.error();
    for (unsigned char i = 0; i != out_.components.size(); ++i) {
      const auto svn = number(*fields, {2, static_cast<unsigned char>(i + 1)}, 0xFF);
      if (!svn) return svn.error();
      out_.components[i] = static_cast<std::uint8_t>(*svn);
    }
    const auto pcesvn = number(*fields, {2, 17}, 0xFFFF);
    if (!pcesvn) return pcesvn.error();
    out_.pcesvn = *pcesvn;
    if (const auto read = octets(*fields, {2, 18}, out_.cpusvn); !read) return read.error();
    if (!fields->end() || !value->end()) return refused("pck.unknown_attribute");
    return {};
  }

  judged<void> type(der_reader& from) {
    auto value = attribute(from, {5});
    if (!value) return value.error();
    const auto found = value->element(enumerated);
    if (!found) return found.error();
    if (found->content.size() != 1 || found->content[0] > std::byte{2} || !value->end())
      return refused("pck.sgx_type");
    out_.type = static_cast<sgx_type>(found->content[0]);
    return {};
  }

  /// Whether packages may be added, whether Intel keeps the keys, whether hyper-threading is on:
  /// three flags that nobody here asks for.
  static judged<void> configuration(der_reader& from) {
    auto value = attribute(from, {7});
    if (!value) return value.error();
    auto fields = value->sequence();
    if (!fields) return fields.error();
    for (unsigned char i = 1; i <= 3; ++i) {
      auto flag = attribute(*fields, {7, i});
      if (!flag) return flag.error();
      if (!flag->boolean() || !flag->end()) return refused("pck.configuration");
    }
    if (!fields->end() || !value->end()) return refused("pck.unknown_attribute");
    return {};
  }

  pck_extension out_;
};

}  // namespace detail

/// Reads the extension of a PCK certificate.
///
/// `errc::attest_chain_invalid` where it has none (`pck.extension_missing`): it is then no
/// certificate of a platform. `errc::attest_malformed` where the extension is not what Intel writes,
/// every attribute in its place: `pck.*` and `der.*`.
inline judged<pck_extension> read_pck_extension(const x509_certificate& certificate) {
  const auto value = certificate.extension(pck_extension::name);
  if (!value) return refusal{errc::attest_chain_invalid, "pck.extension_missing"};
  return detail::pck_extension_reader{}.read(*value);
}

}  // namespace enfilade
