// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/core_dumps.hpp>
#include <enfilade/run/no_memory.hpp>
#include <enfilade/run/options.hpp>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// The one line that a program prints of an error: `name: where: what happened. Remedy.`
inline std::string describe(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return describe(detail::no_memory);
  const auto* system = dynamic_cast<const boost::system::system_error*>(&error);
  const auto* named = dynamic_cast<const failure*>(&error);
  if (system == nullptr) return "internal: " + std::string{error.what()};
  if (system->code().category() != error_category()) {
    const std::string where = named != nullptr ? named->where() + ": " : std::string{};
    return "internal: " + where + system->code().message();
  }
  const error_facts& facts = facts_of_error(static_cast<errc>(system->code().value()));
  std::string line{facts.name};
  if (named != nullptr && !named->where().empty()) line += ": " + named->where();
  line += ": ";
  line += facts.message;
  line += ". ";
  line += facts.remedy;
  line += " (docs/errors.md#" + std::string{facts.name} + ")";
  return line;
}

/// The short name of an error's cause: `frame.truncated`, or the system's own words.
inline std::string cause_of(const boost::system::system_error& error) {
  if (error.code().category() != error_category()) return error.code().message();
  return std::string{facts_of_error(static_cast<errc>(error.code().value())).name};
}

/// Whether the peer was refused, or refuses: asking it again cannot help.
inline bool is_refusal(const boost::system::system_error& error) {
  return error.code().category() == error_category() &&
         facts_of_error(static_cast<errc>(error.code().value())).exit_code == 10;
}

/// The exit code of a program that ends with `error`.
inline int exit_code_of(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr)
    return facts_of_error(errc::process_out_of_memory).exit_code;
  const auto* system = dynamic_cast<const boost::system::system_error*>(&error);
  if (system == nullptr || system->code().category() != error_category())
    return facts_of_error(errc::internal).exit_code;
  return facts_of_error(static_cast<errc>(system->code().value())).exit_code;
}

/// No line of a log is longer, its end included.
inline constexpr std::size_t max_log_line = 1024;

namespace detail {

/// `text` as one line of at most `longest` bytes that moves no cursor: control characters, those of
/// two bytes (U+0080 to U+009F) as well, become question marks; what is cut ends with three dots
/// and not within a character.
inline std::string one_line(std::string text, std::size_t longest) {
  if (text.size() > longest) {
    std::size_t end = longest - 3;
    while (end != 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.replace(end, std::string::npos, "...");
  }
  for (std::size_t i = 0; i != text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < ' ' || c == 0x7f) text[i] = '?';
    if (c == 0xC2 && i + 1 != text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0)
      text[i] = text[i + 1] = '?';
  }
  return text;
}

}  // namespace detail

/// Says one line on stderr in a single write, so that lines of several processes do not mix.
inline void say(std::string_view who, std::string_view what) {
  std::string line = std::string{who} + ": " + std::string{what};
  line = detail::one_line(std::move(line), max_log_line - 1) + '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

/// The body of every `main`: forbids core dumps, answers `--help`, parses the options, runs
/// `body(options)` and turns whatever it throws into one line on stderr and the exit code of
/// docs/errors.md.
template <class Body>
int run_program(std::string_view name, std::string_view purpose, std::vector<option> known,
                int argc, const char* const* argv, Body&& body) {
  forbid_core_dumps();
  known.emplace_back(option{"--help", "", "print this and end"});
  try {
    const options given{argc, argv, known};
    if (given.has("--help")) {
      const std::string text = options::help(name, purpose, known);
      std::fwrite(text.data(), 1, text.size(), stdout);
      return 0;
    }
    return body(given);
  } catch (const std::exception& error) {
    say(name, describe(error));
    return exit_code_of(error);
  }
}

}  // namespace enfilade
