// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/demands.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/detail/bounded_json.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// What an expectations file calls the stage of this index.
inline std::string stage_role(std::size_t index) { return "stage " + std::to_string(index); }

/// What it calls the upstream peer of that stage: the stage before it, or the client.
inline std::string upstream_role(std::size_t index) {
  return index == 0 ? "client" : stage_role(index - 1);
}

/// The file that says, for each role of the pipeline, whom a program talks to.
///
/// Stage i looks up `upstream_role(i)` and, where there is one, `stage_role(i + 1)`; a client looks
/// up `stage_role(0)`, and judges every further stage that the file names. One file serves them all.
/// Its form, in JSON:
///
///     {"enfilade": "expectations/1", "roles": {
///       "stage 0": {"attester": "mock", "registers": {"binary": "9f86d0…", "weights": "2c26b4…"}},
///       "stage 1": [{"attester": "nitro", "registers": {"pcr0": "3b4a9e…"}, "max_age": 60},
///                   {"attester": "sev-snp", "registers": {"measurement": "c29d0f…"},
///                    "at_least": {"tcb.snp": 8}, "deny": ["smt"]}],
///       "client": "anyone"
///     }}
///
/// A list holds alternatives, 1 to 16. Besides attester and registers, of which there are 1 to 32,
/// an entry may have what `demands` has:
///
/// | key                                      | value                                             |
/// |------------------------------------------|---------------------------------------------------|
/// | `allow`, `deny`, `tcb_status`, `advisories` | 1 to 64 names                                  |
/// | `at_least`, `at_most`                    | 1 to 64 numbers of 0 to 2^32-1, by name           |
/// | `max_age`                                | a number of seconds, 0 to 2^32-1                  |
/// | `strength`                               | `"signatures"` or `"collateral"`                  |
///
/// Read strictly: unknown or doubled keys, an unknown role, a value that is not hexadecimal, or
/// more than 1 MiB, 64 levels or 10 000 values are refused, and so is an entry without a register.
class expectations_file {
 public:
  static constexpr detail::json_limits limits{};

  expectations_file() = default;

  /// `errc::attest_expectations_invalid`, or `attest_expectations_empty` for an entry that pins
  /// nothing. `complaint`, where given, is then told the place and the reason.
  static result<expectations_file> parse(std::string_view text, std::string* complaint = nullptr);

  /// Reads and parses a file; throws `failure` with the path and the reason.
  static expectations_file load(const std::filesystem::path& path);

  /// What is expected of a role; `errc::attest_expectations_empty` where the file does not name it.
  result<expectations> role(std::string_view name) const {
    const auto at = roles_.find(name);
    if (at == roles_.end()) return errc::attest_expectations_empty;
    return at->second;
  }

 private:
  std::map<std::string, expectations, std::less<>> roles_;
};

/// A whole expectations file; each entry is a role and `expectations::describe(...)`, or a role and
/// `"\"anyone\""`. One line for each entry, so that lines of several files can be put together.
inline std::string expectations_json(
    const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string text = "{\"enfilade\": \"expectations/1\", \"roles\": {\n";
  for (std::size_t i = 0; i != entries.size(); ++i)
    text += "  \"" + entries[i].first + "\": " + entries[i].second +
            (i + 1 == entries.size() ? "\n" : ",\n");
  return text + "}}\n";
}

namespace detail {

/// Reads the tree of an expectations file; throws the reason as a `failure`, caught by `parse`.
class expectations_reader {
 public:
  using json = nlohmann::json;

  static std::map<std::string, expectations, std::less<>> read(const json& document) {
    only(document, "the file", {"enfilade", "roles"});
    if (document["enfilade"] != "expectations/1") refuse("not \"enfilade\": \"expectations/1\"");
    const json& roles = document["roles"];
    if (!roles.is_object()) refuse("\"roles\" is not an object");
    std::map<std::string, expectations, std::less<>> all;
    for (const auto& [name, entry] : roles.items()) {
      if (!is_role(name)) refuse("a role is neither \"client\" nor \"stage N\"");
      all.emplace(name, read_role(name, entry));
    }
    return all;
  }

 private:
  [[noreturn]] static void refuse(std::string reason, errc e = errc::attest_expectations_invalid) {
    throw failure(e, std::move(reason));
  }

  /// Whether the object has all of `keys`, and nothing besides them and `others`.
  static void only(const json& object, const std::string& where,
                   std::initializer_list<std::string_view> keys,
                   std::initializer_list<std::string_view> others = {}) {
    if (!object.is_object()) refuse(where + ": not an object");
    for (const std::string_view key : keys)
      if (!object.contains(key)) refuse(where + ": no \"" + std::string{key} + '"');
    for (const auto& [key, value] : object.items())
      if (std::ranges::find(keys, key) == keys.end() &&
          std::ranges::find(others, key) == others.end())
        refuse(where + ": an unknown key");
  }

  static bool is_role(std::string_view name) {
    if (name == "client") return true;
    if (!name.starts_with("stage ")) return false;
    const std::string_view index = name.substr(6);
    return !index.empty() && index.size() <= 3 &&
           index.find_first_not_of("0123456789") == std::string_view::npos &&
           (index.size() == 1 || index.front() != '0');
  }

  static expectations read_role(const std::string& name, const json& entry) {
    if (entry == "anyone") return expectations::anyone();
    if (!entry.is_array()) return expected(name, {read_demands(name, entry)});
    if (entry.empty())
      refuse(name + ": an empty list of alternatives", errc::attest_expectations_empty);
    if (entry.size() > expectations::max_alternatives)
      refuse(name + ": more than " + std::to_string(expectations::max_alternatives) +
             " alternatives");
    std::vector<demands> alternatives;
    for (std::size_t i = 0; i != entry.size(); ++i)
      alternatives.push_back(
          read_demands(name + ", alternative " + std::to_string(i + 1), entry[i]));
    return expected(name, std::move(alternatives));
  }

