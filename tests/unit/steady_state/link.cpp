// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/transport/loopback.hpp>

#include "unit/run/raw_peer.hpp"
#include "unit/transport/conversation.hpp"

#include <boost/asio/local/connect_pair.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <utility>

// Every allocation of this program is counted: those of operator new, of Asio (coroutine frames and
// handlers, by std::aligned_alloc) and of Crypto++ (malloc). That is why it is a program of its own.

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED
#endif
#endif

#ifdef TEST_SANITIZED
// The sanitizer replaces the allocator, and tells of each call.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*,
                                                                  std::size_t),
                                                         void (*)(const volatile void*));
namespace {

const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { ++allocations; }, [](const volatile void*) {});

}  // namespace
#else
// The C library lets a program define these; operator new calls malloc.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) noexcept {
  ++allocations;
  return __libc_malloc(size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  ++allocations;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** made, std::size_t alignment, std::size_t size) noexcept {
  ++allocations;
  *made = __libc_memalign(alignment, size);
  return *made != nullptr ? 0 : 12;  // ENOMEM
}
}
#endif

namespace {

using namespace enfilade;

/// Two links over a pair of sockets, on one executor.
template <class C>
struct two_links {
  using link_type = enfilade::link<Loopback::stream, C>;

  two_links() {
    Loopback::stream here{io};
    Loopback::stream there{io};
    asio::local::connect_pair(here, there);
    up = std::make_unique<link_type>(std::move(here), session_of(link_end::upstream), std::nullopt,
                                     "downstream");
    down = std::make_unique<link_type>(std::move(there), session_of(link_end::downstream),
                                       std::nullopt, "upstream");
  }

  static session<C> session_of(link_end own) {
    const auto way = [](link_end sender) {
      Key<32> secret;
      secret.fill()[0] = static_cast<std::byte>(sender);
      return detail::direction<C>{std::move(secret)};
    };
    return {way(own), way(opposite(own))};
  }

  asio::io_context io;
  std::unique_ptr<link_type> up;
  std::unique_ptr<link_type> down;
};

template <class Link>
asio::awaitable<void> ask(Link& own, std::size_t size, int times) {
  for (int i = 0; i != times; ++i) {
    own.prepare(size);
    const message_header header = test::text_of(size);
    co_await own.send(header);
    co_await own.receive();
  }
}

template <class Link>
asio::awaitable<void> answer(Link& own, std::size_t size, int times) {
  for (int i = 0; i != times; ++i) {
    co_await own.receive();
    own.prepare(size);
    const message_header header = test::text_of(size);
    co_await own.send(header);
  }
}

template <class Links>
std::size_t allocations_of(Links& ends, std::size_t size, int times) {
  const std::size_t before = allocations;
  {
    test::task asks{ends.io, ask(*ends.up, size, times)};
    test::task answers{ends.io, answer(*ends.down, size, times)};
    test::run(ends.io);
    REQUIRE_FALSE(asks.thrown);
    REQUIRE_FALSE(answers.thrown);
  }
  return allocations - before;
}

TEST_SUITE("a link in steady state") {
  TEST_CASE("the counter counts: a vector, an aligned buffer and a coroutine's frame") {
    const std::size_t before = allocations;
    const auto of_new = std::make_unique<std::byte[]>(1000);
    const std::size_t after_new = allocations;
    CHECK(after_new > before);
    detail::aligned_buffer aligned;
    aligned.at_least(1000);
    CHECK(allocations > after_new);
  }

  // The two coroutines that drive the links are made anew for each run, and with them whatever Asio
  // keeps for them: so a run of a thousand messages must cost no more than a run of one.
  TEST_CASE_TEMPLATE("a record allocates nothing, in either direction", C, AesGcm, ChaChaPoly) {
    two_links<C> ends;
    for (const std::size_t size : {std::size_t{64}, std::size_t{3072}, std::size_t{384} << 10}) {
      CAPTURE(size);
      const int times = size > least_chunk ? 50 : 1000;
      allocations_of(ends, size, times);  // buffers grow, Asio's memory of this thread fills
      const std::size_t of_one = allocations_of(ends, size, 1);
      CHECK(allocations_of(ends, size, times) == of_one);
    }
  }
}

}  // namespace
