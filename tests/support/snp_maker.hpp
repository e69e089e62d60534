// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/snp/snp_verifier.hpp>
#include <enfilade/cipher/der_signature.hpp>
#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/test_authority.hpp"

/// SEV-SNP reports for rules that real ones cannot show: any field may be wrong, and the signature is
/// right all the same, under roots that were made for this test.
namespace test {

/// A name as AMD writes it.
inline bytes amd_name(std::string_view common) {
  const auto attribute = [](std::string_view type, unsigned tag, std::string_view value) {
    return der(0x31, {der(0x30, {der(6, {hex(type)}), text(tag, value)})});
  };
  return der(0x30, {attribute("55040b", 0x0C, "Engineering"), attribute("550406", 0x13, "US"),
                    attribute("550407", 0x0C, "Santa Clara"), attribute("550408", 0x0C, "CA"),
                    attribute("55040a", 0x0C, "Advanced Micro Devices"),
                    attribute("550403", 0x0C, common)});
}

/// An extension of AMD's arc: `amd_extension("0308", integer(115))` is that of the microcode.
inline bytes amd_extension(std::string_view arcs, const bytes& value) {
  return extension("2b060104019c7801" + std::string{arcs}, value);
}

/// AMD's extensions of a certificate, each as it will stand in it; `set` changes one, `drop` leaves
/// it out.
class snp_extensions {
 public:
  /// Of a VCEK of Milan or Genoa.
  static snp_extensions vcek(std::string_view product = "Milan-B0") {
    snp_extensions out;
    out.set("01", integer(0)).set("02", text(0x16, product));
    out.set("0301", integer(4)).set("0302", integer(0)).set("0303", integer(24));
    for (const char* spl : {"0304", "0305", "0306", "0307"}) out.set(spl, integer(0));
    out.set("0308", integer(219)).set("04", bytes(64, std::byte{0xC1}));
    return out;
  }
  static snp_extensions turin_vcek() {
    snp_extensions out = vcek("Turin");
    out.set("01", integer(1)).set("0309", integer(1)).set("04", bytes(8, std::byte{0xC1}));
    return out.drop("0304");
  }
  static snp_extensions vlek(std::string_view product = "Milan") {
    snp_extensions out = vcek(product);
    return out.drop("04").set("05", text(0x16, "CN=cloud.example"));
  }

  snp_extensions& set(std::string_view arcs, bytes value) {
    const auto at = std::ranges::find(all_, arcs, [](const auto& one) { return one.first; });
    if (at == all_.end()) {
      all_.emplace_back(arcs, std::move(value));
    } else {
      at->second = std::move(value);
    }
    return *this;
  }
  snp_extensions& drop(std::string_view arcs) {
    std::erase_if(all_, [arcs](const auto& one) { return one.first == arcs; });
    return *this;
  }

  std::vector<bytes> encoded() const {
    std::vector<bytes> out;
    for (const auto& [arcs, value] : all_) out.push_back(amd_extension(arcs, value));
    return out;
  }

