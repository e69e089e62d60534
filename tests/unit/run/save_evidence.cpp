// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/save_evidence.hpp>

#include "support/random_model.hpp"
#include "support/test_data.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <string>

namespace {

using namespace enfilade;

TEST_SUITE("run/save_evidence") {
  TEST_CASE("evidence is kept as it was shown, beside what it was made for") {
    const test::temporary_directory folder;
    std::array<std::byte, 64> data{};
    data.front() = std::byte{0xAB};
    save_evidence(folder.path() / "made" / "here", 2, detail::bytes_of("shown"), data);
    const auto in = folder.path() / "made" / "here";
    CHECK(test::read_file(in / "stage2.evidence") == "shown");
    CHECK(test::read_file(in / "stage2.nonce") == "ab" + std::string(126, '0') + "\n");
  }

  TEST_CASE("a folder that cannot be had is named") {
    const std::array<std::byte, 64> data{};
    try {
      save_evidence("/dev/null/folder", 0, detail::bytes_of("shown"), data);
      FAIL("it was written");
    } catch (const failure& f) {
      CHECK(f.code() == errc::usage);
      CHECK(f.where() == "/dev/null/folder cannot be made");
    }
  }
}

}  // namespace
