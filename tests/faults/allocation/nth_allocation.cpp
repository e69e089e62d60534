// SPDX-License-Identifier: Apache-2.0
#include "faults/rooms.hpp"
#include "support/campaign.hpp"
#include "support/failing_allocations.hpp"
#include "support/simulated.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

// One call of `operator new` fails: for every one that the library makes in the handshakes of a
// session and in its request. What Asio allocates for itself (coroutine frames and handlers, by
// std::aligned_alloc) and Crypto++ for its buffers (malloc) does not go through `operator new`.
//
// This program alone replaces it, and `allocation_plan` says when it fails.

namespace {

void* allocate_or_null(std::size_t size, std::size_t alignment) noexcept {
  if (test::allocation_plan::current().strikes()) return nullptr;
  void* made = nullptr;
  return ::posix_memalign(&made, alignment, size == 0 ? 1 : size) == 0 ? made : nullptr;
}

void* allocate(std::size_t size, std::size_t alignment) {
  void* made = allocate_or_null(size, alignment);
  if (made == nullptr) throw std::bad_alloc{};
  return made;
}

// Not inline: g++ 12 takes free, seen in place of delete, for a mistake.
[[gnu::noinline]] void give_back(void* p) noexcept { std::free(p); }

constexpr std::size_t usual = alignof(std::max_align_t);

}  // namespace

void* operator new(std::size_t size) { return allocate(size, usual); }
void* operator new[](std::size_t size) { return allocate(size, usual); }
void* operator new(std::size_t size, std::align_val_t at) {
  return allocate(size, static_cast<std::size_t>(at));
}
void* operator new[](std::size_t size, std::align_val_t at) {
  return allocate(size, static_cast<std::size_t>(at));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, usual);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, usual);
}
void* operator new(std::size_t size, std::align_val_t at, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, static_cast<std::size_t>(at));
}
void* operator new[](std::size_t size, std::align_val_t at, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, static_cast<std::size_t>(at));
}
void operator delete(void* p) noexcept { give_back(p); }
void operator delete[](void* p) noexcept { give_back(p); }
void operator delete(void* p, std::size_t) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t) noexcept { give_back(p); }
void operator delete(void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { give_back(p); }

namespace {

using namespace test;
using namespace std::chrono_literals;

using deployment = two_rooms<simulated>;
constexpr std::size_t slots = 2;

struct trial {
  trial() : building(world.io.get_executor(), slots) {}

  visit pay_one() {
    visit seen;
    {
      const spared tools;
      request question{some_prompt(), 3};
      question.wants_logits = true;
      asio::co_spawn(world.io, pay_a_visit(building, std::move(question), seen), asio::detached);
    }
    world.run_until([&] { return seen.over; }, virtual_clock::now() + 60s);
    return seen;
  }

  /// As many visits at once as there are slots; whether all of them were served.
  bool all_slots_serve(const answer& good) {
    visit seen[slots];
    for (visit& one : seen) {
      request question{some_prompt(), 3};
      question.wants_logits = true;
      asio::co_spawn(world.io, pay_a_visit(building, std::move(question), one), asio::detached);
    }
    world.run_for(60s);
    for (const visit& one : seen) {
      CHECK_MESSAGE(one.succeeded(), one.told());
      if (!one.succeeded() || !(one.heard == good)) return false;
    }
    return true;
  }

  network world{1};
  rooms<deployment> building;
};

/// A visit that ends well, or by a failure that the client's own code must expect: the standard's
/// where memory ran out in the client, a named one where it ran out elsewhere.
bool contained(const visit& seen) {
  return seen.ended_well() || (seen.over && seen.nameless == std::bad_alloc{}.what());
}

void try_all(std::size_t many, const char* name) {
  const captured quiet{stderr};
  allocation_plan& plan = allocation_plan::current();
  plan = {};
  answer good;
  std::size_t total = 0;
  {
    trial undisturbed;
    plan.counts = true;
    const visit seen = undisturbed.pay_one();
    plan.counts = false;
    REQUIRE_MESSAGE(seen.succeeded(), seen.told());
    good = seen.heard;
    total = plan.seen;
  }
  REQUIRE(total > 100);

  campaign count{name};
  const std::size_t step = fast_build || long_campaigns() ? 1 : 2;
  for (std::size_t first = 0; first < total; first += step) {
    CAPTURE(first);
    trial one;
    plan = {};
    plan.first = first;
    plan.many = many;
    plan.counts = true;
    const visit seen = one.pay_one();
    plan.counts = false;
    count.tried();
    CHECK(plan.failed != 0);
    CHECK_MESSAGE(contained(seen), seen.told());
    if (seen.succeeded()) CHECK(seen.heard == good);
    one.world.run_for(20s);  // who sits at the other end of a dead link finds out by its silence
    const bool served = one.all_slots_serve(good);
    CHECK_MESSAGE(served, "a slot or a lock is still held");
    one.world.run_for(20s);
    CHECK_MESSAGE(one.world.open_ends() == 2, "only the link between the stages stays");
    if (contained(seen) && served && one.world.open_ends() == 2) count.refused();
  }
  CHECK(count.tries() == count.refusals());
}

TEST_CASE("any one allocation may fail: the failure is contained, and the next session works") {
  try_all(1, "faults.nth_allocation");
}

TEST_CASE("ten allocations in a row may fail, as they do when memory is short") {
  try_all(10, "faults.ten_allocations");
}

}  // namespace
