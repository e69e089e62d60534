// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace test {

/// Whether this build is one in which an attack costs about what it costs a user's program.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool fast_build = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
inline constexpr bool fast_build = false;
#elif defined(__OPTIMIZE__)
inline constexpr bool fast_build = true;
#else
inline constexpr bool fast_build = false;
#endif
#elif defined(__OPTIMIZE__)
inline constexpr bool fast_build = true;
#else
inline constexpr bool fast_build = false;
#endif

/// Whether somebody has the time: ENFILADE_LONG=1.
inline bool long_campaigns() {
  const char* set = std::getenv("ENFILADE_LONG");
  return set != nullptr && std::string_view{set} == "1";
}

/// How often to try: `every_day`, or `long_run` with ENFILADE_LONG=1. One in fifty of it under
/// sanitizers and without optimisation, but never less than 20 where more was asked for: there it
/// is memory that is watched, not chance that is beaten.
inline std::uint64_t effort(std::uint64_t every_day, std::uint64_t long_run) {
  const std::uint64_t count = long_campaigns() ? long_run : every_day;
  constexpr std::uint64_t least = 20;
  if (fast_build || count <= least) return count;
  return count / 50 < least ? least : count / 50;
}

/// Counts what an attack tried and how much of it was refused, and says so at its end.
///
///     test::campaign c{"wire.tampered_records"};
///     std::mt19937_64 random{c.seed()};
///     ... c.tried(); ... c.refused();
///
/// One line, `{"campaign":...,"tried":...,"refused":...,"seconds":...,"seed":...}`, goes to stdout
/// and, where $ENFILADE_CAMPAIGNS names a folder, to the file `<name>.json` in it, in place of that
/// of an earlier run. tools/security_report.py makes the table of docs/design/security_tests.md of
/// these files. "Refused" is "ended as it must" where the attack is a fault and not a forgery.
///
/// A campaign that is left by an exception writes nothing. That everything was refused is for the
/// test to check.
class campaign {
 public:
  explicit campaign(std::string name)
      : name_(std::move(name)), seed_(chosen_seed()), exceptions_(std::uncaught_exceptions()) {}

  campaign(const campaign&) = delete;
  campaign& operator=(const campaign&) = delete;

  ~campaign() {
    if (std::uncaught_exceptions() > exceptions_) return;
    const std::string text = line();
    std::cout << text << std::endl;
    const char* folder = std::getenv("ENFILADE_CAMPAIGNS");
    if (folder == nullptr || *folder == '\0') return;
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    std::ofstream file{std::filesystem::path{folder} / (name_ + ".json")};
    file << text << '\n';
    if (!file.flush()) std::cerr << "cannot write " << folder << '/' << name_ << ".json\n";
  }

  void tried(std::uint64_t count = 1) noexcept { tried_ += count; }
  void refused(std::uint64_t count = 1) noexcept { refused_ += count; }

  std::uint64_t tries() const noexcept { return tried_; }
  std::uint64_t refusals() const noexcept { return refused_; }

  /// The same in every run, unless ENFILADE_SEED says another: what was found can be found again.
  std::uint64_t seed() const noexcept { return seed_; }

 private:
  static std::uint64_t chosen_seed() {
    const char* set = std::getenv("ENFILADE_SEED");
    return set != nullptr ? std::stoull(set) : 20260;
  }

  std::string line() const {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun_;
    std::ostringstream out;
    out << R"({"campaign":")" << name_ << R"(","tried":)" << tried_ << R"(,"refused":)" << refused_
        << R"(,"seconds":)" << std::fixed << std::setprecision(3) << taken.count() << R"(,"seed":)"
        << seed_ << '}';
    return out.str();
  }

  std::string name_;
  std::uint64_t seed_;
  int exceptions_;
  std::uint64_t tried_ = 0;
  std::uint64_t refused_ = 0;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace test
