// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bounded_json.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/safetensors.hpp>
#include <enfilade/model/shape.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade {

/// What `config.json` says that the compiled model leaves open.
struct model_config {
  bool tied_head = true;  ///< the head's weights are those of the token embedding

  static constexpr detail::json_limits limits{};

  /// Holds every field of a `config.json` that can change a result against the compiled model.
  ///
  /// Throws `failure`: `model_config_mismatch`, whose `where` says `n_layer: compiled 12, file says
  /// 24`; `model_config_invalid` where it is not such a file.
  template <model M>
  static model_config check(std::string_view text, const std::string& file) {
    std::string complaint;
    const auto parsed = detail::parse_bounded(text, errc::model_config_invalid, limits, &complaint);
    if (!parsed) throw failure(errc::model_config_invalid, file + ": " + complaint);
    if (!parsed->is_object()) throw failure(errc::model_config_invalid, file + ": not an object");
    const reader config{*parsed, file};

    config.same("model_type", nlohmann::json(M::architecture::model_type));
    config.same("n_layer", M::layers);
    config.same("n_embd", M::hidden);
    config.same("n_head", M::heads);
    config.same("vocab_size", M::vocab);
    if (config.has("n_ctx")) config.same("n_ctx", M::context);
    if (config.has("n_positions") || !config.has("n_ctx")) config.same("n_positions", M::context);
    config.same("n_inner", M::intermediate, 4 * M::hidden);
    config.same_float("layer_norm_epsilon", M::layer_norm_epsilon, 1e-5F);
    config.one_of("activation_function", {"gelu_new", "gelu_pytorch_tanh"}, "gelu_new");

    // Switches of Hugging Face's GPT-2, each with the value that this architecture has.
    config.same("scale_attn_weights", true, true);
    for (const char* off : {"scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn",
                            "add_cross_attention", "is_encoder_decoder"})
      config.same(off, false, false);
    if (config.has("quantization_config"))
      config.mismatch("quantization_config", "none", "another form of weights");

    return {config.flag("tie_word_embeddings", true)};
  }

  /// The same for the `config.json` of a directory; `model_file_missing` where there is none.
  template <model M>
  static model_config check(const std::filesystem::path& directory) {
    const std::filesystem::path path = directory / "config.json";
    if (!std::filesystem::is_regular_file(path))
      throw failure(errc::model_file_missing, path.string());
    std::ifstream file{path, std::ios::binary};
    if (!file) throw failure(errc::model_file_missing, path.string());
    std::string text(limits.max_bytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return check<M>(text, path.string());
  }

 private:
  // A member that is absent or null stands for its default.
  class reader {
   public:
    reader(const nlohmann::json& json, const std::string& file) : json_(json), file_(file) {}

    bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }

    [[noreturn]] void mismatch(const char* key, const std::string& compiled,
                               const std::string& found) const {
      throw failure(errc::model_config_mismatch,
                    file_ + ": " + key + ": compiled " + compiled + ", file says " + found);
    }

    void same(const char* key, const nlohmann::json& compiled) const {
      if (!has(key)) mismatch(key, shown(compiled), "nothing");
      if (json_[key] != compiled) mismatch(key, shown(compiled), shown(json_[key]));
    }

    void same(const char* key, const nlohmann::json& compiled,
              const nlohmann::json& fallback) const {
      const nlohmann::json& found = has(key) ? json_[key] : fallback;
      if (found != compiled) mismatch(key, shown(compiled), shown(found));
    }

    void same_float(const char* key, float compiled, float fallback) const {
      if (has(key) && !json_[key].is_number()) mismatch(key, number(compiled), shown(json_[key]));
      const float found = has(key) ? json_[key].get<float>() : fallback;
      if (found != compiled) mismatch(key, number(compiled), number(found));
    }

    void one_of(const char* key, std::initializer_list<std::string_view> compiled,
                std::string_view fallback) const {
      const nlohmann::json& found = has(key) ? json_[key] : nlohmann::json(fallback);
      for (const std::string_view name : compiled)
        if (found == name) return;
      mismatch(key, std::string{*compiled.begin()}, shown(found));
    }

    bool flag(const char* key, bool fallback) const {
      if (!has(key)) return fallback;
      if (!json_[key].is_boolean())
        throw failure(errc::model_config_invalid, file_ + ": " + key + ": not true or false");
      return json_[key].get<bool>();
    }

   private:
    static std::string number(float value) {
      std::ostringstream text;
      text << value;
      return text.str();
    }

    static std::string shown(const nlohmann::json& value) {
      if (value.is_string()) return safetensors_header::printable(value.get<std::string>());
      return value.is_primitive() ? value.dump() : "something else";
    }

    const nlohmann::json& json_;
    const std::string& file_;
  };
};

}  // namespace enfilade
