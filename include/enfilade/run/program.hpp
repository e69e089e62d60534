// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/options.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace enfilade {

/// The one line that a program prints of an error: `name: where: what happened. Remedy.`
inline std::string describe(const std::exception& error) {
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
  const auto* system = dynamic_cast<const boost::system::system_error*>(&error);
  if (system == nullptr || system->code().category() != error_category())
    return facts_of_error(errc::internal).exit_code;
  return facts_of_error(static_cast<errc>(system->code().value())).exit_code;
}

/// Says one line on stderr in a single write, so that lines of several processes do not mix.
/// Control characters, which could make several lines of it or move a cursor, become question marks.
inline void say(std::string_view who, std::string_view what) {
  std::string line = std::string{who} + ": " + std::string{what};
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

/// The body of every `main`: answers `--help`, parses the options, runs `body(options)` and turns
/// whatever it throws into one line on stderr and the exit code of docs/errors.md.
template <class Body>
int run_program(std::string_view name, std::string_view purpose, std::vector<option> known,
                int argc, const char* const* argv, Body&& body) {
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
