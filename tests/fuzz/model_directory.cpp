// SPDX-License-Identifier: Apache-2.0
//
// Files of a model directory, from the disk to what is made of them: opening throws nothing but
// `failure`, and what is opened can be asked for anything.
//
// The first byte chooses the file: an index of shards, a tokenizer_config.json, a whole safetensors
// file.
#include <enfilade/model/checkpoint.hpp>
#include <enfilade/model/tokenizer_files.hpp>

#include "../support/random_model.hpp"
#include "script.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

namespace {

using namespace enfilade;

void read_weights(const std::filesystem::path& directory) {
  try {
    checkpoint weights{directory};
    for (const char* name : {"a", "b", "wte.weight", "transformer.wte.weight"}) {
      try {
        const checkpoint::place found = weights.find(name);
        const std::uint64_t size = found.tensor->end - found.tensor->begin;
        fuzz::require(size <= 1 << 20);  // no input is longer
        std::vector<std::byte> data(static_cast<std::size_t>(size));
        found.file->read(found.file->position_of(*found.tensor), data);
      } catch (const failure& refused) {
        fuzz::require(!refused.where().empty());
      }
    }
  } catch (const failure& refused) {
    fuzz::require(refused.code() != errc::internal && !refused.where().empty());
  }
}

void read_tokenizer(const std::filesystem::path& directory) {
  try {
    tokenizer_files::load(directory);
    fuzz::require(false);  // there is no vocabulary
  } catch (const failure& refused) {
    fuzz::require(refused.code() == errc::model_tokenizer_invalid);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 1 << 20) return 0;
  static const test::temporary_directory indexed, single, tokens;
  const auto write = [&](const std::filesystem::path& path) {
    std::ofstream file{path, std::ios::binary};
    file.write(reinterpret_cast<const char*>(data) + 1, static_cast<std::streamsize>(size - 1));
  };
  switch (data[0]) {
    case 'i':
      write(indexed.path() / "model.safetensors.index.json");
      read_weights(indexed.path());
      break;
    case 'c':
      write(tokens.path() / "tokenizer_config.json");
      read_tokenizer(tokens.path());
      break;
    default:
      write(single.path() / "model.safetensors");
      read_weights(single.path());
  }
  return 0;
}
