// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/tdx/tdx_collateral.hpp>
#include <enfilade/attest/tdx/tdx_endorsements.hpp>
#include <enfilade/cipher/der_signature.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>

#include <cryptopp/eccrypto.h>
#include <cryptopp/oids.h>
#include <cryptopp/osrng.h>
#include <cryptopp/sha.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/pem_writer.hpp"
#include "support/test_authority.hpp"

/// Quotes and collateral for rules that real ones cannot show: any field may be wrong, and the
/// signatures are right all the same, under a root that was made for this test.
namespace test {

/// A key of P-256 that was made for this test, and its signatures.
class p256_key {
 public:
  p256_key() { key_.Initialize(key_randomness(), CryptoPP::ASN1::secp256r1()); }

  /// ecdsa-with-SHA256.
  static bytes algorithm() { return hex("300a06082a8648ce3d040302"); }

  /// x and y.
  bytes point() const {
    CryptoPP::ECDSA<CryptoPP::ECP, CryptoPP::SHA256>::PublicKey key;
    key_.MakePublicKey(key);
    bytes out(64);
    const auto& q = key.GetPublicElement();
    q.x.Encode(reinterpret_cast<CryptoPP::byte*>(out.data()), 32);
    q.y.Encode(reinterpret_cast<CryptoPP::byte*>(out.data() + 32), 32);
    return out;
  }

  bytes key_info() const {
    return der(0x30,
               {hex("301306072a8648ce3d020106082a8648ce3d030107"), der(3, {hex("0004"), point()})});
  }

  /// r and s.
  bytes sign_raw(std::span<const std::byte> message) const {
    CryptoPP::ECDSA<CryptoPP::ECP, CryptoPP::SHA256>::Signer signer{key_};
    bytes halves(64);
    signer.SignMessage(key_randomness(), reinterpret_cast<const CryptoPP::byte*>(message.data()),
                       message.size(), reinterpret_cast<CryptoPP::byte*>(halves.data()));
    return halves;
  }

  /// In the form of X.509.
  bytes sign(std::span<const std::byte> message) const { return signature_der(sign_raw(message)); }

 private:
  CryptoPP::ECDSA<CryptoPP::ECP, CryptoPP::SHA256>::PrivateKey key_;
};

template <class T>
bytes little_endian(T value) {
  bytes out(sizeof value);
  enfilade::detail::store_le(out.data(), value);
  return out;
}

/// The extension of a platform's certificate, attribute by attribute as encoded.
struct pck_attributes {
  static bytes attribute(std::string_view arcs, const bytes& value) {
    return der(0x30, {der(6, {hex("2a864886f84d010d01" + std::string{arcs})}), value});
  }
  static bytes octets(std::string_view arcs, const bytes& content) {
    return attribute(arcs, der(4, {content}));
  }

  pck_attributes() {
    for (unsigned i = 1; i <= 16; ++i)
      tcb.push_back(attribute("02" + enfilade::detail::to_hex(std::array{std::byte(i)}),
                              integer(i <= 8 ? 5 : 0)));
    tcb.push_back(attribute("0211", integer(13)));
    tcb.push_back(octets("0212", bytes(16, std::byte{3})));
  }

  bytes ppid = octets("01", bytes(16, std::byte{0xAB}));
  std::vector<bytes> tcb;  ///< the 16 components, PCESVN, CPUSVN
  bytes behind_tcb;
  bytes pceid = octets("03", hex("0000"));
  bytes fmspc = octets("04", hex("b0c06f000000"));
  bytes type = attribute("05", hex("0a0101"));
  bytes instance = octets("06", bytes(16, std::byte{0xCD}));
  std::vector<bytes> configuration{attribute("0701", hex("0101ff")),
                                   attribute("0702", hex("010100")),
                                   attribute("0703", hex("0101ff"))};
  bytes behind;

  bytes encoded() const {
    const bytes settings =
        configuration.empty() ? bytes{} : attribute("07", der(0x30, {joined(configuration)}));
    return der(0x30, {ppid, attribute("02", joined({der(0x30, {joined(tcb)}), behind_tcb})), pceid,
                      fmspc, type, instance, settings, behind});
  }
  bytes as_extension() const { return extension("2a864886f84d010d01", encoded()); }
};

/// A machine with TDX and its maker: root, authority for platforms, platform, quoting enclave, and
/// the signer of collateral. All certificates are those of 2024, all lists and documents those of
/// June 2024, unless a test spoils one and calls `issue`.
class tdx_maker {
 public:
  // Where things are in the body of a quote and in the report of the quoting enclave.
  static constexpr std::size_t svn = 0, mrsignerseam = 64, seam_attributes = 112,
                               td_attributes = 120, xfam = 128;
  static constexpr std::size_t qe_misc = 16, qe_attributes = 48, qe_mrsigner = 128,
                               qe_prod_id = 256, qe_svn = 258;

