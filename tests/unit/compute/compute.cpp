// SPDX-License-Identifier: Apache-2.0
#include <enfilade/compute/compute.hpp>
#include <enfilade/compute/cpu_f32.hpp>
#include <enfilade/compute/reference.hpp>
#include <enfilade/model/stage_model.hpp>

#include "support/generated.hpp"
#include "support/random_model.hpp"
#include "support/tiny_models.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <span>
#include <string_view>
#include <vector>

namespace {

std::size_t allocations = 0;

}  // namespace

// Counted in this whole program, and otherwise what they always are. Not inline, or g++ would see
// memory of one pair's `new` go to `free`.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(std::max(size, std::size_t{1}))) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace enfilade;

struct adds_nothing : Reference {
  void add() const;
};

//[own-policy
// Counts the products of a model, and leaves everything else to the policy below it.
struct Counting : Reference {
  static constexpr std::string_view name = "counting";
  static inline std::size_t products = 0;

  void linear(matrix<const float> x, matrix<const float> w, std::span<const float> b,
              matrix<float> y) const {
    ++products;
    Reference::linear(x, w, b, y);
  }
};
static_assert(compute<Counting>);
//]

static_assert(compute<CpuF32> && compute<Reference>);
static_assert(!compute<adds_nothing>, "each step has its signature");
static_assert(CpuF32::name != Reference::name, "the plan tells them apart");

using numbers = std::vector<float>;

numbers generated(std::size_t count, std::uint64_t seed) { return test::generated(count, seed); }

// One step done by both policies on the same input; the largest difference.
template <class Step>
double disagreement(std::size_t outputs, Step step) {
  numbers fast(outputs, 7.0F);
  numbers plain(outputs, -7.0F);
  step(CpuF32{}, fast);
  step(Reference{}, plain);
  return test::largest_difference(fast, plain);
}

// One row takes another way than several; widths that are no multiple of 4 or 16 have remainders.
constexpr std::size_t row_counts[] = {1, 2, 3, 17, 64, 65};
constexpr std::size_t widths[] = {1, 3, 8, 60, 131};

