// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/cose/cbor.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// One platform configuration register of an enclave.
struct nsm_register {
  bool locked = false;  ///< nobody can extend it until the enclave ends
  std::array<std::byte, 48> value{};
};

/// What the Nitro Secure Module says of itself.
struct nsm_description {
  std::uint16_t version_major = 0;
  std::uint16_t version_minor = 0;
  std::uint16_t version_patch = 0;
  std::string module_id;             ///< as in the documents; at most 128 bytes
  std::uint16_t max_pcrs = 0;        ///< at most 32
  std::bitset<32> locked_registers;  ///< by index
};

namespace detail {

// The driver gives out no more (NSM_RESPONSE_MAX_SIZE).
inline constexpr std::size_t nsm_max_reply = 0x3000;

inline refusal nsm_failed(std::string_view rule) { return {errc::attest_device_failed, rule}; }

/// What the module answers in place of a reply: `{"Error": name}`.
inline refusal nsm_error(std::string_view name) {
  // Only a locked register is read-only.
  if (name == "ReadOnlyIndex") return {errc::attest_registers_taken, "nsm.read_only_index"};
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> known{{
      {"InvalidArgument", "nsm.invalid_argument"},
      {"InvalidIndex", "nsm.invalid_index"},
      {"InvalidResponse", "nsm.invalid_response"},
      {"InvalidOperation", "nsm.invalid_operation"},
      {"BufferTooSmall", "nsm.buffer_too_small"},
      {"InputTooLarge", "nsm.input_too_large"},
      {"InternalError", "nsm.internal_error"},
  }};
  for (const auto& [text, rule] : known)
    if (name == text) return nsm_failed(rule);
  return nsm_failed("nsm.unknown_error");
}

/// A reply that was read as CBOR and is no error.
inline judged<cbor_document> read_nsm_reply(byte_span reply) {
  if (reply.empty()) return nsm_failed("nsm.reply_empty");
  auto document = cbor_document::read(
      reply,
      {.max_bytes = nsm_max_reply, .max_depth = 4, .max_items = 128, .max_string = nsm_max_reply});
  if (!document) return nsm_failed(document.error().rule);
  if (const auto error = document->root().find("Error"))
    return nsm_error(error->text().value_or(""));
  return document;
}

/// The map behind `name` in `{name: {...}}`, which is the whole reply.
inline std::optional<cbor_value> nsm_content(const cbor_document& reply, std::string_view name) {
  if (reply.root().size() != 1) return std::nullopt;
  const auto content = reply.root().find(name);
  return content && content->kind() == cbor_kind::map ? content : std::nullopt;
}

inline std::optional<byte_span> nsm_bytes(cbor_value content, std::string_view key) {
  const auto value = content.find(key);
  return value ? value->bytes() : std::nullopt;
}

inline std::optional<std::uint16_t> nsm_number(cbor_value content, std::string_view key) {
  const auto value = content.find(key);
  const auto number = value ? value->unsigned_number() : std::nullopt;
  if (!number || *number > 0xFFFF) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

inline judged<std::array<std::byte, 48>> nsm_digest(std::optional<byte_span> bytes) {
  std::array<std::byte, 48> out;
  if (!bytes || bytes->size() != out.size()) return nsm_failed("nsm.register_size");
  std::ranges::copy(*bytes, out.begin());
  return out;
}

}  // namespace detail

/// The attestation document in the reply to `Attestation`. All readers of replies answer
/// `errc::attest_device_failed` with a rule where it is no such reply, an error of the module by its
/// name (`nsm.invalid_index`, ...), and `attest_registers_taken` where a register is locked.
inline judged<std::vector<std::byte>> read_nsm_document(detail::byte_span reply) {
  const auto read = detail::read_nsm_reply(reply);
  if (!read) return read.error();
  const auto content = detail::nsm_content(*read, "Attestation");
  if (!content) return detail::nsm_failed("nsm.other_reply");
  const auto document = detail::nsm_bytes(*content, "document");
  if (!document || document->empty()) return detail::nsm_failed("nsm.document_missing");
  return std::vector<std::byte>(document->begin(), document->end());
}

/// The register in the reply to `DescribePCR`.
inline judged<nsm_register> read_nsm_register(detail::byte_span reply) {
  const auto read = detail::read_nsm_reply(reply);
  if (!read) return read.error();
  const auto content = detail::nsm_content(*read, "DescribePCR");
  if (!content) return detail::nsm_failed("nsm.other_reply");
  const auto lock = content->find("lock");
  const auto locked = lock ? lock->boolean() : std::nullopt;
  if (!locked) return detail::nsm_failed("nsm.lock_missing");
  const auto value = detail::nsm_digest(detail::nsm_bytes(*content, "data"));
  if (!value) return value.error();
  return nsm_register{*locked, *value};
}

/// The new value in the reply to `ExtendPCR`.
inline judged<std::array<std::byte, 48>> read_nsm_extended(detail::byte_span reply) {
  const auto read = detail::read_nsm_reply(reply);
  if (!read) return read.error();
  const auto content = detail::nsm_content(*read, "ExtendPCR");
  if (!content) return detail::nsm_failed("nsm.other_reply");
  return detail::nsm_digest(detail::nsm_bytes(*content, "data"));
}

/// Whether the reply is the text `name`, as those to `LockPCR` and `LockPCRs` are.
inline judged<void> read_nsm_done(detail::byte_span reply, std::string_view name) {
  const auto read = detail::read_nsm_reply(reply);
  if (!read) return read.error();
  if (read->root().text() != name) return detail::nsm_failed("nsm.other_reply");
  return {};
}

/// The reply to `DescribeNSM`. A module whose registers are no SHA-384 is refused.
inline judged<nsm_description> read_nsm_description(detail::byte_span reply) {
  const auto read = detail::read_nsm_reply(reply);
  if (!read) return read.error();
  const auto content = detail::nsm_content(*read, "DescribeNSM");
  if (!content) return detail::nsm_failed("nsm.other_reply");

  nsm_description out;
  const auto major = detail::nsm_number(*content, "version_major");
  const auto minor = detail::nsm_number(*content, "version_minor");
  const auto patch = detail::nsm_number(*content, "version_patch");
  if (!major || !minor || !patch) return detail::nsm_failed("nsm.version");
  out.version_major = *major;
  out.version_minor = *minor;
  out.version_patch = *patch;

  const auto id = content->find("module_id");
  out.module_id = id ? id->text().value_or("") : std::string_view{};
  if (out.module_id.empty() || out.module_id.size() > 128)
    return detail::nsm_failed("nsm.module_id");

  const auto count = detail::nsm_number(*content, "max_pcrs");
  if (!count || *count == 0 || *count > out.locked_registers.size())
    return detail::nsm_failed("nsm.max_pcrs");
  out.max_pcrs = *count;

  const auto locked = content->find("locked_pcrs");
  if (!locked || locked->kind() != cbor_kind::array) return detail::nsm_failed("nsm.locked_pcrs");
  for (const cbor_value element : locked->elements()) {
    const std::uint64_t index = element.unsigned_number().value_or(out.max_pcrs);
    if (index >= out.max_pcrs) return detail::nsm_failed("nsm.locked_pcrs");
    out.locked_registers.set(static_cast<std::size_t>(index));
  }

  const auto digest = content->find("digest");
  if (!digest || digest->text() != "SHA384") return detail::nsm_failed("nsm.digest");
  return out;
}

}  // namespace enfilade
