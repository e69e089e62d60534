// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/async_mutex.hpp>

#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <boost/asio/post.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace {

using enfilade::async_mutex;
namespace asio = enfilade::asio;

static_assert(!std::copyable<async_mutex::guard>, "a lock is held once");
static_assert(!std::is_move_assignable_v<async_mutex::guard>);

/// Holds the lock over `turns` rounds of the executor, and writes down when.
asio::awaitable<void> hold(async_mutex& mutex, std::string& heard, char name, int turns) {
  const async_mutex::guard alone = co_await mutex.lock();
  heard += name;
  const auto executor = co_await asio::this_coro::executor;
  for (int i = 0; i != turns; ++i) co_await asio::post(executor, asio::use_awaitable);
  heard += name;
}

asio::awaitable<void> hold_and_throw(async_mutex& mutex) {
  const async_mutex::guard alone = co_await mutex.lock();
  throw enfilade::failure(enfilade::errc::internal, "on purpose");
}

/// Waits for the lock and keeps it until somebody empties `kept`.
asio::awaitable<void> keep(async_mutex& mutex, std::optional<async_mutex::guard>& kept) {
  async_mutex::guard alone = co_await mutex.lock();
  kept.emplace(std::move(alone));
}

TEST_SUITE("run/async_mutex") {
  TEST_CASE("one at a time, in the order in which they came") {
    asio::io_context io;
    async_mutex mutex{io.get_executor()};
    std::string heard;
    test::task a{io, hold(mutex, heard, 'a', 5)};
    test::task b{io, hold(mutex, heard, 'b', 0)};
    test::task c{io, hold(mutex, heard, 'c', 3)};
    test::task d{io, hold(mutex, heard, 'd', 0)};
    test::run(io);
    CHECK(heard == "aabbccdd");
  }

  TEST_CASE("a free lock is taken without waiting, again and again") {
    asio::io_context io;
    async_mutex mutex{io.get_executor()};
    std::string heard;
    for (const char name : {'a', 'b', 'c'}) {
      test::task one{io, hold(mutex, heard, name, 0)};
      test::run_ready(io);
      CHECK(one.done);
    }
    CHECK(heard == "aabbcc");
  }

  TEST_CASE("nobody overtakes between unlocking and the wake of the next") {
    asio::io_context io;
    async_mutex mutex{io.get_executor()};
    std::string heard;
    std::optional<async_mutex::guard> kept;
    test::task first{io, keep(mutex, kept)};
    test::task second{io, hold(mutex, heard, 'b', 0)};
    test::run_ready(io);
    REQUIRE(kept);
    kept.reset();                                     // the lock is the second one's now
    test::task late{io, hold(mutex, heard, 'z', 0)};  // comes before that one has run
    test::run(io);
    CHECK(heard == "bbzz");
  }

  TEST_CASE("an exception gives the lock back") {
    asio::io_context io;
    async_mutex mutex{io.get_executor()};
    std::string heard;
    test::task a{io, hold_and_throw(mutex)};
    test::task b{io, hold(mutex, heard, 'b', 0)};
    test::run(io);
    CHECK(a.error() == enfilade::errc::internal);
    CHECK(heard == "bb");
  }

  TEST_CASE("a moved guard unlocks once") {
    asio::io_context io;
    async_mutex mutex{io.get_executor()};
    std::optional<async_mutex::guard> kept;
    test::task holder{io, keep(mutex, kept)};
    test::run(io);
    auto elsewhere = std::make_unique<async_mutex::guard>(*std::move(kept));
    kept.reset();
    std::string heard;
    test::task waiting{io, hold(mutex, heard, 'w', 0)};
    test::run_ready(io);
    CHECK(heard.empty());
    elsewhere.reset();
    test::run(io);
    CHECK(heard == "ww");
  }

  TEST_CASE("a coroutine that holds or awaits the lock may be destroyed after the mutex") {
    std::string heard;
    asio::io_context io;
    {
      async_mutex mutex{io.get_executor()};
      asio::co_spawn(io, hold(mutex, heard, 'a', 1000), [](std::exception_ptr) {});
      asio::co_spawn(io, hold(mutex, heard, 'b', 0), [](std::exception_ptr) {});
      io.poll_one();
      io.poll_one();
    }
    CHECK(heard == "a");  // and the io_context destroys both now
  }
}

}  // namespace
