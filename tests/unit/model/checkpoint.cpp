// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/checkpoint.hpp>

#include "support/failure_of.hpp"
#include "support/random_model.hpp"
#include "support/tiny_models.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

namespace {

using enfilade::checkpoint;
using enfilade::errc;
using test::failure_of;
using test::Tiny;

struct files {
  test::temporary_directory directory;
  std::filesystem::path index = directory.path() / "model.safetensors.index.json";

  checkpoint open() { return checkpoint{directory.path()}; }
};

TEST_SUITE("model/checkpoint") {
  TEST_CASE_FIXTURE(files, "a tensor is found") {
    test::model_form form;
    SUBCASE("in one file") {}
    SUBCASE("with a prefix that others give it") { form.prefix = "transformer."; }
    SUBCASE("in one of several files") { form.shards = 3; }
    SUBCASE("in one of several files, with a prefix") {
      form.shards = 2;
      form.prefix = "transformer.";
    }
    test::write_random_model<Tiny>(directory.path(), form);
    checkpoint all = open();
    for (const test::generated_tensor& t : test::gpt2_tensors<Tiny>(form)) {
      const checkpoint::place place = all.find(t.name);
      REQUIRE(place.tensor != nullptr);
      CHECK(place.tensor->end - place.tensor->begin == 4 * t.count());
    }
  }

  TEST_CASE_FIXTURE(files, "a tensor that is not there is named") {
    test::write_random_model<Tiny>(directory.path());
    checkpoint all = open();
    const failure_of found{[&] { all.find("h.2.ln_1.weight"); }};
    CHECK(found.code == errc::model_tensor_missing);
    CHECK(found.says("h.2.ln_1.weight"));
  }

  TEST_CASE_FIXTURE(files, "a directory without weights is refused, with the file's name") {
    const failure_of found{[&] { open(); }};
    CHECK(found.code == errc::model_file_missing);
    CHECK(found.says("model.safetensors"));
  }

  TEST_CASE_FIXTURE(files, "a shard is opened when a tensor of it is asked for, not before") {
    test::write_random_model<Tiny>(directory.path(), {.shards = 2});
    std::filesystem::remove(directory.path() / "model-1.safetensors");
    checkpoint all = open();
    CHECK(all.find("wte.weight").file != nullptr);
    const failure_of found{[&] { all.find("ln_f.weight"); }};
    CHECK(found.code == errc::model_file_missing);
    CHECK(found.says("model-1.safetensors"));
  }

  TEST_CASE_FIXTURE(files, "an index that points to a shard without the tensor is refused") {
    test::write_random_model<Tiny>(directory.path(), {.shards = 2});
    test::write_file(index, R"({"weight_map":{"wte.weight":"model-1.safetensors"}})");
    checkpoint all = open();
    CHECK(failure_of{[&] { all.find("wte.weight"); }}.code == errc::model_tensor_missing);
  }

  TEST_CASE_FIXTURE(files, "an index is refused") {
    std::string json;
    SUBCASE("that is no JSON") { json = "{"; }
    SUBCASE("that is no object") { json = "[]"; }
    SUBCASE("that has no weight_map") { json = "{}"; }
    SUBCASE("whose weight_map is a list") { json = R"({"weight_map":[]})"; }
    SUBCASE("that names a file elsewhere") {
      json = R"({"weight_map":{"a":"../secret.safetensors"}})";
    }
    SUBCASE("that names an absolute path") {
      json = R"({"weight_map":{"a":"/secret.safetensors"}})";
    }
    SUBCASE("that names a file of another kind") { json = R"({"weight_map":{"a":"config.json"}})"; }
    SUBCASE("that names a number") { json = R"({"weight_map":{"a":1}})"; }
    SUBCASE("that is nested deeply") { json = std::string(100'000, '['); }
    test::write_file(index, json);
    CHECK(failure_of{[&] { open(); }}.code == errc::model_header_invalid);
  }
}

}  // namespace
