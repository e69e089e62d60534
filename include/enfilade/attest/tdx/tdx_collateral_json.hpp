// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/attest/tdx/tdx_tcb.hpp>
#include <enfilade/detail/bounded_json.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

namespace detail {

inline refusal collateral_malformed(std::string_view rule) noexcept {
  return {errc::attest_malformed, rule};
}
inline refusal collateral_unsupported(std::string_view rule) noexcept {
  return {errc::attest_unsupported_format, rule};
}

/// The member of an object; null where there is none, or where `object` is none itself.
inline const nlohmann::json* json_member(const nlohmann::json* object, const char* name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto at = object->find(name);
  return at == object->end() ? nullptr : &*at;
}

inline std::optional<std::string_view> json_text(const nlohmann::json* value) {
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view{*value->get_ptr<const std::string*>()};
}

/// A number from 0 to `most`, written without a point.
inline std::optional<std::uint64_t> json_number(const nlohmann::json* value, std::uint64_t most) {
  if (value == nullptr || !value->is_number_unsigned()) return std::nullopt;
  const auto number = *value->get_ptr<const std::uint64_t*>();
  return number <= most ? std::optional{number} : std::nullopt;
}

/// An array of at most `most` elements.
inline const nlohmann::json::array_t* json_array(const nlohmann::json* value, std::size_t most) {
  if (value == nullptr || !value->is_array() || value->size() > most) return nullptr;
  return value->get_ptr<const nlohmann::json::array_t*>();
}

/// Writes a text of hexadecimal digits that is exactly as long as `out`.
inline bool json_hex(const nlohmann::json* value, std::span<std::byte> out) {
  const auto text = json_text(value);
  if (!text || text->size() != 2 * out.size()) return false;
  const auto bytes = from_hex(*text);
  if (!bytes) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}

/// "2025-06-19T10:16:03Z", a date that the calendar has.
inline std::optional<std::chrono::sys_seconds> json_time(const nlohmann::json* value) {
  const auto text = json_text(value);
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:ddZ";
  if (!text || text->size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i != form.size(); ++i) {
    const char c = (*text)[i];
    if (form[i] == 'd' ? c < '0' || c > '9' : c != form[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t digits) {
    int out = 0;
    for (std::size_t i = at; i != at + digits; ++i) out = 10 * out + ((*text)[i] - '0');
    return out;
  };
  const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                         std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                         std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second};
}

/// What the TCB info and the identity of the quoting enclave have in common.
class collateral_reader {
 public:
  static constexpr std::size_t max_text = 128 * 1024;  // the longest real one has 4241
  static constexpr std::size_t max_levels = 64;
  static constexpr std::size_t max_modules = 16;
  static constexpr std::size_t max_advisories = 128;

 protected:
  static result<nlohmann::json> parse(std::string_view text) {
    return parse_bounded(text, errc::attest_malformed, {.max_bytes = max_text});
  }

  static std::optional<tdx_issue> issue(const nlohmann::json& from) {
    const auto issued = json_time(json_member(&from, "issueDate"));
    const auto next = json_time(json_member(&from, "nextUpdate"));
    const auto number = json_number(json_member(&from, "tcbEvaluationDataNumber"),
                                    std::numeric_limits<std::uint32_t>::max());
    if (!issued || !next || !number || *next < *issued) return std::nullopt;
    return tdx_issue{*issued, *next, static_cast<std::uint32_t>(*number)};
  }

  static std::optional<tdx_tcb_status> status(const nlohmann::json& level) {
    const auto name = json_text(json_member(&level, "tcbStatus"));
    return name ? tdx_tcb_status_of(*name) : std::nullopt;
  }

  /// Absent: none.
  static std::optional<std::vector<std::string>> advisories(const nlohmann::json& level) {
    const auto* list = json_member(&level, "advisoryIDs");
    std::vector<std::string> out;
    if (list == nullptr) return out;
    const auto* all = json_array(list, max_advisories);
    if (all == nullptr) return std::nullopt;
    for (const auto& one : *all) {
      const auto name = json_text(&one);
      // They are printed: no more than the names of advisories need.
      const auto allowed = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
      };
      if (!name || name->empty() || name->size() > 32 || !std::ranges::all_of(*name, allowed))
        return std::nullopt;
      out.emplace_back(*name);
    }
    return out;
  }

  /// The levels of a module or a quoting enclave.
  static std::optional<std::vector<tdx_software_level>> software_levels(
      const nlohmann::json* value) {
    const auto* all = json_array(value, max_levels);
    if (all == nullptr) return std::nullopt;
    std::vector<tdx_software_level> out;
    for (const auto& one : *all) {
      const auto isvsvn = json_number(json_member(json_member(&one, "tcb"), "isvsvn"), 0xFFFF);
      const auto found = status(one);
      auto named = advisories(one);
      if (!isvsvn || !found || !named || !json_time(json_member(&one, "tcbDate")))
        return std::nullopt;
      // The others are of platforms: nobody could say what they mean for a merged status.
      using enum tdx_tcb_status;
      if (*found != up_to_date && *found != out_of_date && *found != revoked) return std::nullopt;
      out.push_back({static_cast<std::uint16_t>(*isvsvn), *found, std::move(*named)});
    }
    return out;
  }
};

class tcb_info_reader : private collateral_reader {
 public:
  judged<tdx_tcb_info> read(std::string_view text) {
    const auto root = parse(text);
    if (!root || !root->is_object()) return collateral_malformed("tcb_info.json");
    if (json_text(json_member(&*root, "id")) != "TDX") return collateral_unsupported("tcb_info.id");
    if (json_number(json_member(&*root, "version"), 3) != 3)
      return collateral_unsupported("tcb_info.version");
    // How levels are compared; 0 is the one way there is.
    if (json_number(json_member(&*root, "tcbType"), 0) != 0)
      return collateral_unsupported("tcb_info.tcb_type");
    const auto dates = issue(*root);
    if (!dates) return collateral_malformed("tcb_info.issue");
    out_.issue = *dates;
    if (!json_hex(json_member(&*root, "fmspc"), out_.fmspc))
      return collateral_malformed("tcb_info.fmspc");
    if (!json_hex(json_member(&*root, "pceId"), out_.pceid))
      return collateral_malformed("tcb_info.pceid");
    if (!identity(json_member(&*root, "tdxModule"), out_.first_module))
      return collateral_malformed("tcb_info.module");
    if (!modules(json_member(&*root, "tdxModuleIdentities")))
      return collateral_malformed("tcb_info.module_identities");
    if (const std::string_view rule = levels(json_member(&*root, "tcbLevels")); !rule.empty())
      return collateral_malformed(rule);
    return std::move(out_);
  }

