// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace enfilade {

/// A report about an SGX enclave (Intel SDM, volume 3D, §37.15): here about the quoting enclave.
struct sgx_report {
  static constexpr std::size_t size = 384;

  detail::byte_span whole;
  detail::byte_span misc_select;  ///< 4 bytes
  detail::byte_span attributes;   ///< 16 bytes
  detail::byte_span mrsigner;     ///< 32 bytes: who made the enclave
  std::uint16_t isvprodid = 0;
  std::uint16_t isvsvn = 0;
  detail::byte_span report_data;  ///< 64 bytes
};

/// A quote about a TDX guest, taken apart. Looks into the bytes that it was read from; nothing of it
/// is proven.
struct tdx_quote {
  static constexpr std::size_t register_size = 48;

  std::uint16_t version = 0;  ///< 4 or 5
  bool is_tdx_15 = false;     ///< whether the last two fields of the body are there

  detail::byte_span signed_part;  ///< header and body

  // The body, as the TDX module wrote it.
  detail::byte_span tee_tcb_svn;      ///< 16 bytes: security versions of the module and below
  detail::byte_span mrseam;           ///< of the TDX module
  detail::byte_span mrsignerseam;     ///< who made the module; zero: Intel
  detail::byte_span seam_attributes;  ///< 8 bytes
  std::uint64_t td_attributes = 0;
  std::uint64_t xfam = 0;  ///< extended features that the guest may use
  detail::byte_span mrtd;  ///< of the guest as it was built
  detail::byte_span mrconfigid;
  detail::byte_span mrowner;
  detail::byte_span mrownerconfig;
  std::array<detail::byte_span, 4> rtmrs;  ///< what the guest measured since
  detail::byte_span report_data;           ///< 64 bytes: what the guest asked to have in it
  detail::byte_span tee_tcb_svn2;          ///< of the module after an update; empty before 1.5
  detail::byte_span mrservicetd;           ///< of guests bound to this one; empty before 1.5

  detail::byte_span signature;        ///< r and s, over `signed_part`, by the next
  detail::byte_span attestation_key;  ///< x and y on P-256
  sgx_report qe;
  detail::byte_span qe_signature;  ///< r and s, over the report, by the platform's key
  detail::byte_span qe_authentication;
  std::string_view certificates;  ///< PEM, the platform's first
  std::size_t trailing_bytes = 0;
};

namespace detail {

class tdx_quote_reader {
 public:
  explicit tdx_quote_reader(byte_span bytes) noexcept : all_(bytes), rest_(bytes) {}

  judged<tdx_quote> read() {
    if (const auto header = read_header(); !header) return header.error();
    if (const auto body = read_body(); !body) return body.error();
    out_.signed_part = all_.first(all_.size() - rest_.size());
    if (const auto signature = read_signature(); !signature) return signature.error();
    out_.trailing_bytes = rest_.size();
    return out_;
  }

 private:
  static constexpr std::uint32_t tee_tdx = 0x81;
  static constexpr std::uint16_t key_ecdsa_p256 = 2;
  static constexpr std::uint16_t certification_qe_report = 6;
  static constexpr std::uint16_t certification_pck_chain = 5;
  static constexpr std::size_t max_authentication = 1024;
  static constexpr std::size_t max_certificates = 8 * 1024;

  // "Intel", as the quoting enclave's vendor.
  static constexpr std::array<unsigned char, 16> vendor{0x93, 0x9A, 0x72, 0x33, 0xF7, 0x9C,
                                                        0x4C, 0xA9, 0x94, 0x0A, 0x0D, 0xB3,
                                                        0x95, 0x7F, 0x06, 0x07};

  static refusal malformed(std::string_view rule) noexcept {
    return {errc::attest_malformed, rule};
  }
  static refusal unsupported(std::string_view rule) noexcept {
    return {errc::attest_unsupported_format, rule};
  }

