// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A program that reads other files than these bounds foresee defines the macros.
#ifndef ENFILADE_MAX_JSON_BYTES
#define ENFILADE_MAX_JSON_BYTES (1u << 20)
#endif
#ifndef ENFILADE_MAX_JSON_DEPTH
#define ENFILADE_MAX_JSON_DEPTH 64
#endif
#ifndef ENFILADE_MAX_JSON_VALUES
#define ENFILADE_MAX_JSON_VALUES 10000
#endif

namespace enfilade::detail {

/// How much of a JSON document is looked at before it is refused. Every file has limits of its own;
/// these are for small ones.
struct json_limits {
  std::size_t max_bytes = ENFILADE_MAX_JSON_BYTES;
  std::size_t max_depth = ENFILADE_MAX_JSON_DEPTH;  ///< of arrays and objects inside each other
  /// Of any type; an array or object counts as one more.
  std::size_t max_values = ENFILADE_MAX_JSON_VALUES;
};

static_assert(json_limits{}.max_depth <= 1000,
              "a tree's copy recurses: keep it off the stack's end");

/// Reads a document without making anything of it, and stops at the first excess.
///
/// nlohmann/json's own tree recurses when it is copied or printed, so a deep document must be
/// refused before there is a tree. Its tokenizer and this reader recurse nowhere.
class json_inspector {
 public:
  explicit json_inspector(const json_limits& limits) : limits_(limits) {}

  const std::string& complaint() const noexcept { return complaint_; }

  // What nlohmann::json::sax_parse calls; `false` ends the parse.
  bool null() { return value(); }
  bool boolean(bool) { return value(); }
  bool number_integer(std::int64_t) { return value(); }
  bool number_unsigned(std::uint64_t) { return value(); }
  bool number_float(double, const std::string&) { return value(); }
  bool string(std::string&) { return value(); }
  bool binary(nlohmann::json::binary_t&) { return value(); }

  bool start_object(std::size_t) {
    first_keys_.push_back(keys_.size());
    return enter();
  }
  bool key(std::string& name) {
    keys_.push_back(name);
    return true;
  }
  bool end_object() {
    // Sorted, not hashed: nobody can choose keys that make this slow.
    const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(first_keys_.back());
    std::sort(begin, keys_.end());
    if (std::adjacent_find(begin, keys_.end()) != keys_.end())
      return complain("a key stands twice in one object");
    keys_.resize(first_keys_.back());
    first_keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) { return enter(); }
  bool end_array() {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    return complain("not JSON at byte " + std::to_string(position));
  }

 private:
  bool complain(std::string text) {
    complaint_ = std::move(text);
    return false;
  }
  bool value() {
    return ++values_ <= limits_.max_values ||
           complain("more than " + std::to_string(limits_.max_values) + " values");
  }
  bool enter() {
    if (++depth_ > limits_.max_depth)
      return complain("deeper than " + std::to_string(limits_.max_depth) + " levels");
    return value();
  }

  json_limits limits_;
  std::size_t depth_ = 0;
  std::size_t values_ = 0;
  std::vector<std::string> keys_;        // of all open objects, outermost first
  std::vector<std::size_t> first_keys_;  // where each open object's keys begin
  std::string complaint_;
};

/// The tree of a whole JSON document; `refused` where it is not one, is above a limit, or has a
/// key twice in one object (of which readers take now the first, now the last).
///
/// `complaint`, where given, is then told the reason in a few words, without bytes of the document.
inline result<nlohmann::json> parse_bounded(std::string_view text, errc refused,
                                            const json_limits& limits = {},
                                            std::string* complaint = nullptr) {
  json_inspector inspector{limits};
  std::string reason;
  if (text.size() > limits.max_bytes) {
    reason = "longer than " + std::to_string(limits.max_bytes) + " bytes";
  } else if (text.find('\0') != std::string_view::npos) {
    reason = "a NUL byte";  // nlohmann/json would take it for the end and accept what precedes it
  } else if (nlohmann::json::sax_parse(text.begin(), text.end(), &inspector)) {
    return {boost::system::in_place_value, nlohmann::json::parse(text.begin(), text.end())};
  } else {
    reason = inspector.complaint();
  }
  if (complaint != nullptr) *complaint = std::move(reason);
  // Said in place: a json could be made from an enumerator too.
  return {boost::system::in_place_error, make_error_code(refused)};
}

}  // namespace enfilade::detail
