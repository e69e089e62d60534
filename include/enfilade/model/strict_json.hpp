// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade::detail {

/// One object of a JSON file, read so that nothing in it is passed over in silence.
///
/// Every complaint is a `failure` of the given error whose `where` is the way to the object and at
/// most the name of a field or of a type.
class strict_object {
 public:
  /// Refers to `json`, which must outlive it.
  strict_object(const nlohmann::json& json, errc error, std::string where)
      : json_(json), error_(error), where_(std::move(where)) {
    if (!json_.is_object()) refuse("not an object");
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw failure(error_, where_ + ": " + what);
  }

  /// Refuses every other member: it may ask for something that nobody here has heard of.
  void only(std::initializer_list<std::string_view> known) const {
    for (const auto& member : json_.items())
      if (std::find(known.begin(), known.end(), member.key()) == known.end())
        refuse("unknown field " + printable(member.key()));
  }

  /// Refuses what is switched on: these may be absent, null, false or an empty string.
  void off(std::initializer_list<const char*> keys) const {
    for (const char* key : keys) {
      const nlohmann::json* member = get(key);
      if (member == nullptr || *member == false || *member == "") continue;
      const bool typed = member->is_object() && member->contains("type");
      refuse(key + (typed ? ' ' + printable((*member)["type"]) : "") + " is not supported");
    }
  }

  /// Refuses an object whose `type` is another one.
  void type(std::string_view expected) const {
    const nlohmann::json& found = need("type");
    if (found != expected) refuse(printable(found) + " is not supported");
  }

  /// The member; null where it is absent or null.
  const nlohmann::json* get(const char* key) const {
    const auto at = json_.find(key);
    return at == json_.end() || at->is_null() ? nullptr : &*at;
  }

  const nlohmann::json& need(const char* key) const {
    const nlohmann::json* member = get(key);
    if (member == nullptr) refuse(std::string{key} + " is missing");
    return *member;
  }

  /// An object inside this one.
  strict_object inside(const char* key) const { return inside(key, need(key)); }
  strict_object inside(const char* key, const nlohmann::json& json) const {
    return {json, error_, where_ + ": " + key};
  }

  /// The number, which must be a whole one in [0, end).
  std::uint32_t below(std::uint32_t end, const nlohmann::json& number) const {
    if (!number.is_number_unsigned() || number.get<std::uint64_t>() >= end)
      refuse("a number is not in 0 to " + std::to_string(end - 1));
    return number.get<std::uint32_t>();
  }

  /// A name from the file, made fit for a message: a file must not write to somebody's terminal.
  static std::string printable(const nlohmann::json& name) {
    const std::string text = name.is_string() ? name.get<std::string>() : "";
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    return plain && !text.empty() && text.size() <= 40 ? text : "(unprintable)";
  }

 private:
  const nlohmann::json& json_;
  errc error_;
  std::string where_;
};

}  // namespace enfilade::detail
