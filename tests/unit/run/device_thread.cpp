// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/device_thread.hpp>

#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<device_thread>);

/// Work that hangs until it is let go. What it shares with the test outlives both.
class hanging {
 public:
  void operator()() {
    ++calls_;
    begun_.set_value();
    go_.get_future().wait();
    done_ = true;
  }
  void wait_until_begun() { begun_.get_future().wait(); }
  void let_go() { go_.set_value(); }
  bool done() const { return done_; }
  int calls() const { return calls_; }

 private:
  std::promise<void> begun_;
  std::promise<void> go_;
  std::atomic<bool> done_ = false;
  std::atomic<int> calls_ = 0;
};

/// Work that a test writes as a lambda.
struct action {
  explicit action(std::function<void()> what) : does(std::move(what)) {}
  void operator()() const { does(); }
  std::function<void()> does;
};
std::shared_ptr<action> doing(std::function<void()> what) {
  return std::make_shared<action>(std::move(what));
}

struct outcome {
  bool over = false;
  error_code code;
};

template <class Work>
asio::awaitable<void> wait_for(device_thread& on, std::shared_ptr<Work> work,
                               std::chrono::nanoseconds budget, std::chrono::nanoseconds patience,
                               outcome& told) {
  const result<void> answer = co_await on.perform(std::move(work), budget, patience);
  if (!answer) told.code = answer.error();
  told.over = true;
}

/// Somebody who waits for work, on `io`.
class caller {
 public:
  template <class Work>
  caller(asio::io_context& io, device_thread& on, std::shared_ptr<Work> work,
         std::chrono::nanoseconds budget = 1h, std::chrono::nanoseconds patience = 1h)
      : task_(io, wait_for(on, std::move(work), budget, patience, told_)) {}

  bool over() const { return task_.done; }
  error_code code() const { return told_.code; }
  error_code thrown() const { return task_.error(); }

 private:
  outcome told_;
  test::task task_;
};

/// Runs `io` until `enough()`; a test that would hang ends after 30 s.
template <class Condition>
void run_until(asio::io_context& io, Condition enough) {
  const auto give_up = std::chrono::steady_clock::now() + 30s;
  io.restart();
  while (!enough() && std::chrono::steady_clock::now() < give_up) io.run_one_for(1ms);
  REQUIRE(enough());
}

TEST_SUITE("run/device_thread") {
  TEST_CASE("work is done on the other thread, and who waits for it goes on where it was") {
    asio::io_context io{1};
    device_thread device{8};
    std::thread::id there;
    const caller one{io, device, doing([&there] { there = std::this_thread::get_id(); })};
    test::run(io);
    CHECK(one.over());
    CHECK_FALSE(one.code());
    CHECK(there != std::thread::id{});
    CHECK(there != std::this_thread::get_id());
  }

  TEST_CASE("work is done in the order in which it came, one at a time") {
    asio::io_context io{1};
    device_thread device{64};
    std::vector<int> order;  // no lock: the thread sanitizer would see two at a time
    std::vector<std::unique_ptr<caller>> all;
    for (int i = 0; i != 50; ++i)
      all.push_back(
          std::make_unique<caller>(io, device, doing([&order, i] { order.push_back(i); })));
    test::run(io);
    REQUIRE(order.size() == 50);
    CHECK(std::ranges::is_sorted(order));
  }

  TEST_CASE("the executor is free while the work is done") {
    asio::io_context io{1};
    device_thread device{8};
    const auto work = std::make_shared<hanging>();
    const caller one{io, device, work};
    test::run_ready(io);
    work->wait_until_begun();
    asio::post(io, [work] { work->let_go(); });
    test::run(io);
    CHECK(one.over());
    CHECK_FALSE(one.code());
    CHECK(work->done());
  }

  TEST_CASE("several executors may share it, each is resumed on its own") {
    device_thread device{64};
    std::vector<int> order;
    const auto add = [&](int what) {
      asio::io_context io{1};
      for (int i = 0; i != 20; ++i) {
        const caller one{io, device, doing([&order, what] { order.push_back(what); })};
        run_until(io, [&] { return one.over(); });
      }
    };
    std::thread other{[&] { add(1); }};
    add(2);
    other.join();
    CHECK(std::ranges::count(order, 1) == 20);
    CHECK(std::ranges::count(order, 2) == 20);
  }

  TEST_CASE("what the work throws is thrown to who waits for it, and the thread lives on") {
    asio::io_context io{1};
    device_thread device{8};
    const caller one{io, device, doing([] { throw failure(errc::request_invalid, "the work"); })};
    test::run(io);
    CHECK(one.thrown() == errc::request_invalid);
    const caller next{io, device, doing([] {})};
    test::run(io);
    CHECK(next.over());
    CHECK_FALSE(next.code());
  }

  TEST_CASE("a thread that has nothing else to do may wait as well") {
    device_thread device{8};
    int done = 0;
    CHECK(device.call(doing([&done] { ++done; }), 1h).has_value());
    CHECK(done == 1);
    const auto fails = doing([] { throw failure(errc::request_invalid, "the work"); });
    CHECK_THROWS_AS(static_cast<void>(device.call(fails, 1h)), failure);
    const auto work = std::make_shared<hanging>();
    CHECK(device.call(work, 5ms).error() == errc::attest_device_failed);
    CHECK(device.call(doing([&done] { ++done; }), 1h).error() == errc::attest_device_failed);
    CHECK(done == 1);
    work->let_go();
  }
}