 private:
  static bool identity(const nlohmann::json* from, tdx_module_identity& out) {
    return json_hex(json_member(from, "mrsigner"), out.mrsigner) &&
           json_hex(json_member(from, "attributes"), out.attributes) &&
           json_hex(json_member(from, "attributesMask"), out.attributes_mask);
  }

  bool modules(const nlohmann::json* list) {
    if (list == nullptr) return true;  // nothing newer than TDX 1.0 runs on such platforms
    const auto* all = json_array(list, max_modules);
    if (all == nullptr) return false;
    for (const auto& one : *all) {
      const auto id = json_text(json_member(&one, "id"));
      if (!id || id->size() != 6 || !id->starts_with("TDX_")) return false;
      const auto version = from_hex(id->substr(4));
      if (!version) return false;
      tdx_tcb_info::module module;
      module.version = std::to_integer<std::uint8_t>(version->front());
      const bool twice = std::ranges::find(out_.modules, module.version,
                                           &tdx_tcb_info::module::version) != out_.modules.end();
      auto known = software_levels(json_member(&one, "tcbLevels"));
      if (twice || !identity(&one, module.identity) || !known) return false;
      module.levels = std::move(*known);
      out_.modules.push_back(std::move(module));
    }
    return true;
  }

  static bool components(const nlohmann::json* list, std::array<std::uint8_t, 16>& out) {
    const auto* all = json_array(list, out.size());
    if (all == nullptr || all->size() != out.size()) return false;
    for (std::size_t i = 0; i != out.size(); ++i) {
      const auto svn = json_number(json_member(&(*all)[i], "svn"), 0xFF);
      if (!svn) return false;
      out[i] = static_cast<std::uint8_t>(*svn);
    }
    return true;
  }

