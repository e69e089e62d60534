// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/snp/snp_tcb.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace enfilade {

/// Which key of the machine signed a report.
enum class snp_signer : std::uint8_t {
  vcek,  ///< derived from what is burnt into this very processor
  vlek,  ///< given to a cloud provider for all its machines of a product
  none,  ///< its host had it not signed
};

/// What the owner of a guest allowed its host when it was launched (AMD 56860, "Guest Policy").
struct snp_policy {
  std::uint8_t abi_major = 0;  ///< of the firmware, at least
  std::uint8_t abi_minor = 0;
  bool smt = false;                 ///< two threads on one core
  bool migration = false;           ///< a migration agent may move the guest
  bool debug = false;               ///< the host may read and write its memory
  bool single_socket = false;       ///< it must stay on one
  bool cxl = false;                 ///< memory behind CXL
  bool aes_256_xts = false;         ///< memory must be encrypted with it
  bool rapl_disabled = false;       ///< power must not be measured
  bool ciphertext_hiding = false;   ///< the host must not see encrypted memory
  bool page_swap_disabled = false;  ///< the host must not move or swap pages

  friend bool operator==(const snp_policy&, const snp_policy&) = default;
};

/// How the machine is set up (AMD 56860, PLATFORM_INFO).
struct snp_platform {
  bool smt = false;
  bool tsme = false;  ///< all of its memory is encrypted
  bool ecc = false;
  bool rapl_disabled = false;
  bool ciphertext_hiding = false;
  bool alias_check = false;  ///< no two addresses lead to one memory cell: the answer to BadRAM
  bool iommu_write_safe = false;
  bool tio = false;  ///< SEV-TIO, trusted devices

  friend bool operator==(const snp_platform&, const snp_platform&) = default;
};

/// A version of SEV-SNP's firmware.
struct snp_firmware {
  std::uint8_t major = 0;
  std::uint8_t minor = 0;
  std::uint8_t build = 0;

  friend bool operator==(const snp_firmware&, const snp_firmware&) = default;
};

/// What AMD's secure processor says of a guest: an attestation report, taken apart. Looks into the
/// bytes that it was read from; nothing of it is proven.
struct snp_report {
  static constexpr std::size_t size = 0x4A0;
  static constexpr std::size_t signed_size = 0x2A0;

  std::uint32_t version = 0;    ///< of the layout: 2, 3 or 4
  std::uint32_t guest_svn = 0;  ///< the security version that its owner gave the guest
  snp_policy policy;
  detail::byte_span family_id;  ///< 16 bytes of the owner's choice; so is `image_id`
  detail::byte_span image_id;
  std::uint8_t vmpl = 0;  ///< 0 to 3: how privileged in the guest is who asked for it; 0 is most
  snp_platform platform;
  snp_signer signer = snp_signer::none;
  bool chip_key_masked = false;     ///< the host forbids the use of the VCEK
  bool has_author_key = false;      ///< the key behind `id_key_digest` was itself signed
  detail::byte_span report_data;    ///< 64 bytes of the guest's choice
  detail::byte_span measurement;    ///< SHA-384 of what the guest was launched with
  detail::byte_span host_data;      ///< 32 bytes of the host's choice, fixed at launch
  detail::byte_span id_key_digest;  ///< SHA-384; zero where the launch was not signed
  detail::byte_span author_key_digest;
  detail::byte_span report_id;        ///< 32 bytes: of this guest, until it ends
  detail::byte_span migration_agent;  ///< the report id of its migration agent
  detail::byte_span chip_id;          ///< 64 bytes; zero where the host masks it
  snp_firmware current;               ///< what runs
  snp_firmware committed;             ///< what the host cannot go back behind

  /// From the processor's CPUID; nothing in version 2, which has none.
  std::optional<snp_product> product;

  // For `snp_tcb::read`, when the product is known.
  std::uint64_t current_tcb = 0;
  std::uint64_t reported_tcb = 0;  ///< what the signing key was derived for
  std::uint64_t committed_tcb = 0;
  std::uint64_t launch_tcb = 0;

  detail::byte_span signed_part;
  std::array<std::byte, 96> signature{};  ///< r and s, big-endian, as `verify_signature` takes them
};

namespace detail {

class snp_report_reader {
 public:
  explicit snp_report_reader(byte_span bytes) noexcept : bytes_(bytes) {}

