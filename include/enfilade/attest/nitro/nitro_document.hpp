// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/cose/cbor.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace enfilade {

/// What the Nitro hypervisor says of an enclave: the payload of an attestation document, taken
/// apart. Looks into the bytes that it was read from; nothing of it is proven.
struct nitro_document {
  static constexpr std::size_t registers = 32;
  static constexpr std::size_t register_size = 48;
  static constexpr std::size_t max_bundle = 8;

  std::string_view module_id;      ///< the instance and the enclave's number on it; printable
  std::uint64_t timestamp_ms = 0;  ///< since 1970, UTC

  /// The platform configuration registers (SHA-384); empty where the document has none of it.
  std::array<detail::byte_span, registers> pcrs{};

  detail::byte_span certificate;  ///< DER, of the key that signed

  /// The authorities' certificates, the root first; `bundle_size` of them.
  std::array<detail::byte_span, max_bundle> bundle{};
  std::size_t bundle_size = 0;

  // What the enclave asked to have in it; nothing where it is null or absent.
  std::optional<detail::byte_span> public_key;
  std::optional<detail::byte_span> user_data;
  std::optional<detail::byte_span> nonce;

  std::span<const detail::byte_span> cabundle() const noexcept {
    return std::span{bundle}.first(bundle_size);
  }

  /// Whether the enclave was started in debug mode, where the parent instance reads its console:
  /// PCR0, PCR1 or PCR2 is all zero. All three are then; a digest never is.
  bool is_debug() const noexcept {
    return std::ranges::any_of(std::span{pcrs}.first<3>(), [](detail::byte_span pcr) {
      return std::ranges::all_of(pcr, [](std::byte b) { return b == std::byte{0}; });
    });
  }
};

namespace detail {

class nitro_document_reader {
 public:
  judged<nitro_document> read(byte_span payload) {
    const auto document = cbor_document::read(payload);
    if (!document) return document.error();
    if (document->root().kind() != cbor_kind::map) return malformed("nitro.not_a_map");
    for (const auto& [key, value] : document->root().entries())
      if (const std::string_view rule = field(key.text().value_or(""), value); !rule.empty())
        return malformed(rule);
    // Every field but the last three must be there. Duplicates were refused as CBOR.
    if (out_.module_id.empty()) return malformed("nitro.module_id_missing");
    if (!digest_named_) return malformed("nitro.digest_missing");
    if (out_.timestamp_ms == 0) return malformed("nitro.timestamp_missing");
    if (std::ranges::any_of(std::span{out_.pcrs}.first<3>(), &byte_span::empty))
      return malformed("nitro.pcr_missing");
    if (out_.certificate.empty()) return malformed("nitro.certificate_missing");
    if (out_.bundle_size == 0) return malformed("nitro.cabundle_missing");
    return out_;
  }

 private:
  static constexpr std::size_t max_certificate = 1024;
  static constexpr std::size_t max_told = 1024;
  static constexpr std::size_t max_module_id = 128;
  // The last millisecond of the year 9999, after which there are no dates.
  static constexpr std::uint64_t last_timestamp = 253'402'300'799'999;

  static refusal malformed(std::string_view rule) { return {errc::attest_malformed, rule}; }

  /// Returns the rule that the field breaks; empty where it is as it must be.
  std::string_view field(std::string_view key, cbor_value value) {
    if (key == "module_id") return module_id(value);
    if (key == "digest") {
      digest_named_ = value.text() == "SHA384";
      return digest_named_ ? std::string_view{} : "nitro.digest";
    }
    if (key == "timestamp") {
      out_.timestamp_ms = value.unsigned_number().value_or(0);
      return out_.timestamp_ms == 0 || out_.timestamp_ms > last_timestamp ? "nitro.timestamp"
                                                                          : std::string_view{};
    }
    if (key == "pcrs") return pcrs(value);
    if (key == "certificate") {
      return bounded(value, 1, max_certificate, out_.certificate) ? std::string_view{}
                                                                  : "nitro.certificate";
    }
    if (key == "cabundle") return cabundle(value);
    if (key == "public_key") return told(value, 1, out_.public_key, "nitro.public_key");
    if (key == "user_data") return told(value, 0, out_.user_data, "nitro.user_data");
    if (key == "nonce") return told(value, 0, out_.nonce, "nitro.nonce");
    return "nitro.unknown_field";
  }

  std::string_view module_id(cbor_value value) {
    out_.module_id = value.text().value_or("");
    const bool printable =
        std::ranges::all_of(out_.module_id, [](char c) { return c > ' ' && c <= '~'; });
    return !printable || out_.module_id.empty() || out_.module_id.size() > max_module_id
               ? "nitro.module_id"
               : std::string_view{};
  }

  std::string_view pcrs(cbor_value value) {
    if (value.kind() != cbor_kind::map || value.size() == 0) return "nitro.pcrs";
    for (const auto& [index, digest] : value.entries()) {
      // A key that is no number becomes an index that there is not.
      const std::uint64_t at = index.unsigned_number().value_or(nitro_document::registers);
      if (at >= nitro_document::registers) return "nitro.pcr_index";
      constexpr std::size_t size = nitro_document::register_size;
      if (!bounded(digest, size, size, out_.pcrs[static_cast<std::size_t>(at)]))
        return "nitro.pcr_size";
    }
    return {};
  }

  std::string_view cabundle(cbor_value value) {
    if (value.kind() != cbor_kind::array || value.size() == 0 ||
        value.size() > nitro_document::max_bundle)
      return "nitro.cabundle";
    for (const cbor_value certificate : value.elements())
      if (!bounded(certificate, 1, max_certificate, out_.bundle[out_.bundle_size++]))
        return "nitro.cabundle_certificate";
    return {};
  }

  static std::string_view told(cbor_value value, std::size_t least, std::optional<byte_span>& out,
                               std::string_view rule) {
    if (value.is_null()) return {};  // what the hypervisor writes for a field that nobody gave
    byte_span bytes;
    if (!bounded(value, least, max_told, bytes)) return rule;
    out = bytes;
    return {};
  }

  static bool bounded(cbor_value value, std::size_t least, std::size_t most, byte_span& out) {
    const std::optional<byte_span> bytes = value.bytes();
    if (!bytes || bytes->size() < least || bytes->size() > most) return false;
    out = *bytes;
    return true;
  }

  nitro_document out_;
  bool digest_named_ = false;
};

}  // namespace detail

/// Takes the payload of a Nitro attestation document apart (AWS, "Nitro Enclaves attestation
/// process" §3.1); `errc::attest_malformed` with the rule where it is none.
///
/// As the hypervisor writes it, not as the text has it: a map of known length or with a break, and
/// `public_key`, `user_data` and `nonce` absent, null or at most 1024 bytes. PCR0 to PCR2 must be
/// there, and a field that is not in the text is refused: what nobody here understands, nobody here
/// can vouch for.
inline judged<nitro_document> read_nitro_document(detail::byte_span payload) {
  return detail::nitro_document_reader{}.read(payload);
}

}  // namespace enfilade
