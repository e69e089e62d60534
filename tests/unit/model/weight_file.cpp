// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/weight_file.hpp>

#include "support/failure_of.hpp"
#include "support/random_model.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <array>
#include <concepts>
#include <filesystem>
#include <string>

namespace {

using enfilade::errc;
using enfilade::weight_file;
using test::failure_of;

static_assert(!std::copyable<weight_file>);

struct one_file {
  test::temporary_directory directory;
  std::filesystem::path path = directory.path() / "model.safetensors";

  failure_of refusal() {
    return failure_of{[&] { weight_file{path}; }};
  }
};

const std::string json = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})";

TEST_SUITE("model/weight_file") {
  TEST_CASE_FIXTURE(one_file, "a tensor's bytes are at its position") {
    test::write_file(path, test::safetensors_prefix(json) + "wxyz");
    const weight_file file{path};
    REQUIRE(file.header().find("a") != nullptr);
    std::array<std::byte, 4> bytes{};
    file.read(file.position_of(*file.header().find("a")), bytes);
    CHECK(bytes[0] == std::byte{'w'});
    const auto mapped = file.map(0, file.position_of(*file.header().find("a")) + 4);
    CHECK(mapped.data()[mapped.size() - 1] == std::byte{'z'});
  }

  TEST_CASE_FIXTURE(one_file, "a file cut off at any byte is refused") {
    const std::string whole = test::safetensors_prefix(json) + "wxyz";
    for (std::size_t length = 0; length != whole.size(); ++length) {
      test::write_file(path, whole.substr(0, length));
      const failure_of found = refusal();
      CHECK(found.code == errc::model_header_invalid);
      CHECK(found.says(path.string()));
    }
  }

  TEST_CASE_FIXTURE(one_file, "a file is refused whose header is longer than allowed") {
    SUBCASE("by far") { test::write_file(path, std::string(64, '\xff')); }
    SUBCASE("by a byte") {
      test::write_file(path, std::string{"\x01\x00\x00\x01\x00\x00\x00\x00", 8} + json);
    }
    CHECK(refusal().says("a header of"));
  }

  TEST_CASE_FIXTURE(one_file, "what is no regular file is refused at once") {
    SUBCASE("being absent") {}
    SUBCASE("being a directory") { std::filesystem::create_directory(path); }
    SUBCASE("being a FIFO") { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
    CHECK(refusal().code == errc::model_file_missing);
  }

  TEST_CASE_FIXTURE(one_file, "reading beyond the end is an error and no fault") {
    test::write_file(path, test::safetensors_prefix(json) + "wxyz");
    const weight_file file{path};
    std::array<std::byte, 8> bytes{};
    const failure_of found{[&] { file.read(file.position_of(*file.header().find("a")), bytes); }};
    CHECK(found.code == errc::model_header_invalid);
  }
}

}  // namespace
