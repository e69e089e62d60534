// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/nvidia/hopper_report.hpp>
#include <enfilade/attest/nvidia/nvidia_root.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/verdict.hpp>
#include <enfilade/attest/x509/der.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/attest/x509/x509.hpp>
#include <enfilade/attest/x509/x509_chain.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/cipher/curve.hpp>
#include <enfilade/cipher/ecdsa.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace enfilade {

/// What a genuine report says. That a GPU of NVIDIA's said it to whoever chose the nonce is proven;
/// whether it is good is not: what the measurements of good firmware are stands in reference files
/// that NVIDIA signs and that nobody here reads. Without them it is unknown, too, whether the GPU is
/// in confidential or in developer mode. A deployment may pin what it has seen itself.
struct hopper_claims {
  /// SHA-384 each, empty where there is none; measurement n stands at n - 1. Zeros mean "not used".
  std::array<Measurement, hopper_report::measurements> measurements;

  std::string driver_version;  ///< "550.90.07"
  std::string vbios_version;   ///< "96.00.9f.00.01"
  Measurement firmware_id;     ///< of the firmware that signed; equal to that of its certificate
  Measurement chip_serial;  ///< of the chip's certificate, big-endian: what instance pinning pins
  // Empty or nothing where the report does not say.
  std::string chip_sku;
  std::string project;
  std::string project_sku;
  std::optional<bool> nvdec0_enabled;
  std::optional<bool> protected_pcie;

  std::chrono::sys_seconds valid_until;  ///< when the first certificate of the chain ends
};

/// The outcome of `verify_hopper`.
struct hopper_verification {
  verdict steps;
  std::optional<hopper_claims> claims;  ///< there if, and only if, `steps.accepted()`
};

namespace detail {

// In a certificate of firmware: which firmware that is. The name is that of the Trusted Computing
// Group's DICE; what stands behind it is NVIDIA's, of the form CompositeDeviceID.
inline constexpr object_identifier composite_device_id{2, 23, 133, 5, 4, 1};
inline constexpr object_identifier sha384_name{2, 16, 840, 1, 101, 3, 4, 2, 2};

/// The digest of the firmware in a CompositeDeviceID: version, the key of the device, the firmware's
/// hash and its algorithm.
inline judged<byte_span> read_firmware_id(byte_span extension) noexcept {
  constexpr refusal malformed{errc::attest_malformed, "hopper.certificate_firmware_id"};
  der_reader outer{extension};
  auto fields = outer.sequence();
  if (!fields) return malformed;
  const auto version = fields->number();
  if (!version || *version != 1) return malformed;
  if (!fields->element(der_tag::sequence)) return malformed;
  auto firmware = fields->sequence();
  if (!firmware) return malformed;
  const auto algorithm = firmware->oid();
  if (!algorithm || !(sha384_name == *algorithm)) return malformed;
  const auto digest = firmware->octet_string();
  if (!digest || digest->size() != hopper_report::measurement_size) return malformed;
  if (!firmware->end() || !fields->end() || !outer.end()) return malformed;
  return *digest;
}

class hopper_verifier {
 public:
  /// `kind` is the name of the authority right below the root.
  hopper_verifier(byte_span root, byte_span kind, std::chrono::sys_seconds now) noexcept
      : root_(root), kind_(kind), now_(now) {}

  /// Step by step, the cheap ones first. `check` is asked for each signature of the chain, as
  /// `x509_chain` says.
  template <class Check>
  hopper_verification verify(byte_span evidence, std::span<const byte_span> certificates,
                             std::span<const std::byte, hopper_report::nonce_size> nonce,
                             Check&& check) const {
    hopper_verification out;
    verdict& steps = out.steps;
    if (!steps.check("size", !evidence.empty() && evidence.size() <= hopper_report::max_size,
                     {errc::attest_malformed, "hopper.size"}))
      return skip_rest(std::move(out));
    const auto report = read_hopper_report(evidence);
    if (!steps.check("report", report)) return skip_rest(std::move(out));
    if (!steps.check("nonce", equal(report->nonce, nonce),
                     {errc::attest_binding_mismatch, "hopper.nonce"}))
      return skip_rest(std::move(out));

    const auto root = x509_certificate::parse(root_);
    const auto chain = root ? x509_chain::verify(certificates, x509_order::leaf_first, *root, now_,
                                                 std::forward<Check>(check))
                            : judged<x509_chain>{root.error()};
    if (!steps.check("chain", chain)) return skip_rest(std::move(out));
    steps.skip("revocation", "NVIDIA's lists are not looked at");
    if (!steps.check("device", check_device(*report, *chain))) return skip_rest(std::move(out));

    const auto* key = std::get_if<curve_point<P384>>(&chain->leaf().public_key());
    const auto signature = report->signature.first<hopper_report::signature_size>();
    if (!steps.check("signature",
                     key != nullptr && verify_signature(*key, report->signed_part, signature),
                     {errc::attest_bad_signature, "hopper.signature"}))
      return skip_rest(std::move(out));
    steps.skip("measurements", "there are no reference values to compare them with");
    out.claims = claims_of(*report, *chain);
    return out;
  }

