// SPDX-License-Identifier: Apache-2.0
//
// Atlas against PyTorch, which trained it: the logits after each prompt and the greedy continuation
// (models/atlas/reference.json, written by tools/atlas). A tie closer than rounding would make the
// continuation a matter of luck; the file records by how much the closest choice was won.
#include <enfilade/compute/cpu_f32.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/atlas.hpp>

#include "support/generated.hpp"
#include "support/test_data.hpp"
#include "support/whole_model.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <string>

namespace {

using namespace enfilade;
using test::rows;
using test::tokens;
using test::whole;

const std::filesystem::path directory =
    std::filesystem::path{__FILE__}.parent_path().parent_path().parent_path() / "models" / "atlas";

template <class Whole>
void agrees_with_pytorch() {
  Whole w{directory};
  const auto cases = nlohmann::json::parse(test::read_file(directory / "reference.json"));
  REQUIRE(!cases.empty());
  std::size_t with_logits = 0;
  for (const auto& one : cases) {
    CAPTURE(one["prompt"].get<std::string>());
    const auto prompt = one["prompt_ids"].get<tokens>();
    const auto continuation = one["continuation_ids"].get<tokens>();
    REQUIRE(one["smallest_margin"].get<double>() > 1e-3);
    CHECK(w.continuation(prompt, continuation.size()) == continuation);
    if (!one.contains("logits")) continue;
    ++with_logits;
    w.start();
    const rows hidden = w.hidden_of(prompt, 0);
    const rows last(hidden.end() - Atlas::hidden, hidden.end());
    // The file has the first logits of the vocabulary. PyTorch computes in f32 too.
    const auto expected = one["logits"].get<rows>();
    rows logits = w.logits_of(last);
    REQUIRE(expected.size() <= logits.size());
    logits.resize(expected.size());
    CHECK(test::largest_difference(logits, expected) < 1e-4);
  }
  CHECK(with_logits > 0);
}

TEST_SUITE("conformance/atlas_reference") {
  TEST_CASE("Atlas answers as in PyTorch") {
    SUBCASE("by CpuF32") { agrees_with_pytorch<whole<Atlas, CpuF32>>(); }
    SUBCASE("by CpuF32 in two stages") { agrees_with_pytorch<whole<Atlas, CpuF32, 6>>(); }
    SUBCASE("by Reference") { agrees_with_pytorch<whole<Atlas, Reference>>(); }
  }
}

}  // namespace