  static expectations expected(const std::string& where, std::vector<demands> alternatives) {
    auto some = expectations::any_of(std::move(alternatives));
    if (!some) refuse(where + ": no such expectations", static_cast<errc>(some.error().value()));
    return *std::move(some);
  }

  static demands read_demands(const std::string& where, const json& entry) {
    only(entry, where, {"attester", "registers"},
         {"allow", "deny", "at_least", "at_most", "max_age", "strength", "tcb_status",
          "advisories"});
    const json& attester = entry["attester"];
    if (!attester.is_string() || !is_register_name(attester.get_ref<const std::string&>()))
      refuse(where + ": \"attester\" is not a name");
    demands out{attester, read_pins(where, entry["registers"])};
    out.allow = names(where, entry, "allow");
    out.deny = names(where, entry, "deny");
    for (const std::string& name : out.allow)
      if (std::ranges::find(out.deny, name) != out.deny.end())
        refuse(where + ": " + name + ": allowed and denied");
    out.at_least = limits_of(where, entry, "at_least");
    out.at_most = limits_of(where, entry, "at_most");
    if (entry.contains("max_age"))
      out.max_age = std::chrono::seconds{number(where + ": max_age", entry["max_age"])};
    if (entry.contains("strength")) out.strength = strength(where, entry["strength"]);
    out.tcb_status = names(where, entry, "tcb_status");
    out.advisories = names(where, entry, "advisories");
    return out;
  }

  static registers read_pins(const std::string& where, const json& entry) {
    if (!entry.is_object()) refuse(where + ": \"registers\" is not an object");
    if (entry.empty()) refuse(where + ": no register is pinned", errc::attest_expectations_empty);
    if (entry.size() > demands::max_pins)
      refuse(where + ": more than " + std::to_string(demands::max_pins) + " registers");
    registers pins;
    for (const auto& [pin, text] : entry.items()) {
      if (!is_register_name(pin)) refuse(where + ": not a register's name");
      const auto bytes = text.is_string() ? from_hex(text.get_ref<const std::string&>())
                                          : std::optional<std::vector<std::byte>>{};
      const auto value = Measurement::from(bytes.value_or(std::vector<std::byte>{}));
      if (!value) refuse(where + ": " + pin + ": not 1 to 64 bytes in hexadecimal");
      pins.emplace_back(pin, *value);
    }
    return pins;
  }

  static std::vector<std::string> names(const std::string& where, const json& entry,
                                        const std::string& key) {
    std::vector<std::string> all;
    if (!entry.contains(key)) return all;
    const json& list = entry[key];
    if (!list.is_array() || list.empty() || list.size() > demands::max_names)
      refuse(where + ": " + key + ": not a list of 1 to " + std::to_string(demands::max_names) +
             " names");
    for (const json& name : list) {
      if (!name.is_string() || !demands::is_plain_name(name.get_ref<const std::string&>()))
        refuse(where + ": " + key + ": not a name");
      if (std::ranges::find(all, name.get_ref<const std::string&>()) != all.end())
        refuse(where + ": " + key + ": a name stands twice");
      all.push_back(name);
    }
    return all;
  }

  static std::vector<demands::limit> limits_of(const std::string& where, const json& entry,
                                               const std::string& key) {
    std::vector<demands::limit> all;
    if (!entry.contains(key)) return all;
    const json& object = entry[key];
    if (!object.is_object() || object.empty() || object.size() > demands::max_names)
      refuse(where + ": " + key + ": not an object of 1 to " + std::to_string(demands::max_names) +
             " numbers");
    for (const auto& [name, value] : object.items()) {
      if (!is_register_name(name)) refuse(where + ": " + key + ": not a number's name");
      all.emplace_back(name, number(where + ": " + key + ": " + name, value));
    }
    return all;
  }

  static std::uint32_t number(const std::string& where, const json& value) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > demands::max_number)
      refuse(where + ": not a whole number of 0 to " + std::to_string(demands::max_number));
    return static_cast<std::uint32_t>(value.get<std::uint64_t>());
  }

  static evidence_strength strength(const std::string& where, const json& value) {
    for (const auto known : {evidence_strength::signatures, evidence_strength::collateral})
      if (value == strength_name(known)) return known;
    refuse(where + ": \"strength\" is neither \"signatures\" nor \"collateral\"");
  }
};

}  // namespace detail

inline result<expectations_file> expectations_file::parse(std::string_view text,
                                                          std::string* complaint) {
  const auto tree = detail::parse_bounded(text, errc::attest_expectations_invalid,
                                          expectations_file::limits, complaint);
  if (!tree) return tree.error();
  try {
    expectations_file file;
    file.roles_ = detail::expectations_reader::read(*tree);
    return file;
  } catch (const failure& e) {
    if (complaint != nullptr) *complaint = e.where();
    return e.code();
  }
}

inline expectations_file expectations_file::load(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text(limits.max_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || (!file.eof() && file.gcount() == 0))
    throw failure(errc::attest_expectations_invalid, path.string() + ": cannot be read");
  std::string complaint;
  auto parsed = parse(text, &complaint);
  if (!parsed) throw failure(parsed.error(), path.string() + ": " + complaint);
  return *std::move(parsed);
}

}  // namespace enfilade