TEST_SUITE("compute/compute") {
  TEST_CASE("CpuF32 and Reference agree on products with a bias") {
    for (const std::size_t rows : row_counts)
      for (const std::size_t in : widths)
        for (const std::size_t out : widths) {
          CAPTURE(rows);
          CAPTURE(in);
          CAPTURE(out);
          const numbers x = generated(rows * in, 1), w = generated(in * out, 2);
          const numbers b = generated(out, 3);
          CHECK(disagreement(rows * out, [&](const auto& c, numbers& y) {
                  c.linear({x.data(), rows, in}, {w.data(), in, out}, b, {y.data(), rows, out});
                }) < 1e-5);
        }
  }

  TEST_CASE("CpuF32 and Reference agree on products with a matrix of output rows") {
    for (const std::size_t rows : row_counts)
      for (const std::size_t in : widths)
        for (const std::size_t out : widths) {
          const numbers x = generated(rows * in, 1), w = generated(in * out, 2);
          CHECK(disagreement(rows * out, [&](const auto& c, numbers& y) {
                  c.project({x.data(), rows, in}, {w.data(), out, in}, {y.data(), rows, out});
                }) < 1e-5);
        }
  }

  TEST_CASE("CpuF32 and Reference agree on norms") {
    for (const std::size_t n : {2UL, 5UL, 16UL, 131UL, 768UL}) {
      const numbers x = generated(3 * n, 1), g = generated(n, 2), b = generated(n, 3);
      CHECK(disagreement(3 * n, [&](const auto& c, numbers& y) {
              c.layer_norm({x.data(), 3, n}, g, b, 1e-5F, {y.data(), 3, n});
            }) < 1e-5);
    }
  }

  TEST_CASE("CpuF32 and Reference agree on GELU, far from zero too") {
    numbers x = generated(1023, 1);
    for (float& v : x) v *= 20.0F;
    CHECK(disagreement(x.size(), [&](const auto& c, numbers& y) {
            y = x;
            c.gelu({y.data(), 3, 341});
          }) < 1e-5);
  }

  TEST_CASE("CpuF32 and Reference agree on sums and on rows picked from a table") {
    const numbers table = generated(50, 1), x = generated(15, 2);
    const std::vector<std::uint32_t> ids{9, 0, 9};
    CHECK(disagreement(15, [&](const auto& c, numbers& y) {
            c.gather(ids, {table.data(), 10, 5}, {y.data(), 3, 5});
            CHECK(y[0] == table[45]);
            CHECK(y[5] == table[0]);
            c.add({x.data(), 3, 5}, {y.data(), 3, 5});
          }) == 0);
  }

  TEST_CASE("CpuF32 and Reference agree on attention") {
    // Heads lie side by side in wider rows; some rows were seen before; more rows than the scratch
    // has, so that they are done in several parts.
    constexpr std::size_t d = 20;
    for (const std::size_t rows : row_counts)
      for (const std::size_t before : {0UL, 1UL, 40UL}) {
        CAPTURE(rows);
        CAPTURE(before);
        const std::size_t seen = before + rows;
        const numbers qkv = generated(rows * 3 * d, 1);
        const numbers k = generated(seen * d, 2), v = generated(seen * d, 3);
        const matrix<const float> q =
            matrix<const float>{qkv.data(), rows, 3 * d}.some_columns(d, d);
        numbers scratch(16 * seen);
        CHECK(disagreement(rows * 2 * d, [&](const auto& c, numbers& y) {
                std::fill(y.begin(), y.end(), 0.0F);
                const matrix<float> out = matrix<float>{y.data(), rows, 2 * d}.some_columns(d, d);
                c.attend(q, {k.data(), seen, d}, {v.data(), seen, d}, {scratch.data(), 16, seen},
                         out);
              }) < 1e-5);
      }
  }

  TEST_CASE("a token costs no allocation, and neither does a prompt") {
    using test::Small;
    const test::temporary_directory directory;
    test::write_random_model<Small>(directory.path());
    auto m = stage_model<Small, 0, Small::layers, true, true, CpuF32>::load(directory.path());
    const std::vector<std::uint32_t> ids(70, 3);
    numbers hidden(ids.size() * Small::hidden), logits(Small::vocab);
    const std::size_t before = allocations;
    CHECK(before > 0);
    m.embed(ids, 0, hidden);
    m.run(0, hidden, ids.size(), 0);
    m.head(std::span{hidden}.last(Small::hidden), logits);
    m.run(0, std::span{hidden}.last(Small::hidden), 1, ids.size());
    m.release(0);
    CHECK(allocations == before);
  }

  TEST_CASE("every product with weights goes through the policy") {
    using test::Tiny;
    const test::temporary_directory directory;
    test::write_random_model<Tiny>(directory.path());
    using counted = stage_model<Tiny, 0, Tiny::layers, true, true, Counting>;
    auto m = counted::load(directory.path());
    numbers hidden(3 * Tiny::hidden, 0.5F);
    m.run(0, hidden, 3, 0);
    CHECK(Counting::products == 4 * Tiny::layers);
  }

  TEST_CASE("nobody attends to what comes later") {
    constexpr std::size_t d = 4, seen = 6;
    const numbers q = generated(seen * d, 1);
    numbers k = generated(seen * d, 2), v = generated(seen * d, 3), scratch(8 * seen);
    numbers before(seen * d), after(seen * d);
    const auto attend = [&](const auto& c, numbers& y) {
      c.attend({q.data(), seen, d}, {k.data(), seen, d}, {v.data(), seen, d},
               {scratch.data(), 8, seen}, {y.data(), seen, d});
    };
    SUBCASE("in CpuF32") {
      attend(CpuF32{}, before);
      k[5 * d] = v[5 * d] = 1e6F;
      attend(CpuF32{}, after);
    }
    SUBCASE("in Reference") {
      attend(Reference{}, before);
      k[5 * d] = v[5 * d] = 1e6F;
      attend(Reference{}, after);
    }
    CHECK(std::equal(before.begin(), before.begin() + 5 * d, after.begin()));
    CHECK(before != after);
  }
}

}  // namespace
