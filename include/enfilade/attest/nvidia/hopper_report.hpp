// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace enfilade {

/// What a Hopper GPU says of itself beside its measurements: the types of NVIDIA's opaque data.
///
/// Those that reports of H100s have; a driver may add others, which `hopper_report::field` gives as
/// well and nobody here reads.
enum class hopper_field : std::uint16_t {
  driver_version = 3,       ///< text
  gpu_info = 4,             ///< 8 bytes
  vbios_version = 6,        ///< 8 bytes; `hopper_report::vbios_version` makes the text of them
  nvdec0_status = 11,       ///< AA: the decoder 0 is on, 55: it is off
  measurement_counts = 12,  ///< how much went into each measurement: 64 numbers of 4 bytes
  cpr_info = 13,            ///< 4 bytes
  board_id = 14,            ///< 4 bytes
  chip_sku = 15,            ///< text
  chip_sku_mod = 16,        ///< text
  project = 17,             ///< text
  project_sku = 18,         ///< text
  project_sku_mod = 19,     ///< 2 bytes
  firmware_id = 20,         ///< SHA-384 of the firmware that reports; the certificate has it too
  protected_pcie = 21,      ///< AA: on, 55: off
  opaque_version = 34,      ///< 2 bytes
  feature_flag = 36,        ///< 2 bytes
};

/// What a Hopper GPU signed: the request that it was asked with and its answer, taken apart. Looks
/// into the bytes that it was read from; nothing of it is proven.
struct hopper_report {
  static constexpr std::size_t max_size = 8192;  ///< bytes: NVML's buffer for one
  static constexpr std::size_t nonce_size = 32;
  static constexpr std::size_t measurements = 64;
  static constexpr std::size_t measurement_size = 48;
  static constexpr std::size_t signature_size = 96;

  detail::byte_span signed_part;   ///< everything before the signature
  detail::byte_span signature;     ///< r and s, big-endian
  detail::byte_span nonce;         ///< that of who asked
  detail::byte_span device_nonce;  ///< that of the GPU

  /// SHA-384 each; empty where the report has none of it. Measurement n stands at n - 1.
  std::array<detail::byte_span, measurements> values{};

  detail::byte_span fields;  ///< the opaque data: type, size, bytes, each field once

  /// The measurement `index`, from 1 to 64; empty where there is none.
  detail::byte_span measurement(std::size_t index) const noexcept {
    return index == 0 || index > measurements ? detail::byte_span{} : values[index - 1];
  }

  /// The bytes of a field.
  std::optional<detail::byte_span> field(hopper_field type) const noexcept {
    for (detail::byte_span rest = fields; rest.size() >= 4;) {
      const auto found = static_cast<hopper_field>(detail::load_le<std::uint16_t>(rest.data()));
      const std::size_t size = detail::load_le<std::uint16_t>(rest.data() + 2);
      if (rest.size() - 4 < size) return std::nullopt;
      if (found == type) return rest.subspan(4, size);
      rest = rest.subspan(4 + size);
    }
    return std::nullopt;
  }

  /// The characters of a field that is a text, without the zeros behind them; empty where there are
  /// none.
  std::string_view text(hopper_field type) const noexcept {
    const detail::byte_span bytes = field(type).value_or(detail::byte_span{});
    const auto end = std::ranges::find(bytes, std::byte{0});
    return {reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::size_t>(end - bytes.begin())};
  }

  /// As NVIDIA's tools print it: "96.00.9f.00.01".
  std::string vbios_version() const {
    const detail::byte_span bytes = field(hopper_field::vbios_version).value_or(fields.first(0));
    if (bytes.size() != 8) return {};
    std::string out;
    for (const std::size_t at : {3U, 2U, 1U, 0U, 4U}) {
      if (!out.empty()) out.push_back('.');
      out += detail::to_hex(bytes.subspan(at, 1));
    }
    return out;
  }
};

namespace detail {

class hopper_report_reader {
 public:
  explicit hopper_report_reader(byte_span all) noexcept : all_(all), rest_(all) {}

