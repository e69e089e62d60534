// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bounded_json.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/safetensors.hpp>
#include <enfilade/model/weight_file.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace enfilade {

/// A directory's weights: `model.safetensors`, or the shards that `model.safetensors.index.json`
/// names. A shard is opened when the first of its tensors is asked for.
class checkpoint {
 public:
  /// One tensor of one file; both live as long as the checkpoint.
  struct place {
    const weight_file* file = nullptr;
    const safetensors_header::tensor* tensor = nullptr;
  };

  /// Of the index, which names each tensor once.
  static constexpr detail::json_limits index_limits{
      safetensors_header::max_bytes, 8,
      safetensors_header::max_tensors + detail::json_limits{}.max_values};

  /// Throws `failure`: `model_file_missing` where there are no weights, `model_header_invalid`.
  explicit checkpoint(std::filesystem::path directory) : directory_(std::move(directory)) {
    const std::filesystem::path index = directory_ / "model.safetensors.index.json";
    if (!std::filesystem::exists(directory_ / single_file) && std::filesystem::exists(index))
      read_index(index);
    else
      open(single_file);
  }

  /// The tensor `name`, or `transformer.` and `name`: checkpoints of either kind are in use.
  ///
  /// Throws `failure`: `model_tensor_missing`, and whatever opening its shard throws.
  place find(std::string_view name) {
    for (const std::string& candidate :
         {std::string{name}, std::string{"transformer."}.append(name)}) {
      std::string_view file = single_file;
      if (sharded_) {
        const auto entry = shard_of_.find(candidate);
        if (entry == shard_of_.end()) continue;
        file = entry->second;
      }
      const weight_file& opened = open(file);
      if (const safetensors_header::tensor* tensor = opened.header().find(candidate))
        return {&opened, tensor};
    }
    throw failure(errc::model_tensor_missing, directory_.string() + ": " + std::string{name});
  }

 private:
  static constexpr std::string_view single_file = "model.safetensors";

  const weight_file& open(std::string_view name) {
    std::unique_ptr<weight_file>& file = files_[std::string{name}];
    if (!file) file = std::make_unique<weight_file>(directory_ / name);
    return *file;
  }

  void read_index(const std::filesystem::path& path) {
    const auto refuse = [&path](const std::string& what) {
      throw failure(errc::model_header_invalid, path.string() + ": " + what);
    };
    std::error_code unknown;
    const auto size = std::filesystem::file_size(path, unknown);  // fails of what is no file
    if (unknown || size > index_limits.max_bytes)
      refuse("longer than " + std::to_string(index_limits.max_bytes) + " bytes");
    std::string text(static_cast<std::size_t>(size), '\0');
    std::ifstream file{path, std::ios::binary};
    if (!file.read(text.data(), static_cast<std::streamsize>(size))) refuse("cannot be read");

    std::string complaint;
    const auto parsed =
        detail::parse_bounded(text, errc::model_header_invalid, index_limits, &complaint);
    if (!parsed) refuse(complaint);
    if (!parsed->is_object() || !parsed->contains("weight_map") ||
        !(*parsed)["weight_map"].is_object())
      refuse("no weight_map");
    for (const auto& [tensor, shard] : (*parsed)["weight_map"].items()) {
      const std::string name = shard.is_string() ? shard.get<std::string>() : "";
      // A shard lies beside its index: an index must not open files elsewhere.
      if (safetensors_header::printable(name) != name || !name.ends_with(".safetensors"))
        refuse(safetensors_header::printable(tensor) + ": not the name of a shard");
      shard_of_.emplace(tensor, name);
    }
    sharded_ = true;
  }

  std::filesystem::path directory_;
  std::map<std::string, std::unique_ptr<weight_file>, std::less<>> files_;
  std::map<std::string, std::string, std::less<>> shard_of_;
  bool sharded_ = false;
};

}  // namespace enfilade
