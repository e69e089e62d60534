// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/tdx/pck_extension.hpp>
#include <enfilade/attest/tdx/tdx_quote.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace enfilade {

/// How Intel judges the security versions of a platform.
enum class tdx_tcb_status : std::uint8_t {
  up_to_date,
  sw_hardening_needed,                    ///< the program must defend itself
  configuration_needed,                   ///< the firmware must be set up otherwise
  configuration_and_sw_hardening_needed,  ///< both
  out_of_date,                            ///< an update is missing
  out_of_date_configuration_needed,       ///< and that is not all
  revoked,                                ///< the keys of such platforms are known to strangers
};

namespace detail {

inline constexpr std::array<std::string_view, 7> tdx_tcb_status_names{
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked"};

}  // namespace detail

/// Intel's name of a status.
constexpr std::string_view name_of(tdx_tcb_status status) noexcept {
  return detail::tdx_tcb_status_names[static_cast<std::size_t>(status)];
}

/// The status of this name; nothing where Intel has none of it.
constexpr std::optional<tdx_tcb_status> tdx_tcb_status_of(std::string_view name) noexcept {
  const auto& names = detail::tdx_tcb_status_names;
  for (std::size_t i = 0; i != names.size(); ++i)
    if (names[i] == name) return static_cast<tdx_tcb_status>(i);
  return std::nullopt;
}

/// A level of a platform: the least security versions that it takes to be at it.
struct tdx_tcb_level {
  std::array<std::uint8_t, 16> sgx_components{};
  std::array<std::uint8_t, 16> tdx_components{};
  std::uint16_t pcesvn = 0;
  tdx_tcb_status status = tdx_tcb_status::revoked;
  std::vector<std::string> advisories;  ///< such as "INTEL-SA-00837"
};

/// A level of one piece of software: the quoting enclave or the TDX module.
struct tdx_software_level {
  std::uint16_t isvsvn = 0;
  tdx_tcb_status status = tdx_tcb_status::revoked;  ///< up to date, out of date or revoked
  std::vector<std::string> advisories;
};

/// How a TDX module is known: the attributes where the mask has ones, and who made it.
struct tdx_module_identity {
  std::array<std::byte, 48> mrsigner{};
  std::array<std::byte, 8> attributes{};
  std::array<std::byte, 8> attributes_mask{};
};

/// How a quoting enclave is known.
struct tdx_qe_identity {
  std::array<std::byte, 4> misc_select{};
  std::array<std::byte, 4> misc_select_mask{};
  std::array<std::byte, 16> attributes{};
  std::array<std::byte, 16> attributes_mask{};
  std::array<std::byte, 32> mrsigner{};
  std::uint16_t isvprodid = 0;
};

/// From when to when one of Intel's documents is to be used, and in which round of assessments it was
/// made.
struct tdx_issue {
  std::chrono::sys_seconds issued;
  std::chrono::sys_seconds next_update;
  std::uint32_t evaluation_number = 0;
};

/// Intel's TCB info about one kind of platform (PCS API v4, "TCB Info V3" for TDX).
struct tdx_tcb_info {
  /// A module of TDX 1.5 or later: which version of its kind, and how good which SVN of it is.
  struct module {
    std::uint8_t version = 0;
    tdx_module_identity identity;
    std::vector<tdx_software_level> levels;  ///< the newest first
  };