TEST_SUITE("run/device_thread, a call that hangs") {
  TEST_CASE("it is given up after its budget, at once by whoever comes then, until it is back") {
    asio::io_context io{1};
    device_thread device{8};
    const auto work = std::make_shared<hanging>();
    const caller first{io, device, work, 5ms};
    test::run(io);
    CHECK(first.code() == errc::attest_device_failed);

    const caller late{io, device, doing([] {})};
    test::run_ready(io);
    CHECK(late.over());
    CHECK(late.code() == errc::attest_device_failed);

    work->let_go();
    error_code answer = errc::attest_device_failed;
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    while (answer == errc::attest_device_failed && std::chrono::steady_clock::now() < give_up) {
      const caller again{io, device, doing([] {})};
      test::run(io);
      answer = again.code();
    }
    CHECK_FALSE(answer);
    CHECK(work->calls() == 1);
  }

  TEST_CASE("who waits behind it is told as soon as it is known, whatever their own budget is") {
    asio::io_context io{1};
    device_thread device{8};
    const auto work = std::make_shared<hanging>();
    const caller first{io, device, work, 20ms};
    std::atomic<int> done = 0;
    const caller second{io, device, doing([&done] { ++done; }), 1h};
    test::run(io);
    CHECK(first.code() == errc::attest_device_failed);
    CHECK(second.code() == errc::attest_device_failed);
    work->let_go();
    const caller third{io, device, doing([] {})};
    test::run(io);
    CHECK_MESSAGE(done == 0, "nobody waits for it any more");
  }

  TEST_CASE("somebody with less patience leaves before, and what was not begun is not done") {
    asio::io_context io{1};
    device_thread device{8};
    const auto work = std::make_shared<hanging>();
    const caller first{io, device, work, 1h, 5ms};
    std::atomic<int> done = 0;
    const caller second{io, device, doing([&done] { ++done; }), 1h, 5ms};
    test::run(io);
    CHECK(first.code() == errc::transport_timeout);
    CHECK(second.code() == errc::transport_timeout);
    work->let_go();
    const caller third{io, device, doing([] {})};
    test::run(io);
    CHECK_FALSE(third.code());
    CHECK(done == 0);
  }

  TEST_CASE("patience that is over already is no reason to wait") {
    asio::io_context io{1};
    device_thread device{8};
    const auto work = std::make_shared<hanging>();
    const caller first{io, device, work, 1h, -1ns};
    test::run_ready(io);
    CHECK(first.code() == errc::transport_timeout);
    work->let_go();
  }

  TEST_CASE("so many may wait and no more; who leaves makes room") {
    asio::io_context io{1};
    device_thread device{2};
    const auto work = std::make_shared<hanging>();
    const caller first{io, device, work};
    test::run_ready(io);
    work->wait_until_begun();
    const caller second{io, device, doing([] {})};
    const caller third{io, device, doing([] {}), 1h, 20ms};
    const caller fourth{io, device, doing([] {})};
    test::run_ready(io);
    CHECK(fourth.code() == errc::stage_overloaded);
    CHECK_FALSE(second.over());
    run_until(io, [&] { return third.over(); });
    CHECK(third.code() == errc::transport_timeout);
    const caller fifth{io, device, doing([] {})};
    test::run_ready(io);
    CHECK_FALSE(fifth.over());
    work->let_go();
    test::run(io);
    CHECK(second.over());
    CHECK(fifth.over());
    CHECK_FALSE(fifth.code());
  }

  TEST_CASE("somebody who is cancelled leaves at once, and so does his work") {
    asio::io_context io{1};
    device_thread device{1};
    const auto work = std::make_shared<hanging>();
    const caller first{io, device, work};
    test::run_ready(io);
    work->wait_until_begun();
    asio::cancellation_signal stop;
    bool ended = false;
    std::atomic<int> done = 0;
    outcome told;
    asio::awaitable<void> waiting = wait_for(device, doing([&done] { ++done; }), 1h, 1h, told);
    asio::co_spawn(io, std::move(waiting),
                   asio::bind_cancellation_slot(stop.slot(), [&ended](std::exception_ptr error) {
                     ended = error != nullptr;
                   }));
    test::run_ready(io);
    CHECK_FALSE(ended);
    stop.emit(asio::cancellation_type::terminal);
    test::run_ready(io);
    CHECK(ended);
    CHECK_FALSE(told.over);
    const caller third{io, device, doing([] {})};  // there is room for one
    work->let_go();
    test::run(io);
    CHECK_FALSE(third.code());
    CHECK(done == 0);
  }
}