  // Whoever calls these has seen that there are so many bytes.
  byte_span take(std::size_t size) noexcept {
    const byte_span taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  template <std::unsigned_integral T>
  T number() noexcept {
    return load_le<T>(take(sizeof(T)).data());
  }

  judged<void> read_header() {
    if (rest_.size() < 48) return malformed("quote.header_truncated");
    out_.version = number<std::uint16_t>();
    if (out_.version == 3) return unsupported("quote.sgx_version_3");
    if (out_.version != 4 && out_.version != 5) return unsupported("quote.version");
    const auto key_type = number<std::uint16_t>();
    const auto tee = number<std::uint32_t>();
    if (tee == 0) return unsupported("quote.sgx");
    if (tee != tee_tdx) return unsupported("quote.tee_type");
    if (key_type != key_ecdsa_p256) return unsupported("quote.attestation_key_type");
    take(4);  // reserved in quotes of TDX, and signed
    if (!std::ranges::equal(take(16), std::as_bytes(std::span{vendor})))
      return unsupported("quote.qe_vendor");
    take(20);  // the enclave's own data, of no meaning to others
    return {};
  }

  judged<void> read_body() {
    constexpr std::size_t size_10 = 584;
    constexpr std::size_t size_15 = 648;
    std::size_t size = size_10;
    if (out_.version == 5) {
      if (rest_.size() < 6) return malformed("quote.body_truncated");
      const auto type = number<std::uint16_t>();
      if (type == 1) return unsupported("quote.sgx");
      if (type != 2 && type != 3) return unsupported("quote.body_type");
      out_.is_tdx_15 = type == 3;
      if (out_.is_tdx_15) size = size_15;
      if (number<std::uint32_t>() != size) return malformed("quote.body_size");
    }
    if (rest_.size() < size) return malformed("quote.body_truncated");
    constexpr std::size_t one = tdx_quote::register_size;
    out_.tee_tcb_svn = take(16);
    out_.mrseam = take(one);
    out_.mrsignerseam = take(one);
    out_.seam_attributes = take(8);
    out_.td_attributes = number<std::uint64_t>();
    out_.xfam = number<std::uint64_t>();
    out_.mrtd = take(one);
    out_.mrconfigid = take(one);
    out_.mrowner = take(one);
    out_.mrownerconfig = take(one);
    for (byte_span& rtmr : out_.rtmrs) rtmr = take(one);
    out_.report_data = take(64);
    if (!out_.is_tdx_15) return {};
    out_.tee_tcb_svn2 = take(16);
    out_.mrservicetd = take(one);
    return {};
  }

  judged<void> read_signature() {
    if (rest_.size() < 4) return malformed("quote.signature_truncated");
    const auto size = number<std::uint32_t>();
    if (rest_.size() < size) return malformed("quote.signature_truncated");
    const byte_span behind = rest_.subspan(size);
    rest_ = rest_.first(size);  // nothing reads beyond what the length says
    constexpr std::size_t before_certification = 64 + 64 + 6;
    if (rest_.size() < before_certification) return malformed("quote.signature_size");
    out_.signature = take(64);
    out_.attestation_key = take(64);
    if (number<std::uint16_t>() != certification_qe_report)
      return unsupported("quote.certification_type");
    if (number<std::uint32_t>() != rest_.size()) return malformed("quote.signature_size");
    if (const auto read = read_certification(); !read) return read.error();
    rest_ = behind;
    return {};
  }

  judged<void> read_certification() {
    if (rest_.size() < sgx_report::size + 64 + 2) return malformed("quote.certification_size");
    read_qe_report(take(sgx_report::size));
    out_.qe_signature = take(64);
    const auto authentication = number<std::uint16_t>();
    if (authentication > max_authentication) return malformed("quote.qe_authentication_size");
    if (rest_.size() < authentication + std::size_t{6})
      return malformed("quote.certification_size");
    out_.qe_authentication = take(authentication);
    if (number<std::uint16_t>() != certification_pck_chain)
      return unsupported("quote.qe_certification_type");
    if (number<std::uint32_t>() != rest_.size()) return malformed("quote.certification_size");
    if (rest_.size() > max_certificates) return malformed("quote.certificates_size");
    const byte_span pem = take(rest_.size());
    out_.certificates = {reinterpret_cast<const char*>(pem.data()), pem.size()};
    // Some quoting enclaves count the zero of their C string.
    if (out_.certificates.ends_with('\0')) out_.certificates.remove_suffix(1);
    return {};
  }

  void read_qe_report(byte_span report) noexcept {
    out_.qe.whole = report;
    out_.qe.misc_select = report.subspan(16, 4);
    out_.qe.attributes = report.subspan(48, 16);
    out_.qe.mrsigner = report.subspan(128, 32);
    out_.qe.isvprodid = load_le<std::uint16_t>(report.data() + 256);
    out_.qe.isvsvn = load_le<std::uint16_t>(report.data() + 258);
    out_.qe.report_data = report.subspan(320, 64);
  }

  byte_span all_;
  byte_span rest_;
  tdx_quote out_;
};

}  // namespace detail

/// Takes a quote apart (Intel, "TDX DCAP Quoting Library API" §A.3 and §A.4): version 4, or version 5
/// with a body of TDX 1.0 or 1.5; made by Intel's quoting enclave with an ECDSA key on P-256, and
/// with the platform's certificates inside of it.
///
/// `errc::attest_unsupported_format` for every other quote, those of SGX enclaves by a name of their
/// own; `errc::attest_malformed` where a length says anything else than what is there. Rules
/// `quote.*`.
///
/// Bytes behind the quote are counted and left alone: the kernel hands out whole buffers. Everything
/// before them is where its lengths say, with no gap and no choice.
inline judged<tdx_quote> read_tdx_quote(detail::byte_span bytes) {
  return detail::tdx_quote_reader{bytes}.read();
}

}  // namespace enfilade