 private:
  std::vector<std::pair<std::string, bytes>> all_;
};

/// A report, byte by byte: a good one of version 3 on Milan, until a test spoils it. Its signature is
/// zero.
class snp_report_fields {
 public:
  snp_report_fields() {
    put<std::uint32_t>(0x000, 3).put<std::uint64_t>(0x008, 0x30000).put<std::uint32_t>(0x034, 1);
    put<std::uint64_t>(0x040, 0x25).put<std::uint32_t>(0x004, 7);
    fill(0x010, 16, 0xF1).fill(0x020, 16, 0x11).fill(0x050, 64, 0xDA).fill(0x090, 48, 0x3E);
    fill(0x0C0, 32, 0x05).fill(0x0E0, 48, 0x1D).fill(0x140, 32, 0x1E).fill(0x160, 32, 0xFF);
    fill(0x1A0, 64, 0xC1);
    processor(0x19, 0x01);
    for (const std::size_t tcb : {0x038U, 0x180U, 0x1E0U, 0x1F0U})
      put<std::uint64_t>(tcb, 0xDB18'0000'0000'0004);
    for (const std::size_t firmware : {0x1E8U, 0x1ECU})
      put<std::uint8_t>(firmware, 29)
          .put<std::uint8_t>(firmware + 1, 55)
          .put<std::uint8_t>(firmware + 2, 1);
  }

  static snp_report_fields turin() {
    snp_report_fields out;
    out.processor(0x1A, 0x02).fill(0x1A8, 56, 0);
    for (const std::size_t tcb : {0x038U, 0x180U, 0x1E0U, 0x1F0U})
      out.put<std::uint64_t>(tcb, 0xDB00'0000'1800'0401);
    return out;
  }

  template <class T>
  snp_report_fields& put(std::size_t at, T value) {
    enfilade::detail::store_le(all_.data() + at, value);
    return *this;
  }
  snp_report_fields& fill(std::size_t at, std::size_t size, unsigned value) {
    std::fill_n(all_.begin() + static_cast<std::ptrdiff_t>(at), size,
                static_cast<std::byte>(value));
    return *this;
  }
  snp_report_fields& processor(std::uint8_t family, std::uint8_t model) {
    return put<std::uint8_t>(0x188, family)
        .put<std::uint8_t>(0x189, model)
        .put<std::uint8_t>(0x18A, family == 0 ? 0 : 1);
  }
  snp_report_fields& version(std::uint32_t number) {
    if (number == 2) processor(0, 0);
    return put(0x000, number);
  }

  /// The report without a signature.
  const bytes& encoded() const { return all_; }

 private:
  bytes all_ = bytes(enfilade::snp_report::size);
};

/// A machine with authorities of its own: three roots, the issuer of its key, and the key that signs
/// reports. All certificates are those of 2024 unless a test spoils one and calls `issue`.
class snp_maker {
 public:
  /// By default a Milan with a VCEK.
  explicit snp_maker(std::string_view product = "Milan", bool vlek = false) : product_(product) {
    root_fields.subject = root_fields.issuer = amd_name("ARK-" + product_);
    root_fields.extensions = {authority(), signs_certificates_and_lists()};
    issuer_fields.issuer = root_fields.subject;
    issuer_fields.subject = amd_name((vlek ? "SEV-VLEK-" : "SEV-") + product_);
    issuer_fields.serial = integer(0x10001);
    issuer_fields.extensions = {authority("020100"), signs_certificates_and_lists()};
    leaf_fields.serial = integer(0);
    leaf_fields.issuer = issuer_fields.subject;
    leaf_fields.subject = amd_name(vlek ? "SEV-VLEK" : "SEV-VCEK");
    root_fields.key_info = root_key_.key_info();
    issuer_fields.key_info = issuer_key_.key_info();
    leaf_fields.key_info = leaf_key_.key_info();
    const bool turin = product == "Turin";
    if (turin) report = snp_report_fields::turin();
    if (product == "Genoa") report.processor(0x19, 0x11);
    extensions = vlek    ? snp_extensions::vlek(product)
                 : turin ? snp_extensions::turin_vcek()
                         : snp_extensions::vcek(product == "Milan" ? "Milan-B0" : product);
    if (vlek) report.put<std::uint32_t>(0x048, 4).fill(0x1A0, 64, 0);
    list_fields.issuer = root_fields.subject;
    issue();
  }

  certificate_fields root_fields;
  certificate_fields issuer_fields;
  certificate_fields leaf_fields;
  snp_extensions extensions;
  snp_report_fields report;
  /// Of the root's list, which revokes number 7.
  crl_fields list_fields;

  /// Makes the certificates of the fields.
  void issue() {
    leaf_fields.extensions = extensions.encoded();
    root_ = root_fields.signed_by(root_key_);
    certificates = {leaf_fields.signed_by(leaf_signer()), issuer_fields.signed_by(root_key_)};
  }

  /// Leaf and issuer; what is given with a report.
  std::vector<bytes> certificates;
  std::vector<bytes> lists;

  const bytes& root() const { return root_; }
  bytes list() const { return list_fields.signed_by(root_key_); }
  bytes list_of_issuer() const {
    crl_fields fields = list_fields;
    fields.issuer = issuer_fields.subject;
    return fields.signed_by(issuer_key_);
  }
  /// Whether the leaf is signed with a key that its issuer does not have.
  bool forged_leaf = false;

  /// The report of the fields, signed as the secure processor does it.
  bytes document() const {
    bytes out = report.encoded();
    const auto halves = enfilade::read_der_signature<48>(
        leaf_key_.sign(std::span{out}.first(enfilade::snp_report::signed_size)));
    std::reverse_copy(halves->begin(), halves->begin() + 48, out.begin() + 0x2A0);
    std::reverse_copy(halves->begin() + 48, halves->end(), out.begin() + 0x2E8);
    return out;
  }

  /// What is found of `document` with these certificates and lists, under this maker's root.
  template <class Check = enfilade::x509_signature_check>
  enfilade::snp_verification verified(const bytes& document, std::chrono::sys_seconds now,
                                      const enfilade::snp_options& options = {},
                                      Check&& check = {}) const {
    enfilade::detail::snp_root_set roots = enfilade::detail::amd_roots();
    const int at = product_ == "Milan" ? 0 : product_ == "Genoa" ? 1 : 2;
    roots[static_cast<std::size_t>(at)] = root_;
    const std::vector<enfilade::detail::byte_span> given(certificates.begin(), certificates.end());
    const std::vector<enfilade::detail::byte_span> revoked(lists.begin(), lists.end());
    return enfilade::detail::snp_verifier{roots, now, options}.verify(document, {given, revoked},
                                                                      check);
  }

 private:
  const signing_key& leaf_signer() const { return forged_leaf ? leaf_key_ : issuer_key_; }

  std::string product_;
  signing_key root_key_;
  signing_key issuer_key_;
  signing_key leaf_key_;
  bytes root_;
};

}  // namespace test