TEST_SUITE("run/device_thread, the end") {
  TEST_CASE("an executor may go while its work hangs; when that comes back it disturbs nobody") {
    device_thread device{8};
    const auto work = std::make_shared<hanging>();
    {
      asio::io_context io{1};
      outcome told;
      asio::awaitable<void> waiting = wait_for(device, work, 1h, 1h, told);
      asio::co_spawn(io, std::move(waiting), [](std::exception_ptr) {});
      test::run_ready(io);
      work->wait_until_begun();
    }
    work->let_go();
    int done = 0;
    CHECK(device.call(doing([&done] { ++done; }), 1h).has_value());
    CHECK(done == 1);
    CHECK(work->done());
  }

  TEST_CASE("nobody posts to a context whose end has begun; who waits there looks by himself") {
    device_thread device{8};
    const auto work = std::make_shared<hanging>();
    std::shared_ptr<detail::open_context::gate> gate;
    {
      asio::io_context io{1};
      gate = detail::open_context::of(io.get_executor());
      CHECK(gate == detail::open_context::of(io.get_executor()));
      CHECK(gate->open);
      gate->open = false;
      const caller one{io, device, work, 1s};
      test::run_ready(io);
      work->wait_until_begun();
      work->let_go();
      CHECK(device.call(doing([] {}), 1h).has_value());  // comes after the wake-up
      test::run_ready(io);
      CHECK_FALSE(one.over());
      test::run(io);
      CHECK(one.over());
      CHECK_FALSE(one.code());
      gate->open = true;
    }
    CHECK_FALSE(gate->open);
  }

  TEST_CASE("executors come and go while work comes back") {
    device_thread device{64};
    std::atomic<int> done = 0;
    for (int i = 0; i != 300; ++i) {
      asio::io_context io{1};
      outcome told;
      for (int n = 0; n != 4; ++n) {
        asio::awaitable<void> waiting = wait_for(device, doing([&done] { ++done; }), 1h, 1h, told);
        asio::co_spawn(io, std::move(waiting), [](std::exception_ptr) {});
      }
      test::run_ready(io);  // and no longer: some are still on their way
    }
    CHECK(device.call(doing([] {}), 1h).has_value());
    CHECK(done > 0);
  }

  TEST_CASE("its end waits for the work under way, and forgets what waits for its turn") {
    const auto work = std::make_shared<hanging>();
    std::atomic<int> late = 0;
    const auto after = [&late] {  // a millisecond each: the destructor is here long before the last
      ++late;
      const auto begin = std::chrono::steady_clock::now();
      while (std::chrono::steady_clock::now() - begin < 1ms) {
      }
    };
    asio::io_context io{1};
    std::optional<device_thread> device{std::in_place, 2000, 1h};
    const caller first{io, *device, work};
    std::vector<std::unique_ptr<caller>> others;
    for (int i = 0; i != 2000; ++i)
      others.push_back(std::make_unique<caller>(io, *device, doing(after)));
    test::run_ready(io);
    work->wait_until_begun();
    std::thread letting_go{[&work] { work->let_go(); }};  // while the destructor waits
    device.reset();
    letting_go.join();
    CHECK(work->done());
    CHECK(late < 2000);
    test::run(io);
    CHECK_FALSE(first.code());
    CHECK(others.back()->code() == errc::stage_stopping);
  }

  TEST_CASE("its end leaves behind what hangs") {
    const auto work = std::make_shared<hanging>();
    asio::io_context io{1};
    {
      device_thread device{8, 5ms};
      const caller first{io, device, work, 1ms};
      test::run(io);
      CHECK(first.code() == errc::attest_device_failed);
    }
    const auto other = std::make_shared<hanging>();
    std::optional<device_thread> device{std::in_place, 8, 5ms};
    const caller second{io, *device, other};
    test::run_ready(io);
    other->wait_until_begun();
    device.reset();
    test::run(io);
    CHECK(second.code() == errc::stage_stopping);
    other->let_go();
    CHECK_FALSE(work->done());
    work->let_go();
  }
}

}  // namespace
