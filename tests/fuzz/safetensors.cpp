// SPDX-License-Identifier: Apache-2.0
//
// Weights come from wherever a user found them: parsing a header throws nothing but `failure`, and
// in a header that is accepted every tensor lies inside the data, of the size that its shape says.
#include <enfilade/model/safetensors.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  if (size == 0) return 0;
  // The first byte is the size of the data section; the texts of the corpus claim small tensors.
  const std::uint64_t data_size = data[0];
  const std::string_view json{reinterpret_cast<const char*>(data) + 1, size - 1};
  try {
    const auto header = safetensors_header::parse(json, data_size, "file");
    for (const char* name : {"a", "b", "wte.weight"}) {
      const safetensors_header::tensor* t = header.find(name);
      if (t == nullptr) continue;
      if (t->begin > t->end || t->end > data_size) std::abort();
      if (t->shape.size() > safetensors_header::max_rank) std::abort();
      std::uint64_t count = 1;
      for (const std::uint64_t extent : t->shape) count *= extent;
      if (count != 0 && (t->end - t->begin) % count != 0) std::abort();
    }
  } catch (const failure& refused) {
    const bool known =
        refused.code() == errc::model_header_invalid || refused.code() == errc::model_dtype;
    if (!known || refused.where().empty()) std::abort();
    for (const char c : refused.where())
      if (static_cast<unsigned char>(c) < 0x20) std::abort();
  }
  return 0;
}
