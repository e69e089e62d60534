// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/config.hpp>

#include "support/failure_of.hpp"
#include "support/random_model.hpp"
#include "support/tiny_models.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace {

using enfilade::errc;
using enfilade::Gpt2Small;
using enfilade::model_config;
using nlohmann::json;
using test::failure_of;
using test::Tiny;

json good() { return json::parse(test::gpt2_config<Tiny>()); }

model_config check(const json& config) {
  return model_config::check<Tiny>(config.dump(), "config.json");
}

failure_of refusal(const std::string& key, const json& value) {
  json config = good();
  config[key] = value;
  return failure_of{[&] { check(config); }};
}

// The config.json of the published GPT-2 124M, as far as it concerns the model.
const char* const published = R"({"activation_function": "gelu_new",
  "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 50256,
  "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02,
  "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768,
  "n_head": 12, "n_layer": 12, "n_positions": 1024, "resid_pdrop": 0.1,
  "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}},
  "vocab_size": 50257})";

TEST_SUITE("model/config") {
  TEST_CASE("the configuration of the compiled model is accepted") {
    CHECK(check(good()).tied_head);
    CHECK(model_config::check<Gpt2Small>(published, "config.json").tied_head);
  }

  TEST_CASE("a model of another size is refused by the field that differs") {
    const failure_of found{
        [] { model_config::check<enfilade::Gpt2Medium>(published, "config.json"); }};
    CHECK(found.code == errc::model_config_mismatch);
    CHECK(found.where == "config.json: n_layer: compiled 24, file says 12");
  }

  TEST_CASE("every field that changes a result is compared") {
    const auto differs = [](const char* key, const json& value, const std::string& says) {
      const failure_of found = refusal(key, value);
      CHECK(found.code == errc::model_config_mismatch);
      CHECK(found.where == "config.json: " + std::string{key} + ": compiled " + says);
    };
    differs("model_type", "llama", "gpt2, file says llama");
    differs("n_layer", 3, "2, file says 3");
    differs("n_layer", nullptr, "2, file says nothing");
    differs("n_layer", "2", "2, file says 2");
    differs("n_embd", 16, "8, file says 16");
    differs("n_head", 4, "2, file says 4");
    differs("vocab_size", 12, "11, file says 12");
    differs("n_positions", 32, "16, file says 32");
    differs("n_ctx", 32, "16, file says 32");
    differs("n_inner", 64, "32, file says 64");
    differs("layer_norm_epsilon", 1e-6, "1e-05, file says 1e-06");
    differs("layer_norm_epsilon", "small", "1e-05, file says small");
    differs("activation_function", "relu", "gelu_new, file says relu");
    differs("activation_function", "gelu", "gelu_new, file says gelu");
    differs("scale_attn_weights", false, "true, file says false");
    differs("scale_attn_by_inverse_layer_idx", true, "false, file says true");
    differs("reorder_and_upcast_attn", true, "false, file says true");
    differs("add_cross_attention", true, "false, file says true");
    differs("is_encoder_decoder", true, "false, file says true");
    differs("quantization_config", json::object(), "none, file says another form of weights");
  }

  TEST_CASE("what a file leaves out has Hugging Face's default") {
    json config = good();
    for (const char* key : {"n_inner", "layer_norm_epsilon", "activation_function"})
      config.erase(key);
    CHECK(check(config).tied_head);
    config["n_inner"] = nullptr;
    CHECK(check(config).tied_head);
    config["activation_function"] = "gelu_pytorch_tanh";
    CHECK(check(config).tied_head);
  }

  TEST_CASE("either name of the context will do, but one is needed") {
    json config = good();
    config.erase("n_positions");
    CHECK(failure_of{[&] { check(config); }}.says("n_positions"));
    config["n_ctx"] = 16;
    CHECK(check(config).tied_head);
  }

  TEST_CASE("a head of its own is noticed") {
    json config = good();
    config["tie_word_embeddings"] = false;
    CHECK_FALSE(check(config).tied_head);
    CHECK(refusal("tie_word_embeddings", 1).code == errc::model_config_invalid);
  }

  TEST_CASE("what is no configuration is refused") {
    for (const std::string& text :
         {std::string{}, std::string{"{"}, std::string{"[]"}, std::string(100'000, '['),
          std::string{R"({"n_layer":1,"n_layer":2})"}}) {
      const failure_of found{[&] { model_config::check<Tiny>(text, "config.json"); }};
      CHECK(found.code == errc::model_config_invalid);
      CHECK(found.says("config.json"));
    }
  }

  TEST_CASE("a value from the file does not write to a terminal") {
    CHECK(refusal("model_type", "\x1b[2J").says("file says (unprintable)"));
    CHECK(refusal("n_layer", json::array({1})).says("file says something else"));
  }

  TEST_CASE("a directory without config.json is refused, with the file's name") {
    const test::temporary_directory directory;
    const failure_of found{[&] { model_config::check<Tiny>(directory.path()); }};
    CHECK(found.code == errc::model_file_missing);
    CHECK(found.says("config.json"));
  }

  TEST_CASE("an enormous config.json is not read to its end") {
    const test::temporary_directory directory;
    test::write_file(directory.path() / "config.json",
                     test::gpt2_config<Tiny>() + std::string(2 << 20, ' '));
    const failure_of found{[&] { model_config::check<Tiny>(directory.path()); }};
    CHECK(found.code == errc::model_config_invalid);
  }
}

}  // namespace
