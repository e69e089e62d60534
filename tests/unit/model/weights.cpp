// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/weights.hpp>

#include "support/failure_of.hpp"
#include "support/random_model.hpp"
#include "support/tiny_models.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace enfilade;
using test::failure_of;
using test::Small;
using test::Tiny;

using whole = weights<Tiny, 0, 2, true, true>;
using front = weights<Tiny, 0, 1, true, false>;
using back = weights<Tiny, 1, 2, false, true>;
using inner = weights<Small, 1, 3, false, false>;

static_assert(std::movable<whole> && !std::copyable<whole>);

struct files {
  test::temporary_directory directory;
  test::model_form form;

  template <class Weights>
  Weights load(weight_storage storage = weight_storage::mapped) {
    checkpoint from{directory.path()};
    return Weights{from, !form.untied, storage, [](std::uint64_t, std::uint64_t) {}};
  }
  std::array<std::byte, 32> digest_of(const test::model_form& other) {
    const test::temporary_directory elsewhere;
    test::write_random_model<Tiny>(elsewhere.path(), other);
    checkpoint from{elsewhere.path()};
    return whole{from, true, weight_storage::mapped, [](std::uint64_t, std::uint64_t) {}}.digest();
  }
};

std::vector<std::string> names(const auto& loaded) {
  std::vector<std::string> all;
  for (const wanted_tensor& tensor : loaded.names()) all.push_back(tensor.name);
  return all;
}

// The definition in docs/concepts/model.md, written down a second time.
std::array<std::byte, 32> digest_by_hand(const std::vector<std::string>& order,
                                         const test::model_form& form) {
  std::string text = "enfilade/weights/1";
  const auto number = [&text](std::uint64_t value) {
    for (int i = 0; i != 8; ++i) text.push_back(static_cast<char>((value >> (8 * i)) & 255));
  };
  for (const std::string& name : order)
    for (const test::generated_tensor& t : test::gpt2_tensors<Tiny>(form)) {
      if (t.name != name) continue;
      number(name.size());
      text += name;
      number(t.shape.size());
      for (const std::size_t extent : t.shape) number(extent);
      const std::vector<float> values = test::generated_values(t, form.seed);
      text.append(reinterpret_cast<const char*>(values.data()), 4 * values.size());
    }
  return sha256(detail::bytes_of(text));
}

