// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace enfilade {

/// One `--name VALUE` or `--name` of a program's command line.
struct option {
  std::string_view name;     ///< with its dashes: "--listen"
  std::string_view value;    ///< what the help calls the value: "ADDR"; empty for a flag
  std::string_view meaning;  ///< one line for the help
  bool repeated = false;     ///< may stand more than once, with another value each time
};

/// A strict command line: every word is a known option, and each stands once unless it is repeated.
///
/// Anything else is `errc::usage`, and the error names the word. Values never hold secrets: other
/// users of a machine can read a command line.
class options {
 public:
  /// Parses `argv[1..]` against `known`; throws `failure(errc::usage)`.
  options(int argc, const char* const* argv, std::vector<option> known) : known_(std::move(known)) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      const auto found = std::ranges::find(known_, word, &option::name);
      if (found == known_.end())
        throw failure(errc::usage, "'" + std::string{word} + "' is not an option");
      if (has(word) && !found->repeated)
        throw failure(errc::usage, std::string{word} + " stands twice");
      if (found->value.empty()) {
        given_.emplace_back(word, "");
        continue;
      }
      if (i + 1 == argc)
        throw failure(errc::usage, std::string{word} + " needs " + std::string{found->value});
      given_.emplace_back(word, argv[++i]);
    }
  }

  bool has(std::string_view name) const {
    return std::ranges::find(given_, name, &given::name) != given_.end();
  }

  /// The value given for `name`, if any.
  std::optional<std::string> find(std::string_view name) const {
    const auto found = std::ranges::find(given_, name, &given::name);
    if (found == given_.end()) return std::nullopt;
    return std::string{found->value};
  }

  /// All values given for a repeated option, in their order.
  std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> values;
    for (const given& one : given_)
      if (one.name == name) values.emplace_back(one.value);
    return values;
  }

  /// The value given for `name`; throws `failure(errc::usage)` where it is missing.
  std::string require(std::string_view name) const {
    std::optional<std::string> value = find(name);
    if (!value) throw failure(errc::usage, std::string{name} + " is missing");
    return *std::move(value);
  }

  /// A whole number in [least, most], or `otherwise` where the option is absent.
  std::size_t number(std::string_view name, std::size_t otherwise, std::size_t least,
                     std::size_t most) const {
    const std::optional<std::string> text = find(name);
    if (!text) return otherwise;
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end != text->data() + text->size() || value < least || value > most)
      throw failure(errc::usage, std::string{name} + " takes a whole number from " +
                                     std::to_string(least) + " to " + std::to_string(most));
    return value;
  }

  /// The text of `--help`.
  static std::string help(std::string_view program, std::string_view purpose,
                          const std::vector<option>& known) {
    std::string text =
        "usage: " + std::string{program} + " [options]\n" + std::string{purpose} + "\n\n";
    const auto left_of = [](const option& o) {
      return std::string{o.name} + " " + std::string{o.value} + (o.repeated ? "..." : "");
    };
    std::size_t width = 0;
    for (const option& o : known) width = std::max(width, left_of(o).size());
    for (const option& o : known) {
      std::string left = left_of(o);
      left.resize(width + 2, ' ');
      text += "  " + left + std::string{o.meaning} + "\n";
    }
    return text;
  }

 private:
  struct given {
    given(std::string_view n, std::string_view v) : name(n), value(v) {}
    std::string_view name;
    std::string_view value;
  };

  std::vector<option> known_;
  std::vector<given> given_;
};

}  // namespace enfilade