  tdx_maker() {
    for (certificate_fields* one : {&root_fields, &authority_fields, &pck_fields, &signer_fields})
      one->algorithm = one->outer_algorithm = p256_key::algorithm();
    root_fields.issuer = root_fields.subject = name("Intel SGX Root CA");
    root_fields.extensions = {authority("020101"), signs_certificates_and_lists()};
    root_fields.key_info = root_key.key_info();
    authority_fields.issuer = name("Intel SGX Root CA");
    authority_fields.subject = name("Intel SGX PCK Platform CA");
    authority_fields.extensions = {authority("020100"), signs_certificates_and_lists()};
    authority_fields.key_info = authority_key.key_info();
    authority_fields.serial = integer(2);
    pck_fields.issuer = name("Intel SGX PCK Platform CA");
    pck_fields.subject = name("Intel SGX PCK Certificate");
    pck_fields.key_info = pck_key.key_info();
    pck_fields.serial = integer(3);
    signer_fields.issuer = name("Intel SGX Root CA");
    signer_fields.subject = name("Intel SGX TCB Signing");
    signer_fields.key_info = signer_key.key_info();
    signer_fields.serial = integer(4);
    for (crl_fields* one : {&pck_list, &root_list})
      one->algorithm = one->outer_algorithm = p256_key::algorithm();
    pck_list.issuer = name("Intel SGX PCK Platform CA");
    root_list.issuer = name("Intel SGX Root CA");

    put(body, svn, hex("05010300000000000000000000000000"));
    put(body, td_attributes, hex("0000001000000000"));
    put(body, xfam, hex("e702060000000000"));
    put(qe_report, qe_attributes, hex("1500000000000000e700000000000000"));
    put(qe_report, qe_mrsigner,
        hex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5"));
    put(qe_report, qe_prod_id, hex("02000600"));
    issue();
  }

  p256_key root_key, authority_key, pck_key, signer_key, attestation_key;
  certificate_fields root_fields, authority_fields, pck_fields, signer_fields;
  pck_attributes platform;
  crl_fields pck_list, root_list;

  /// Makes the certificates of the fields.
  void issue() {
    pck_fields.extensions = {no_authority(), signs_documents(), platform.as_extension()};
    certify();
  }
  /// As `issue`, with the extensions of the platform's certificate as they are.
  void certify() {
    root_ = root_fields.signed_by(root_key);
    authority_ = authority_fields.signed_by(root_key);
    pck_ = pck_fields.signed_by(authority_key);
    signer_ = signer_fields.signed_by(root_key);
    certificates = pem(pck_) + pem(authority_) + pem(root_);
    issuers = pem(signer_) + pem(root_);
  }

  // Of the quote. What is longer than it should be is written so.
  std::uint16_t version = 4;
  std::uint16_t key_type = 2;
  std::uint32_t tee = 0x81;
  bytes vendor = hex("939a7233f79c4ca9940a0db3957f0607");
  std::uint16_t body_type = 2;  ///< of version 5
  bytes body = filled_body();
  bytes qe_report = bytes(384);
  bytes authentication = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  std::optional<bytes> bound;  ///< the report data of the quoting enclave; else what it must be
  std::uint16_t outer_type = 6;
  std::uint16_t inner_type = 5;
  std::string certificates;  ///< PEM, the platform's first
  // What is said to be there and is not.
  std::uint32_t more_body = 0, more_signature = 0, more_certification = 0, more_certificates = 0;
  bytes trailing;

  const bytes& root() const { return root_; }
  const bytes& pck() const { return pck_; }

  /// TDX 1.5, in a quote of version 5.
  void become_tdx_15() {
    version = 5;
    body_type = 3;
    body.resize(648, std::byte{0x77});
    put(body, 584, hex("06010300000000000000000000000000"));
  }

  static void put(bytes& into, std::size_t at, const bytes& what) {
    std::ranges::copy(what, into.begin() + static_cast<std::ptrdiff_t>(at));
  }

  bytes quote() const {
    bytes signed_part = joined({little_endian(version), little_endian(key_type), little_endian(tee),
                                bytes(4), vendor, bytes(20, std::byte{9})});
    if (version == 5)
      signed_part = joined({signed_part, little_endian(body_type),
                            little_endian(static_cast<std::uint32_t>(body.size()) + more_body)});
    signed_part = joined({signed_part, body});
    const bytes point = attestation_key.point();
    bytes report = qe_report;
    const auto digest = enfilade::sha256(point, authentication);
    put(report, 320, bound.value_or(bytes{digest.begin(), digest.end()}));
    const auto text = enfilade::detail::bytes_of(certificates);
    const bytes certification =
        joined({report, pck_key.sign_raw(report),
                little_endian(static_cast<std::uint16_t>(authentication.size())), authentication,
                little_endian(inner_type),
                little_endian(static_cast<std::uint32_t>(certificates.size()) + more_certificates),
                bytes{text.begin(), text.end()}});
    const bytes signature = joined(
        {attestation_key.sign_raw(signed_part), point, little_endian(outer_type),
         little_endian(static_cast<std::uint32_t>(certification.size()) + more_certification),
         certification});
    return joined({signed_part,
                   little_endian(static_cast<std::uint32_t>(signature.size()) + more_signature),
                   signature, trailing});
  }

  // Of the collateral.
  nlohmann::json tcb_info = good_tcb_info();
  nlohmann::json qe_identity = good_qe_identity();
  std::string issuers;  ///< PEM, the signer first
  std::optional<std::string> qe_issuers;

  static nlohmann::json good_tcb_info() {
    const std::string zeros(96, '0');
    const nlohmann::json module{{"mrsigner", zeros},
                                {"attributes", "0000000000000000"},
                                {"attributesMask", "FFFFFFFFFFFFFFFF"}};
    nlohmann::json named = module;
    named["id"] = "TDX_01";
    named["tcbLevels"] = {software_level(4, "UpToDate"),
                          software_level(2, "OutOfDate", {"INTEL-SA-01036"})};
    return {{"id", "TDX"},
            {"version", 3},
            {"issueDate", "2024-06-01T00:00:00Z"},
            {"nextUpdate", "2024-07-01T00:00:00Z"},
            {"fmspc", "B0C06F000000"},
            {"pceId", "0000"},
            {"tcbType", 0},
            {"tcbEvaluationDataNumber", 17},
            {"tdxModule", module},
            {"tdxModuleIdentities", {named}},
            {"tcbLevels",
             {level(5, 13, 3, "UpToDate"), level(4, 11, 2, "OutOfDate", {"INTEL-SA-00837"})}}};
  }

  static nlohmann::json good_qe_identity() {
    return {{"id", "TD_QE"},
            {"version", 2},
            {"issueDate", "2024-06-02T00:00:00Z"},
            {"nextUpdate", "2024-07-02T00:00:00Z"},
            {"tcbEvaluationDataNumber", 16},
            {"miscselect", "00000000"},
            {"miscselectMask", "FFFFFFFF"},
            {"attributes", "11000000000000000000000000000000"},
            {"attributesMask", "FBFFFFFFFFFFFFFF0000000000000000"},
            {"mrsigner", "DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5"},
            {"isvprodid", 2},
            {"tcbLevels", {software_level(4, "UpToDate")}}};
  }

  /// Eight components of the platform, PCESVN, and the late microcode of TDX.
  static nlohmann::json level(int components, int pcesvn, int microcode, const char* status,
                              const std::vector<std::string>& advisories = {}) {
    nlohmann::json sgx = nlohmann::json::array();
    nlohmann::json tdx = nlohmann::json::array();
    for (int i = 0; i != 16; ++i) {
      sgx.push_back({{"svn", i < 8 ? components : 0}, {"category", "BIOS"}});
      tdx.push_back({{"svn", i == 0 ? 5 : i == 2 ? microcode : 0}});
    }
    nlohmann::json out{
        {"tcb", {{"sgxtcbcomponents", sgx}, {"pcesvn", pcesvn}, {"tdxtcbcomponents", tdx}}},
        {"tcbDate", "2024-03-13T00:00:00Z"},
        {"tcbStatus", status}};
    if (!advisories.empty()) out["advisoryIDs"] = advisories;
    return out;
  }

  static nlohmann::json software_level(int isvsvn, const char* status,
                                       const std::vector<std::string>& advisories = {}) {
    nlohmann::json out{
        {"tcb", {{"isvsvn", isvsvn}}}, {"tcbDate", "2024-03-13T00:00:00Z"}, {"tcbStatus", status}};
    if (!advisories.empty()) out["advisoryIDs"] = advisories;
    return out;
  }

  /// The collateral in the form that `read_tdx_collateral` reads.
  nlohmann::json collateral() const {
    const std::string info = tcb_info.dump();
    const std::string identity = qe_identity.dump();
    const auto signature = [&](const std::string& text) {
      return enfilade::detail::to_hex(signer_key.sign_raw(enfilade::detail::bytes_of(text)));
    };
    return {{"tcb_info", info},
            {"tcb_info_signature", signature(info)},
            {"tcb_info_issuer_chain", issuers},
            {"qe_identity", identity},
            {"qe_identity_signature", signature(identity)},
            {"qe_identity_issuer_chain", qe_issuers.value_or(issuers)},
            {"pck_crl", enfilade::detail::to_hex(pck_list.signed_by(authority_key))},
            {"root_ca_crl", enfilade::detail::to_hex(root_list.signed_by(root_key))}};
  }

  enfilade::tdx_endorsements endorsements() const {
    auto read = enfilade::read_tdx_collateral(collateral().dump());
    if (!read) throw std::logic_error{std::string{read.error().rule}};
    return *read;
  }

 private:
  static bytes filled_body() {
    bytes out(584);
    // From MRTD on, each register with a byte of its own.
    for (std::size_t i = 136; i != out.size(); ++i)
      out[i] = static_cast<std::byte>(0x10 + (i - 136) / 48);
    put(out, 16, bytes(48, std::byte{0x0F}));
    return out;
  }

  bytes root_, authority_, pck_, signer_;
};

}  // namespace test