  judged<snp_report> read() noexcept {
    if (bytes_.size() != snp_report::size) return malformed("snp.size");
    out_.version = number<std::uint32_t>(0x000);
    if (out_.version == 5) return unsupported("snp.version_5");
    if (out_.version < 2 || out_.version > 4) return unsupported("snp.version");
    if (number<std::uint32_t>(0x034) != 1) return unsupported("snp.signature_algorithm");
    if (const std::string_view rule = reserved(); !rule.empty()) return malformed(rule);
    if (const std::string_view rule = policy(); !rule.empty()) return malformed(rule);
    if (const std::string_view rule = signer(); !rule.empty()) return malformed(rule);
    const auto vmpl = number<std::uint32_t>(0x030);
    // The hypervisor can ask for a report on its own; what stands in it, no guest has said.
    if (vmpl == 0xFFFF'FFFF) return unsupported("snp.requested_by_host");
    if (vmpl > 3) return malformed("snp.vmpl");
    out_.vmpl = static_cast<std::uint8_t>(vmpl);
    if (out_.version > 2) {
      out_.product = snp_product_of(number<std::uint8_t>(0x188), number<std::uint8_t>(0x189));
      if (!out_.product) return unsupported("snp.processor_unknown");
    }
    rest();
    return out_;
  }

 private:
  static refusal malformed(std::string_view rule) noexcept {
    return {errc::attest_malformed, rule};
  }
  static refusal unsupported(std::string_view rule) noexcept {
    return {errc::attest_unsupported_format, rule};
  }

  template <class T>
  T number(std::size_t at) const noexcept {
    return load_le<T>(bytes_.data() + at);
  }

  bool is_zero(std::size_t from, std::size_t end) const noexcept {
    return std::ranges::all_of(bytes_.subspan(from, end - from),
                               [](std::byte b) { return b == std::byte{0}; });
  }

  /// The rule that bytes without a meaning break; empty where they are all zero.
  std::string_view reserved() const noexcept {
    if (!is_zero(0x04C, 0x050)) return "snp.reserved_signer";
    if (!is_zero(out_.version == 2 ? 0x188 : 0x18B, 0x1A0)) return "snp.reserved_processor";
    if (!is_zero(0x1EB, 0x1EC) || !is_zero(0x1EF, 0x1F0)) return "snp.reserved_firmware";
    if (!is_zero(0x1F8, 0x2A0)) return "snp.reserved_end";
    // Numbers of 48 bytes in fields of 72.
    if (!is_zero(0x2A0 + 48, 0x2E8)) return "snp.signature_r";
    if (!is_zero(0x2E8 + 48, 0x330)) return "snp.signature_s";
    if (!is_zero(0x330, 0x4A0)) return "snp.reserved_signature";
    return {};
  }

  std::string_view policy() noexcept {
    const auto bits = number<std::uint64_t>(0x008);
    const auto bit = [bits](int n) { return (bits >> n & 1) != 0; };
    if (bits >> 26 != 0 || !bit(17)) return "snp.policy_reserved";
    out_.policy = {.abi_major = static_cast<std::uint8_t>(bits >> 8),
                   .abi_minor = static_cast<std::uint8_t>(bits),
                   .smt = bit(16),
                   .migration = bit(18),
                   .debug = bit(19),
                   .single_socket = bit(20),
                   .cxl = bit(21),
                   .aes_256_xts = bit(22),
                   .rapl_disabled = bit(23),
                   .ciphertext_hiding = bit(24),
                   .page_swap_disabled = bit(25)};
    const auto setup = number<std::uint64_t>(0x040);
    if (setup >> 8 != 0) return "snp.platform_reserved";
    const auto is = [setup](int n) { return (setup >> n & 1) != 0; };
    out_.platform = {.smt = is(0),
                     .tsme = is(1),
                     .ecc = is(2),
                     .rapl_disabled = is(3),
                     .ciphertext_hiding = is(4),
                     .alias_check = is(5),
                     .iommu_write_safe = is(6),
                     .tio = is(7)};
    return {};
  }

  std::string_view signer() noexcept {
    const auto info = number<std::uint32_t>(0x048);
    if (info >> 5 != 0) return "snp.reserved_signer";
    out_.has_author_key = (info & 1) != 0;
    out_.chip_key_masked = (info & 2) != 0;
    const unsigned key = info >> 2 & 7;
    if (key > 1 && key != 7) return "snp.signing_key";
    out_.signer = key == 0 ? snp_signer::vcek : key == 1 ? snp_signer::vlek : snp_signer::none;
    if (!out_.has_author_key && !is_zero(0x110, 0x140)) return "snp.author_key";
    return {};
  }

  void rest() noexcept {
    out_.guest_svn = number<std::uint32_t>(0x004);
    out_.family_id = bytes_.subspan(0x010, 16);
    out_.image_id = bytes_.subspan(0x020, 16);
    out_.current_tcb = number<std::uint64_t>(0x038);
    out_.report_data = bytes_.subspan(0x050, 64);
    out_.measurement = bytes_.subspan(0x090, 48);
    out_.host_data = bytes_.subspan(0x0C0, 32);
    out_.id_key_digest = bytes_.subspan(0x0E0, 48);
    out_.author_key_digest = bytes_.subspan(0x110, 48);
    out_.report_id = bytes_.subspan(0x140, 32);
    out_.migration_agent = bytes_.subspan(0x160, 32);
    out_.reported_tcb = number<std::uint64_t>(0x180);
    out_.chip_id = bytes_.subspan(0x1A0, 64);
    out_.committed_tcb = number<std::uint64_t>(0x1E0);
    out_.current = firmware(0x1E8);
    out_.committed = firmware(0x1EC);
    out_.launch_tcb = number<std::uint64_t>(0x1F0);
    out_.signed_part = bytes_.first(snp_report::signed_size);
    std::ranges::reverse_copy(bytes_.subspan(0x2A0, 48), out_.signature.begin());
    std::ranges::reverse_copy(bytes_.subspan(0x2E8, 48), out_.signature.begin() + 48);
  }

  snp_firmware firmware(std::size_t at) const noexcept {
    return {.major = number<std::uint8_t>(at + 2),
            .minor = number<std::uint8_t>(at + 1),
            .build = number<std::uint8_t>(at)};
  }

  byte_span bytes_;
  snp_report out_;
};

}  // namespace detail

/// Takes an attestation report apart (AMD 56860, ATTESTATION_REPORT), given as the secure processor
/// makes it: 1184 bytes, and nothing around them.
///
/// Versions 2 to 4, signed by ECDSA on P-384 with SHA-384. `errc::attest_unsupported_format` for
/// other versions and algorithms, for processors that are none of `snp_product`, and for a report
/// that the hypervisor asked for; `errc::attest_malformed` for everything else. Each bit that has no
/// meaning must have the value that AMD gives it, those behind the signed part, too: a report has one
/// form. The rules are named `snp.*`.
inline judged<snp_report> read_snp_report(detail::byte_span bytes) noexcept {
  return detail::snp_report_reader{bytes}.read();
}

}  // namespace enfilade