  /// Returns the rule that is broken, or nothing.
  std::string_view levels(const nlohmann::json* list) {
    const auto* all = json_array(list, max_levels);
    if (all == nullptr) return "tcb_info.levels";
    for (const auto& one : *all) {
      tdx_tcb_level level;
      const auto* tcb = json_member(&one, "tcb");
      if (!components(json_member(tcb, "sgxtcbcomponents"), level.sgx_components) ||
          !components(json_member(tcb, "tdxtcbcomponents"), level.tdx_components))
        return "tcb_info.components";
      const auto pcesvn = json_number(json_member(tcb, "pcesvn"), 0xFFFF);
      if (!pcesvn) return "tcb_info.pcesvn";
      level.pcesvn = static_cast<std::uint16_t>(*pcesvn);
      if (!json_time(json_member(&one, "tcbDate"))) return "tcb_info.tcb_date";
      const auto found = status(one);
      if (!found) return "tcb_info.status";
      level.status = *found;
      auto named = advisories(one);
      if (!named) return "tcb_info.advisories";
      level.advisories = std::move(*named);
      out_.levels.push_back(std::move(level));
    }
    return {};
  }

  tdx_tcb_info out_;
};

class qe_info_reader : private collateral_reader {
 public:
  judged<tdx_qe_info> read(std::string_view text) {
    const auto root = parse(text);
    if (!root || !root->is_object()) return collateral_malformed("qe_identity.json");
    if (json_text(json_member(&*root, "id")) != "TD_QE")
      return collateral_unsupported("qe_identity.id");
    if (json_number(json_member(&*root, "version"), 2) != 2)
      return collateral_unsupported("qe_identity.version");
    const auto dates = issue(*root);
    if (!dates) return collateral_malformed("qe_identity.issue");
    tdx_qe_info out;
    out.issue = *dates;
    tdx_qe_identity& who = out.identity;
    if (!json_hex(json_member(&*root, "miscselect"), who.misc_select) ||
        !json_hex(json_member(&*root, "miscselectMask"), who.misc_select_mask))
      return collateral_malformed("qe_identity.misc_select");
    if (!json_hex(json_member(&*root, "attributes"), who.attributes) ||
        !json_hex(json_member(&*root, "attributesMask"), who.attributes_mask))
      return collateral_malformed("qe_identity.attributes");
    if (!json_hex(json_member(&*root, "mrsigner"), who.mrsigner))
      return collateral_malformed("qe_identity.mrsigner");
    const auto product = json_number(json_member(&*root, "isvprodid"), 0xFFFF);
    if (!product) return collateral_malformed("qe_identity.isvprodid");
    who.isvprodid = static_cast<std::uint16_t>(*product);
    auto known = software_levels(json_member(&*root, "tcbLevels"));
    if (!known) return collateral_malformed("qe_identity.levels");
    out.levels = std::move(*known);
    return out;
  }
};

}  // namespace detail

/// Reads a TCB info for TDX, version 3: the inner JSON object, as it is signed.
///
/// What Intel adds to the format without a new version is left alone. `errc::
/// attest_unsupported_format` for another id (that of SGX), version or kind of comparison,
/// `errc::attest_malformed` for everything else that is wrong; rules `tcb_info.*`.
inline judged<tdx_tcb_info> read_tdx_tcb_info(std::string_view json) {
  return detail::tcb_info_reader{}.read(json);
}

/// Reads the identity of the quoting enclave for TDX, version 2. As `read_tdx_tcb_info`; rules
/// `qe_identity.*`.
inline judged<tdx_qe_info> read_tdx_qe_info(std::string_view json) {
  return detail::qe_info_reader{}.read(json);
}

}  // namespace enfilade