  judged<hopper_report> read() noexcept {
    if (all_.size() > hopper_report::max_size) return malformed("hopper.too_long");
    byte_span part;
    if (!take(request_size, part)) return malformed("hopper.truncated");
    if (const auto read = read_request(part); !read) return read.error();
    if (!take(response_head, part)) return malformed("hopper.truncated");
    const std::size_t blocks = std::to_integer<std::size_t>(part[4]);
    const std::size_t size =
        load_le<std::uint16_t>(part.data() + 5) | std::to_integer<std::size_t>(part[7]) << 16;
    if (const auto read = check_response(part); !read) return read.error();
    if (blocks == 0 || blocks > hopper_report::measurements) return malformed("hopper.block_count");
    if (size != blocks * block_size) return malformed("hopper.record_length");
    if (!take(size, part)) return malformed("hopper.truncated");
    if (const auto read = read_blocks(part); !read) return read.error();

    if (!take(hopper_report::nonce_size, out_.device_nonce)) return malformed("hopper.truncated");
    if (!take(2, part)) return malformed("hopper.truncated");
    const std::size_t opaque = load_le<std::uint16_t>(part.data());
    if (opaque > max_opaque) return malformed("hopper.opaque_length");
    if (!take(opaque, out_.fields)) return malformed("hopper.truncated");
    if (const auto read = check_fields(); !read) return read.error();

    out_.signed_part = all_.first(all_.size() - rest_.size());
    if (!take(hopper_report::signature_size, out_.signature)) return malformed("hopper.truncated");
    if (!std::ranges::all_of(rest_, [](std::byte b) { return b == std::byte{0}; }))
      return malformed("hopper.trailing_bytes");
    return out_;
  }

 private:
  static constexpr std::size_t request_size = 37;  // DSP0274 1.1.1, table 33
  static constexpr std::size_t response_head = 8;  // table 35, up to the record
  static constexpr std::size_t block_size = 4 + 3 + hopper_report::measurement_size;
  static constexpr std::size_t max_opaque = 1024;  // table 35: OpaqueLength
  static constexpr std::size_t max_fields = 64;    // real ones have 14 and 16
  static constexpr std::byte spdm_version{0x11};

  static refusal malformed(std::string_view rule) noexcept {
    return {errc::attest_malformed, rule};
  }
  static refusal unsupported(std::string_view rule) noexcept {
    return {errc::attest_unsupported_format, rule};
  }

  bool take(std::size_t size, byte_span& out) noexcept {
    if (rest_.size() < size) return false;
    out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }

  judged<void> read_request(byte_span request) noexcept {
    if (request[0] != spdm_version) return unsupported("hopper.request_version");
    if (request[1] != std::byte{0xE0}) return malformed("hopper.request_code");
    if (request[2] != std::byte{1}) return malformed("hopper.no_signature_asked_for");
    if (request[3] != std::byte{0xFF}) return malformed("hopper.not_all_asked_for");
    out_.nonce = request.subspan(4, hopper_report::nonce_size);
    if (request[36] != std::byte{0}) return malformed("hopper.request_slot");
    return {};
  }

  static judged<void> check_response(byte_span head) noexcept {
    if (head[0] != spdm_version) return unsupported("hopper.response_version");
    if (head[1] != std::byte{0x60}) return malformed("hopper.response_code");
    if (head[2] != std::byte{0}) return malformed("hopper.response_reserved");
    if (head[3] != std::byte{0}) return malformed("hopper.response_slot");
    return {};
  }

  judged<void> read_blocks(byte_span record) noexcept {
    std::size_t last = 0;
    for (; !record.empty(); record = record.subspan(block_size)) {
      const auto index = std::to_integer<std::size_t>(record[0]);
      if (index <= last || index > hopper_report::measurements)
        return malformed("hopper.block_index");
      last = index;
      if (record[1] != std::byte{1}) return unsupported("hopper.block_specification");  // DMTF's
      if (load_le<std::uint16_t>(record.data() + 2) != block_size - 4)
        return malformed("hopper.block_size");
      // ROM, firmware, configuration of hardware or of firmware; the highest bit: no digest at all.
      if (record[4] > std::byte{3}) return unsupported("hopper.value_type");
      if (load_le<std::uint16_t>(record.data() + 5) != hopper_report::measurement_size)
        return malformed("hopper.value_size");
      out_.values[index - 1] = record.subspan(7, hopper_report::measurement_size);
    }
    return {};
  }