  tdx_issue issue;
  std::array<std::byte, 6> fmspc{};
  std::array<std::byte, 2> pceid{};
  tdx_module_identity first_module;  ///< of version 0
  std::vector<module> modules;
  std::vector<tdx_tcb_level> levels;  ///< the newest first
};

/// Intel's identity of the quoting enclave for TDX (PCS API v4, "Enclave Identity V2").
struct tdx_qe_info {
  tdx_issue issue;
  tdx_qe_identity identity;
  std::vector<tdx_software_level> levels;  ///< the newest first
};

/// What the assessment of a platform came to.
struct tdx_tcb {
  tdx_tcb_status status = tdx_tcb_status::revoked;
  std::vector<std::string> advisories;  ///< of platform, module and quoting enclave; sorted
};

namespace detail {

inline refusal tdx_out_of_date(std::string_view rule) noexcept {
  return {errc::attest_tcb_out_of_date, rule};
}
inline refusal tdx_mismatch(std::string_view rule) noexcept {
  return {errc::attest_measurement_mismatch, rule};
}

inline bool equal_under_mask(byte_span found, byte_span wanted, byte_span mask) noexcept {
  for (std::size_t i = 0; i != found.size(); ++i)
    if ((found[i] & mask[i]) != wanted[i]) return false;
  return true;
}

inline bool none_below(std::span<const std::uint8_t> found, std::span<const std::uint8_t> least) {
  return std::ranges::equal(found, least, std::ranges::greater_equal{});
}

inline const tdx_tcb_info::module* find_tdx_module(const tdx_tcb_info& info, std::byte version) {
  const auto at = std::ranges::find(info.modules, std::to_integer<std::uint8_t>(version),
                                    &tdx_tcb_info::module::version);
  return at == info.modules.end() ? nullptr : &*at;
}

inline const tdx_software_level* find_level(const std::vector<tdx_software_level>& levels,
                                            std::uint16_t isvsvn) {
  const auto at = std::ranges::find_if(
      levels, [&](const tdx_software_level& level) { return isvsvn >= level.isvsvn; });
  return at == levels.end() ? nullptr : &*at;
}

/// The status of a platform some software of which has the other status.
constexpr tdx_tcb_status merged(tdx_tcb_status platform, tdx_tcb_status software) noexcept {
  using enum tdx_tcb_status;
  if (platform == revoked || software == revoked) return revoked;
  if (software != out_of_date) return platform;
  if (platform == up_to_date || platform == sw_hardening_needed) return out_of_date;
  if (platform == out_of_date) return out_of_date;
  return out_of_date_configuration_needed;
}

// What every TDX module and quoting enclave of Intel's has been, for when no collateral says it.
inline constexpr tdx_module_identity known_tdx_module{{}, {}, [] {
                                                        std::array<std::byte, 8> ones;
                                                        ones.fill(std::byte{0xFF});
                                                        return ones;
                                                      }()};

inline constexpr tdx_qe_identity known_tdx_qe = [] {
  constexpr std::array<unsigned char, 32> mrsigner{0xDC, 0x9E, 0x2A, 0x7C, 0x6F, 0x94, 0x8F, 0x17,
                                                   0x47, 0x4E, 0x34, 0xA7, 0xFC, 0x43, 0xED, 0x03,
                                                   0x0F, 0x7C, 0x15, 0x63, 0xF1, 0xBA, 0xBD, 0xDF,
                                                   0x63, 0x40, 0xC8, 0x2E, 0x0E, 0x54, 0xA8, 0xC5};
  tdx_qe_identity out;
  out.misc_select_mask.fill(std::byte{0xFF});
  out.attributes[0] = std::byte{0x11};  // initialised, may certify keys; not: debug
  std::fill_n(out.attributes_mask.begin(), 8, std::byte{0xFF});
  out.attributes_mask[0] = std::byte{0xFB};  // 64-bit or not makes no difference
  for (std::size_t i = 0; i != mrsigner.size(); ++i) out.mrsigner[i] = std::byte{mrsigner[i]};
  out.isvprodid = 2;
  return out;
}();

}  // namespace detail

/// Whether the report is of the quoting enclave that `wanted` describes; without it, of one by Intel
/// that is no debug enclave. `errc::attest_measurement_mismatch`, rules `qe.*`.
///
/// It matters as much as any signature: a platform certifies the keys of whichever enclave its owner
/// lets ask for it, and what such an enclave signs as a quote is its own business.
inline judged<void> check_tdx_qe(const sgx_report& qe,
                                 const tdx_qe_identity& wanted = detail::known_tdx_qe) {
  if (!std::ranges::equal(qe.mrsigner, wanted.mrsigner)) return detail::tdx_mismatch("qe.mrsigner");
  if (qe.isvprodid != wanted.isvprodid) return detail::tdx_mismatch("qe.isvprodid");
  if (!detail::equal_under_mask(qe.attributes, wanted.attributes, wanted.attributes_mask))
    return detail::tdx_mismatch("qe.attributes");
  if (!detail::equal_under_mask(qe.misc_select, wanted.misc_select, wanted.misc_select_mask))
    return detail::tdx_mismatch("qe.misc_select");
  return {};
}

/// Whether the quote was made under the TDX module that `info` describes; without it, under one by
/// Intel. `errc::attest_measurement_mismatch`, rules `module.*`.
///
/// The second of the module's security versions is its kind: 0 is the module of TDX 1.0, n is listed
/// as "TDX_n" in hexadecimal.
inline judged<void> check_tdx_module(const tdx_quote& quote, const tdx_tcb_info* info = nullptr) {
  const tdx_module_identity* wanted = &detail::known_tdx_module;
  if (info != nullptr) wanted = &info->first_module;
  if (info != nullptr && quote.tee_tcb_svn[1] != std::byte{0}) {
    const auto* module = detail::find_tdx_module(*info, quote.tee_tcb_svn[1]);
    if (module == nullptr) return detail::tdx_mismatch("module.unknown");
    wanted = &module->identity;
  }
  if (!std::ranges::equal(quote.mrsignerseam, wanted->mrsigner))
    return detail::tdx_mismatch("module.mrsigner");
  if (!detail::equal_under_mask(quote.seam_attributes, wanted->attributes, wanted->attributes_mask))
    return detail::tdx_mismatch("module.attributes");
  return {};
}

/// Assesses a platform (PCS API v4, "Determining the TCB status of a TDX platform"): `errc::
/// attest_tcb_out_of_date`, rules `tcb.*`, where it is below every level that Intel lists.
///
/// Levels are tried as Intel lists them, the newest first. Phase one: every component and the PCESVN
/// of the platform's certificate are at least those of the level. Phase two: so are the security
/// versions in the quote, all of them where the module is of kind 0; from kind 1 on the first two
/// are not compared, because they are the module's own and have levels under its identity. A module
/// or quoting enclave that is out of date or revoked makes the platform so too.
inline judged<tdx_tcb> evaluate_tdx_tcb(const pck_extension& platform, const tdx_quote& quote,
                                        const tdx_tcb_info& info, const tdx_qe_info& qe) {
  std::array<std::uint8_t, 16> svns{};
  std::ranges::transform(quote.tee_tcb_svn, svns.begin(),
                         [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
  const bool has_identity = svns[1] != 0;
  const std::size_t compared_from = has_identity ? 2 : 0;

  const auto first = std::ranges::find_if(info.levels, [&](const tdx_tcb_level& level) {
    return detail::none_below(platform.components, level.sgx_components) &&
           platform.pcesvn >= level.pcesvn;
  });
  if (first == info.levels.end()) return detail::tdx_out_of_date("tcb.no_sgx_level");
  const auto level = std::find_if(first, info.levels.end(), [&](const tdx_tcb_level& candidate) {
    return detail::none_below(platform.components, candidate.sgx_components) &&
           platform.pcesvn >= candidate.pcesvn &&
           detail::none_below(std::span{svns}.subspan(compared_from),
                              std::span{candidate.tdx_components}.subspan(compared_from));
  });
  if (level == info.levels.end()) return detail::tdx_out_of_date("tcb.no_tdx_level");

  tdx_tcb out{level->status, level->advisories};
  if (first->status == tdx_tcb_status::revoked) out.status = tdx_tcb_status::revoked;
  const auto with = [&](const tdx_software_level& software) {
    out.status = detail::merged(out.status, software.status);
    out.advisories.insert(out.advisories.end(), software.advisories.begin(),
                          software.advisories.end());
  };
  if (has_identity) {
    const auto* module = detail::find_tdx_module(info, quote.tee_tcb_svn[1]);
    const auto* found = module == nullptr ? nullptr : detail::find_level(module->levels, svns[0]);
    if (found == nullptr) return detail::tdx_out_of_date("tcb.no_module_level");
    with(*found);
  }
  const auto* found = detail::find_level(qe.levels, quote.qe.isvsvn);
  if (found == nullptr) return detail::tdx_out_of_date("tcb.no_qe_level");
  with(*found);

  std::ranges::sort(out.advisories);
  const auto twice = std::ranges::unique(out.advisories);
  out.advisories.erase(twice.begin(), twice.end());
  return out;
}

}  // namespace enfilade
