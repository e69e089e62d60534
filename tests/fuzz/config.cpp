// SPDX-License-Identifier: Apache-2.0
//
// A config.json comes with the weights: checking it throws nothing but `failure`, and what it says
// fits into a line of text.
#include <enfilade/model/config.hpp>
#include <enfilade/model/gpt2.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  try {
    model_config::check<Gpt2Small>(text, "file");
  } catch (const failure& refused) {
    const bool known = refused.code() == errc::model_config_mismatch ||
                       refused.code() == errc::model_config_invalid;
    if (!known || refused.where().size() > 400) std::abort();
    for (const char c : refused.where())
      if (static_cast<unsigned char>(c) < 0x20) std::abort();
  }
  return 0;
}