TEST_SUITE("model/weights") {
  TEST_CASE_FIXTURE(files, "each view shows the tensor of its name") {
    test::write_random_model<Tiny>(directory.path());
    const auto loaded = load<whole>();
    const auto shows = [&](const float* data, const std::string& name) {
      for (const test::generated_tensor& t : test::gpt2_tensors<Tiny>())
        if (t.name == name) {
          const std::vector<float> values = test::generated_values(t, 1);
          return std::equal(values.begin(), values.end(), data);
        }
      return false;
    };
    CHECK(shows(loaded.wte.data(), "wte.weight"));
    CHECK(shows(loaded.wpe.data(), "wpe.weight"));
    for (std::size_t i = 0; i != 2; ++i) {
      const std::string h = "h." + std::to_string(i) + ".";
      const auto& layer = loaded.layers[i];
      CHECK(shows(layer.ln_1_weight.data(), h + "ln_1.weight"));
      CHECK(shows(layer.ln_1_bias.data(), h + "ln_1.bias"));
      CHECK(shows(layer.c_attn_weight.data(), h + "attn.c_attn.weight"));
      CHECK(shows(layer.c_attn_bias.data(), h + "attn.c_attn.bias"));
      CHECK(shows(layer.c_proj_weight.data(), h + "attn.c_proj.weight"));
      CHECK(shows(layer.c_proj_bias.data(), h + "attn.c_proj.bias"));
      CHECK(shows(layer.ln_2_weight.data(), h + "ln_2.weight"));
      CHECK(shows(layer.ln_2_bias.data(), h + "ln_2.bias"));
      CHECK(shows(layer.c_fc_weight.data(), h + "mlp.c_fc.weight"));
      CHECK(shows(layer.c_fc_bias.data(), h + "mlp.c_fc.bias"));
      CHECK(shows(layer.mlp_proj_weight.data(), h + "mlp.c_proj.weight"));
      CHECK(shows(layer.mlp_proj_bias.data(), h + "mlp.c_proj.bias"));
    }
    CHECK(shows(loaded.ln_f_weight.data(), "ln_f.weight"));
    CHECK(shows(loaded.ln_f_bias.data(), "ln_f.bias"));
    CHECK(loaded.layers[1].c_fc_weight.rows() == Tiny::hidden);
    CHECK(loaded.layers[1].c_fc_weight.columns() == Tiny::intermediate);
    CHECK_MESSAGE(loaded.head.data() == loaded.wte.data(), "a tied head is loaded once");
  }

  TEST_CASE_FIXTURE(files, "a stage takes its own tensors and no others") {
    test::write_random_model<Tiny>(directory.path());
    const auto first = names(load<front>());
    const auto second = names(load<back>());
    CHECK(first.size() == 2 + 12);
    CHECK(second.size() == 12 + 3);
    CHECK(first.front() == "wte.weight");
    CHECK(first.back() == "h.0.mlp.c_proj.bias");
    CHECK(second.front() == "h.1.ln_1.weight");
    CHECK_MESSAGE(second.back() == "wte.weight", "the head of a tied model");
  }

  TEST_CASE_FIXTURE(files, "a head of its own is taken where the configuration says so") {
    form.untied = true;
    test::write_random_model<Tiny>(directory.path(), form);
    const auto loaded = load<whole>();
    CHECK(names(loaded).back() == "lm_head.weight");
    CHECK(loaded.head.data() != loaded.wte.data());
  }

  TEST_CASE_FIXTURE(files, "a head that should be there and is not is named") {
    test::write_random_model<Tiny>(directory.path());
    form.untied = true;
    CHECK(failure_of{[&] { load<whole>(); }}.says("lm_head.weight"));
  }

  TEST_CASE_FIXTURE(files, "a layer that the compiled model has and the file has not is named") {
    test::write_random_model<Tiny>(directory.path());
    const failure_of found{[&] { load<weights<test::Small, 3, 4, false, false>>(); }};
    CHECK(found.code == errc::model_tensor_missing);
    CHECK(found.says("h.3.ln_1.weight"));
  }

  TEST_CASE_FIXTURE(files, "the digest is the documented hash of exactly the stage's tensors") {
    test::write_random_model<Tiny>(directory.path());
    const auto all = load<whole>();
    const auto part = load<back>();
    CHECK(all.digest() == digest_by_hand(names(all), form));
    CHECK(part.digest() == digest_by_hand(names(part), form));
    CHECK(all.digest() != part.digest());
    CHECK(part.digest() != load<front>().digest());
  }

  TEST_CASE_FIXTURE(files, "the digest depends on the weights, not on how a file holds them") {
    const auto plain = digest_of({});
    CHECK(digest_of({.prefix = "transformer."}) == plain);
    CHECK(digest_of({.padding = 1}) == plain);
    CHECK(digest_of({.buffers = true}) == plain);
    CHECK(digest_of({.shards = 4}) == plain);
    CHECK(digest_of({.seed = 2}) != plain);
    test::write_random_model<Tiny>(directory.path());
    CHECK(load<whole>(weight_storage::copied).digest() == plain);
  }

  TEST_CASE_FIXTURE(files, "one changed bit changes the digest") {
    test::write_random_model<Tiny>(directory.path());
    const auto before = load<back>().digest();
    const std::filesystem::path path = directory.path() / "model.safetensors";
    std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(-1, std::ios::end);  // in ln_f.bias
    file.put('\x01');
    file.close();
    CHECK(load<back>().digest() != before);
  }

  TEST_CASE_FIXTURE(files, "progress grows to the number of bytes of the stage's tensors") {
    test::write_random_model<Tiny>(directory.path());
    std::uint64_t last = 0;
    std::uint64_t expected = 0;
    checkpoint from{directory.path()};
    const back loaded{from, true, weight_storage::mapped,
                      [&](std::uint64_t done, std::uint64_t total) {
                        CHECK(done > last);
                        last = done;
                        expected = total;
                      }};
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i != loaded.memory().size(); ++i)
      bytes += loaded.memory()[i].size_bytes();
    CHECK(last == bytes);
    CHECK(expected == bytes);
  }

  TEST_CASE_FIXTURE(files, "a stage without embedding and head has its layers only") {
    test::write_random_model<Small>(directory.path());
    CHECK(names(load<inner>()).size() == 24);
  }
}

}  // namespace