  judged<void> check_fields() noexcept {
    std::array<std::uint16_t, max_fields> types{};
    std::size_t count = 0;
    for (byte_span rest = out_.fields; !rest.empty(); ++count) {
      if (count == max_fields) return malformed("hopper.too_many_fields");
      if (rest.size() < 4) return malformed("hopper.field_truncated");
      const auto type = load_le<std::uint16_t>(rest.data());
      const std::size_t size = load_le<std::uint16_t>(rest.data() + 2);
      if (rest.size() - 4 < size) return malformed("hopper.field_truncated");
      if (std::ranges::count(std::span{types}.first(count), type) != 0)
        return malformed("hopper.field_twice");
      types[count] = type;
      const std::string_view rule =
          broken_by(static_cast<hopper_field>(type), rest.subspan(4, size));
      if (!rule.empty()) return malformed(rule);
      rest = rest.subspan(4 + size);
    }
    if (!out_.field(hopper_field::driver_version))
      return malformed("hopper.driver_version_missing");
    if (!out_.field(hopper_field::vbios_version)) return malformed("hopper.vbios_version_missing");
    if (!out_.field(hopper_field::firmware_id)) return malformed("hopper.firmware_id_missing");
    return {};
  }

  /// The rule that the value of a field breaks; empty where it is as it must be, or read by nobody.
  static std::string_view broken_by(hopper_field type, byte_span value) noexcept {
    const auto sized = [&](std::size_t size, std::string_view rule) {
      return value.size() == size ? std::string_view{} : rule;
    };
    switch (type) {
      case hopper_field::driver_version:
        return is_text(value) ? std::string_view{} : "hopper.driver_version";
      case hopper_field::chip_sku:
      case hopper_field::chip_sku_mod:
      case hopper_field::project:
      case hopper_field::project_sku:
        return is_text(value) ? std::string_view{} : "hopper.text";
      case hopper_field::vbios_version:
        return sized(8, "hopper.vbios_version");
      case hopper_field::firmware_id:
        return sized(hopper_report::measurement_size, "hopper.firmware_id");
      case hopper_field::measurement_counts:
        return sized(4 * hopper_report::measurements, "hopper.measurement_counts");
      case hopper_field::nvdec0_status:
      case hopper_field::protected_pcie:
        return value.size() == 1 && (value[0] == std::byte{0xAA} || value[0] == std::byte{0x55})
                   ? std::string_view{}
                   : "hopper.status";
      default:
        return {};
    }
  }

  /// 1 to 32 characters that can be printed, then zeros, of which there is one at least.
  static bool is_text(byte_span value) noexcept {
    const auto end = std::ranges::find(value, std::byte{0});
    const byte_span characters{value.begin(), end};
    return end != value.end() && !characters.empty() && characters.size() <= 32 &&
           std::ranges::all_of(
               characters, [](std::byte b) { return b > std::byte{' '} && b <= std::byte{'~'}; }) &&
           std::ranges::all_of(end, value.end(), [](std::byte b) { return b == std::byte{0}; });
  }

  byte_span all_;
  byte_span rest_;
  hopper_report out_;
};

}  // namespace detail

/// Takes the attestation report of a Hopper GPU apart, as NVML hands it out: an SPDM 1.1
/// GET_MEASUREMENTS request and the MEASUREMENTS response to it (DMTF DSP0274 1.1.1 §10.11).
///
/// `errc::attest_malformed` with the rule where it is none, `attest_unsupported_format` where it is
/// one of another version or with measurements that are no SHA-384. The request must have asked for
/// all measurements, signed by the key of slot 0; each measurement and each field is there at most
/// once; driver version, VBIOS version and firmware id are there. Zeros may stand behind the
/// signature, as a caller that passes on a whole buffer has them, and nothing else.
inline judged<hopper_report> read_hopper_report(detail::byte_span bytes) noexcept {
  return detail::hopper_report_reader{bytes}.read();
}

}  // namespace enfilade
