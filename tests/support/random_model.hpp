// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>  // mkdtemp

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// One tensor of a generated checkpoint.
struct generated_tensor {
  std::string name;
  std::vector<std::size_t> shape;

  std::size_t count() const {
    return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>{});
  }
};

/// How a generated checkpoint is written; the values are the same in every form.
struct model_form {
  std::uint64_t seed = 1;
  std::string prefix{};     ///< `transformer.`, as some checkpoints have it
  std::size_t padding = 0;  ///< spaces after a header whose data would begin at a multiple of 64
  bool buffers = false;     ///< with the causal masks that old checkpoints carry along
  bool untied = false;      ///< with a head of its own
  std::size_t shards = 1;   ///< files, joined by an index
};

/// GPT-2's tensors for the shapes of `Model`, written down here a second time, from Hugging Face's
/// layout and not from the library.
template <class Model>
std::vector<generated_tensor> gpt2_tensors(const model_form& form = {}) {
  const std::size_t d = Model::hidden;
  const std::size_t wide = Model::intermediate;
  std::vector<generated_tensor> all{{"wte.weight", {Model::vocab, d}},
                                    {"wpe.weight", {Model::context, d}}};
  for (std::size_t i = 0; i != Model::layers; ++i) {
    const std::string h = "h." + std::to_string(i) + ".";
    if (form.buffers) {
      all.push_back({h + "attn.bias", {1, 1, Model::context, Model::context}});
      all.push_back({h + "attn.masked_bias", {}});
    }
    all.push_back({h + "ln_1.weight", {d}});
    all.push_back({h + "ln_1.bias", {d}});
    all.push_back({h + "attn.c_attn.weight", {d, 3 * d}});
    all.push_back({h + "attn.c_attn.bias", {3 * d}});
    all.push_back({h + "attn.c_proj.weight", {d, d}});
    all.push_back({h + "attn.c_proj.bias", {d}});
    all.push_back({h + "ln_2.weight", {d}});
    all.push_back({h + "ln_2.bias", {d}});
    all.push_back({h + "mlp.c_fc.weight", {d, wide}});
    all.push_back({h + "mlp.c_fc.bias", {wide}});
    all.push_back({h + "mlp.c_proj.weight", {wide, d}});
    all.push_back({h + "mlp.c_proj.bias", {d}});
  }
  all.push_back({"ln_f.weight", {d}});
  all.push_back({"ln_f.bias", {d}});
  if (form.untied) all.push_back({"lm_head.weight", {Model::vocab, d}});
  return all;
}

/// Values of the size that trained weights have: gains around 1, the rest within 0.1. They depend on
/// the seed and the tensor's name only.
inline std::vector<float> generated_values(const generated_tensor& tensor, std::uint64_t seed) {
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  for (const char c : tensor.name) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  const bool gain = tensor.name.ends_with("ln_1.weight") || tensor.name.ends_with("ln_2.weight") ||
                    tensor.name.ends_with("ln_f.weight");
  std::vector<float> values(tensor.count());
  for (float& value : values) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const auto unit = static_cast<float>(static_cast<std::int64_t>(state) >> 40) / 8388608.0F;
    value = (gain ? 1.0F : 0.0F) + 0.1F * unit;
  }
  return values;
}

/// The header of a safetensors file: its length, the JSON text, spaces up to a multiple of 64 and
/// `padding` more.
inline std::string safetensors_prefix(std::string json, std::size_t padding = 0) {
  while ((json.size() + 8) % 64 != 0) json += ' ';
  json += std::string(padding, ' ');
  std::string bytes;
  for (std::size_t i = 0; i != 8; ++i)
    bytes.push_back(static_cast<char>((json.size() >> (8 * i)) & 255));
  return bytes + json;
}

inline void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream file{path, std::ios::binary};
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file) throw std::runtime_error{"cannot write " + path.string()};
}

inline void write_safetensors(const std::filesystem::path& path,
                              const std::vector<generated_tensor>& tensors,
                              const model_form& form) {
  std::string json = "{\"__metadata__\":{\"format\":\"pt\"}";
  std::size_t at = 0;
  for (const generated_tensor& t : tensors) {
    json += ",\"" + form.prefix + t.name + "\":{\"dtype\":\"F32\",\"shape\":[";
    for (std::size_t i = 0; i != t.shape.size(); ++i) {
      if (i != 0) json += ',';
      json += std::to_string(t.shape[i]);
    }
    const std::size_t end = at + 4 * t.count();
    json += "],\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(end) + "]}";
    at = end;
  }
  const std::string prefix = safetensors_prefix(json + "}", form.padding);
  std::ofstream file{path, std::ios::binary};
  file.write(prefix.data(), static_cast<std::streamsize>(prefix.size()));
  for (const generated_tensor& t : tensors) {
    const std::vector<float> values = generated_values(t, form.seed);
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(4 * values.size()));
  }
  if (!file) throw std::runtime_error{"cannot write " + path.string()};
}

/// The `config.json` of `Model`.
template <class Model>
std::string gpt2_config(bool untied = false) {
  return "{\"model_type\":\"gpt2\",\"activation_function\":\"gelu_new\",\"n_layer\":" +
         std::to_string(Model::layers) + ",\"n_embd\":" + std::to_string(Model::hidden) +
         ",\"n_head\":" + std::to_string(Model::heads) +
         ",\"vocab_size\":" + std::to_string(Model::vocab) +
         ",\"n_positions\":" + std::to_string(Model::context) +
         ",\"n_inner\":" + std::to_string(Model::intermediate) + ",\"layer_norm_epsilon\":1e-05" +
         (untied ? ",\"tie_word_embeddings\":false}" : "}");
}

/// Writes a whole model directory with generated weights.
template <class Model>
void write_random_model(const std::filesystem::path& directory, const model_form& form = {}) {
  std::filesystem::create_directories(directory);
  write_file(directory / "config.json", gpt2_config<Model>(form.untied));
  const std::vector<generated_tensor> tensors = gpt2_tensors<Model>(form);
  if (form.shards == 1) return write_safetensors(directory / "model.safetensors", tensors, form);

  std::string index = "{\"metadata\":{},\"weight_map\":{";
  const std::size_t each = (tensors.size() + form.shards - 1) / form.shards;
  for (std::size_t shard = 0; shard * each < tensors.size(); ++shard) {
    const std::string name = "model-" + std::to_string(shard) + ".safetensors";
    const auto first = tensors.begin() + static_cast<std::ptrdiff_t>(shard * each);
    const auto last =
        tensors.begin() + static_cast<std::ptrdiff_t>(std::min(tensors.size(), (shard + 1) * each));
    write_safetensors(directory / name, {first, last}, form);
    for (auto t = first; t != last; ++t)
      index += std::string{t == tensors.begin() ? "" : ","} + "\"" + form.prefix + t->name +
               "\":\"" + name + "\"";
  }
  write_file(directory / "model.safetensors.index.json", index + "}}");
}

/// A directory under the system's temporary one, removed with everything in it.
class temporary_directory {
 public:
  temporary_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "enfilade-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"cannot make " + name};
    path_ = name;
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace test
