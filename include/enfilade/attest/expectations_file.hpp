// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/detail/bounded_json.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
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
/// up `stage_role(0)`. One file serves them all. Its form, in JSON:
///
///     {"enfilade": "expectations/1", "roles": {
///       "stage 0": {"attester": "mock", "registers": {"binary": "9f86d0…", "weights": "2c26b4…"}},
///       "client": "anyone"
///     }}
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

  static void only(const json& object, const std::string& where,
                   std::initializer_list<const char*> keys) {
    if (!object.is_object()) refuse(where + ": not an object");
    for (const char* key : keys)
      if (!object.contains(key)) refuse(where + ": no \"" + key + '"');
    if (object.size() != keys.size()) refuse(where + ": an unknown key");
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
    only(entry, name, {"attester", "registers"});
    const json& attester = entry["attester"];
    if (!attester.is_string() || !is_register_name(attester.get_ref<const std::string&>()))
      refuse(name + ": \"attester\" is not a name");
    if (!entry["registers"].is_object()) refuse(name + ": \"registers\" is not an object");
    registers pins;
    for (const auto& [pin, text] : entry["registers"].items()) {
      if (!is_register_name(pin)) refuse(name + ": not a register's name");
      const auto bytes = text.is_string() ? from_hex(text.get_ref<const std::string&>())
                                          : std::optional<std::vector<std::byte>>{};
      const auto value = Measurement::from(bytes.value_or(std::vector<std::byte>{}));
      if (!value) refuse(name + ": " + pin + ": not 1 to 64 bytes in hexadecimal");
      pins.emplace_back(pin, *value);
    }
    auto pinned = expectations::pinned(attester, std::move(pins));
    if (!pinned) refuse(name + ": no register is pinned", errc::attest_expectations_empty);
    return *std::move(pinned);
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
