// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/atlas.hpp>
#include <enfilade/model/config.hpp>

#include <doctest/doctest.h>

#include <filesystem>

namespace {

using namespace enfilade;

static_assert(model<Atlas>);
static_assert(Atlas::layers == 12, "divisible into stages like GPT-2 small");

TEST_SUITE("model/atlas") {
  TEST_CASE("the struct and the shipped config.json say the same") {
    const auto root = std::filesystem::path{__FILE__}.parent_path() / ".." / ".." / "..";
    CHECK(model_config::check<Atlas>(root / "models" / "atlas").tied_head);
  }
}

}  // namespace
