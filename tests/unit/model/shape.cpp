// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/shape.hpp>

#include "support/tiny_models.hpp"

#include <doctest/doctest.h>

#include <cstddef>

namespace {

using enfilade::model;
using test::Tiny;

class without_architecture : public Tiny {
  using architecture = void;  // private: as good as none
};
struct without_context : Tiny {
  static constexpr const char* context = nullptr;
};
struct with_uneven_heads : Tiny {
  static constexpr std::size_t heads = 3;
};
struct without_layers : Tiny {
  static constexpr std::size_t layers = 0;
};

static_assert(model<Tiny>, "a user's own model is a dozen lines");
static_assert(!model<without_architecture>);
static_assert(!model<without_context>);
static_assert(!model<with_uneven_heads>, "hidden is divided by heads");
static_assert(!model<without_layers>);
static_assert(!model<int>);

TEST_SUITE("model/shape") {
  TEST_CASE("what a model is, is decided at compile time") { CHECK(model<Tiny>); }
}

}  // namespace
