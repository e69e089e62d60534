// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/tensor_memory.hpp>

#include "support/failure_of.hpp"
#include "support/random_model.hpp"
#include "support/tiny_models.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using namespace enfilade;
using test::failure_of;
using test::Small;

struct files {
  test::temporary_directory directory;
  test::model_form form;

  void write() { test::write_random_model<Small>(directory.path(), form); }

  tensor_memory load(const std::vector<wanted_tensor>& wanted,
                     weight_storage storage = weight_storage::mapped) {
    checkpoint from{directory.path()};
    return {from, wanted, storage};
  }

  bool has(const tensor_memory& memory, std::size_t i, const std::string& name) const {
    for (const test::generated_tensor& t : test::gpt2_tensors<Small>(form))
      if (t.name == name)
        return std::ranges::equal(memory[i], test::generated_values(t, form.seed));
    return false;
  }
};

const std::vector<wanted_tensor> some{{"h.2.attn.c_attn.weight", {60, 180}},
                                      {"h.0.ln_1.bias", {60}},
                                      {"h.2.attn.c_attn.bias", {180}},
                                      {"wte.weight", {501, 60}}};

TEST_SUITE("model/tensor_memory") {
  TEST_CASE_FIXTURE(files, "wanted tensors are there, in the order of the wish") {
    weight_storage storage = weight_storage::mapped;
    SUBCASE("mapped") {}
    SUBCASE("copied") { storage = weight_storage::copied; }
    SUBCASE("copied because the file does not align them") { form.padding = 3; }
    SUBCASE("from several files") { form.shards = 3; }
    SUBCASE("out of a file with more tensors") {
      form.buffers = true;
      form.prefix = "transformer.";
    }
    write();
    const tensor_memory memory = load(some, storage);
    REQUIRE(memory.size() == some.size());
    for (std::size_t i = 0; i != some.size(); ++i) CHECK(has(memory, i, some[i].name));
    CHECK(memory.mapped().empty() == (storage == weight_storage::copied || form.padding != 0));
  }

  TEST_CASE_FIXTURE(files, "the file may be gone once its tensors are there") {
    write();
    const tensor_memory memory = load(some);
    std::filesystem::remove_all(directory.path());
    CHECK(has(memory, 3, "wte.weight"));
  }

  TEST_CASE_FIXTURE(files, "neighbours share a mapping, strangers do not") {
    write();
    CHECK(
        load({{"h.1.mlp.c_fc.weight", {60, 250}}, {"h.1.mlp.c_fc.bias", {250}}}).mapped().size() ==
        1);
    CHECK(load({{"h.0.mlp.c_fc.weight", {60, 250}}, {"h.3.mlp.c_fc.weight", {60, 250}}})
              .mapped()
              .size() == 2);
  }

  TEST_CASE_FIXTURE(files, "another shape is refused, with both shapes") {
    write();
    const failure_of found{[&] { load({{"h.0.attn.c_attn.weight", {60, 181}}}); }};
    CHECK(found.code == errc::model_shape_mismatch);
    CHECK(found.says(
        "model.safetensors: h.0.attn.c_attn.weight: compiled [60, 181], file has [60, 180]"));
  }

  TEST_CASE_FIXTURE(files, "another type is refused by its name") {
    test::write_file(
        directory.path() / "model.safetensors",
        test::safetensors_prefix(R"({"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})") +
            "abcd");
    const failure_of found{[&] { load({{"a", {2}}}); }};
    CHECK(found.code == errc::model_dtype);
    CHECK(found.says("a: is BF16, not F32"));
  }

  TEST_CASE_FIXTURE(files, "a tensor that is missing is named") {
    write();
    CHECK(failure_of{[&] { load({{"lm_head.weight", {501, 60}}}); }}.says("lm_head.weight"));
  }
}

}  // namespace
