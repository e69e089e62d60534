// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>

namespace test {

/// How often `data_directory` found nothing; main.cpp makes "skipped" of it where nothing failed.
inline int& skipped_for_lack_of_data() {
  static int count = 0;
  return count;
}

/// The third-party test data: `ENFILADE_TEST_DATA`, else `../shared/data` beside the repository.
///
/// Where it is absent, a test says so in one line that names it, and CTest counts it as skipped:
///
///     const auto data = test::data_directory("wycheproof x25519");
///     if (!data) return;
inline std::optional<std::filesystem::path> data_directory(const char* test_name) {
  const char* named = std::getenv("ENFILADE_TEST_DATA");
  const std::filesystem::path directory = named != nullptr ? named : ENFILADE_DEFAULT_TEST_DATA;
  if (std::filesystem::is_directory(directory)) return directory;
  std::cout << "skipped: no test data: " << test_name << '\n';
  ++skipped_for_lack_of_data();
  return std::nullopt;
}

/// The whole content of a file; throws where it cannot be read, which fails the test.
inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) throw std::runtime_error{"cannot read " + path.string()};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace test