 private:
  // In the order of `verify`.
  static constexpr std::array<std::string_view, 8> names{
      "size", "report", "nonce", "chain", "revocation", "device", "signature", "measurements"};

  static hopper_verification skip_rest(hopper_verification out) {
    for (std::size_t i = out.steps.steps().size(); i != names.size(); ++i)
      out.steps.skip(names[i], "an earlier step failed");
    return out;
  }

  /// Whether the leaf is that of the firmware which reports, on a chip of the right kind.
  judged<void> check_device(const hopper_report& report, const x509_chain& chain) const noexcept {
    // Leaf, chip, ..., kind, root: with fewer, the chip would have been signed by nobody but itself.
    if (chain.size() < 4) return refusal{errc::attest_chain_invalid, "hopper.chain_short"};
    if (!std::ranges::equal(chain[chain.size() - 2].subject(), kind_))
      return refusal{errc::attest_unsupported_format, "hopper.other_device"};
    const auto extension = chain.leaf().extension(composite_device_id);
    if (!extension)
      return refusal{errc::attest_chain_invalid, "hopper.certificate_firmware_id_missing"};
    const auto firmware = read_firmware_id(*extension);
    if (!firmware) return firmware.error();
    if (!std::ranges::equal(*firmware, *report.field(hopper_field::firmware_id)))
      return refusal{errc::attest_chain_invalid, "hopper.other_firmware"};
    return {};
  }

  static hopper_claims claims_of(const hopper_report& report, const x509_chain& chain) {
    hopper_claims out;
    for (std::size_t i = 0; i != report.values.size(); ++i)
      if (!report.values[i].empty()) out.measurements[i] = *Measurement::from(report.values[i]);
    out.driver_version = report.text(hopper_field::driver_version);
    out.vbios_version = report.vbios_version();
    out.firmware_id = *Measurement::from(*report.field(hopper_field::firmware_id));
    out.chip_serial = *Measurement::from(chain[1].serial());
    out.chip_sku = report.text(hopper_field::chip_sku);
    out.project = report.text(hopper_field::project);
    out.project_sku = report.text(hopper_field::project_sku);
    const auto status = [&](hopper_field type) {
      const auto value = report.field(type);
      return value ? std::optional{value->front() == std::byte{0xAA}} : std::nullopt;
    };
    out.nvdec0_enabled = status(hopper_field::nvdec0_status);
    out.protected_pcie = status(hopper_field::protected_pcie);
    out.valid_until = chain.root().not_after();
    for (std::size_t i = 0; i != chain.size(); ++i)
      out.valid_until = std::min(out.valid_until, chain[i].not_after());
    return out;
  }

  byte_span root_;
  byte_span kind_;
  std::chrono::sys_seconds now_;
};

}  // namespace detail

/// Verifies the attestation report of a Hopper GPU, as NVML hands it out, as of `now`. No clock is
/// asked, and nothing but the bytes is looked at.
///
/// `certificates` are in DER, that of the report's key first; NVIDIA's root may be the last of them
/// and is then compared and dropped. `nonce` is what the GPU was asked with: a fresh one, or one made
/// of what the report is to be bound to.
///
/// | step           | what holds when it passed                                                     |
/// |----------------|-------------------------------------------------------------------------------|
/// | `size`         | 1 byte to 8 KiB                                                               |
/// | `report`       | the bytes are as `read_hopper_report` says                                    |
/// | `nonce`        | it is that of the request; else `attest_binding_mismatch`                     |
/// | `chain`        | the certificates lead to NVIDIA's device root, and all are valid at `now`     |
/// | `revocation`   | never asked: NVIDIA answers online only                                       |
/// | `device`       | a chip GH100, and the certificate is that of the firmware that reports        |
/// | `signature`    | the certificate's key signed request and response                             |
/// | `measurements` | never asked: without reference values nothing is said of them                 |
///
/// It stops at the first step that fails. Every byte of the report is signed or must have the value
/// that it has, so no bit of it can be changed; zeros behind it may be more or fewer. `known` may
/// remember good signatures of NVIDIA's authorities.
inline hopper_verification verify_hopper(
    detail::byte_span report, std::span<const detail::byte_span> certificates,
    std::span<const std::byte, hopper_report::nonce_size> nonce, std::chrono::sys_seconds now,
    known_signatures* known = nullptr) {
  return detail::hopper_verifier{nvidia_device_root(), nvidia_gh100_name(), now}.verify(
      report, certificates, nonce, remembering_check{known});
}

}  // namespace enfilade
