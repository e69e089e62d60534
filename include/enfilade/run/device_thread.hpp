// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/transport/asio.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace enfilade {

namespace detail {

/// Tells threads that do not belong to a context whether they may still post to it: they may not
/// when its end has begun.
class open_context : public asio::execution_context::service {
 public:
  using key_type = open_context;
  inline static asio::execution_context::id id;

  struct gate {
    std::mutex lock;
    bool open = true;
  };

  explicit open_context(asio::execution_context& of) : service(of) {}

  static std::shared_ptr<gate> of(const asio::any_io_executor& executor) {
    auto& context = asio::query(executor, asio::execution::context);
    return asio::use_service<open_context>(context).gate_;
  }

 private:
  // Contexts end their services before their queue of handlers, which every context has first.
  void shutdown() noexcept override {
    const std::scoped_lock alone{gate_->lock};
    gate_->open = false;
  }

  std::shared_ptr<gate> gate_ = std::make_shared<gate>();
};

/// How a coroutine is told that it need not wait any longer.
struct awakening {
  explicit awakening(const asio::any_io_executor& of)
      : executor(of), timer(of), context(open_context::of(of)) {}

  asio::any_io_executor executor;
  asio::steady_timer timer;
  std::shared_ptr<open_context::gate> context;
};

/// The part of a `device_thread` that lives as long as its thread does.
class device_queue {
 public:
  using clock = std::chrono::steady_clock;

  /// Somebody's work. All but the work itself and `who` is guarded by the queue.
  struct errand {
    std::shared_ptr<void> work;
    void (*call)(void*) = nullptr;
    std::chrono::nanoseconds budget{};
    std::shared_ptr<open_context::gate> context;  // of a coroutine that waits; null: of a thread
    std::weak_ptr<awakening> who;
    std::exception_ptr thrown;
    bool done = false;
  };

  /// What somebody who waits sees.
  struct outlook {
    bool over = false;
    result<void> answer;
    clock::time_point again;  // where it is not over: look again then at the latest
  };

  explicit device_queue(std::size_t longest) : longest_(longest) {}

  static result<void> enter(const std::shared_ptr<device_queue>& queue,
                            const std::shared_ptr<errand>& one) {
    const std::scoped_lock alone{queue->lock_};
    if (queue->closed_) return errc::stage_stopping;
    if (queue->stuck(clock::now())) return errc::attest_device_failed;
    if (queue->waiting_.size() >= queue->longest_) return errc::stage_overloaded;
    if (!queue->running_) {
      try {
        std::thread{[queue] { queue->run(); }}.detach();
      } catch (const std::system_error&) {
        return errc::process_out_of_memory;
      }
      queue->running_ = true;
    }
    queue->waiting_.push_back(one);
    queue->changed_.notify_all();
    return {};
  }

  outlook look(const errand& one, clock::time_point give_up) {
    const std::scoped_lock alone{lock_};
    return seen(one, give_up);
  }

  /// `look` until it is over, for a thread.
  result<void> wait(const errand& one, clock::time_point give_up) {
    std::unique_lock alone{lock_};
    while (true) {
      const outlook now = seen(one, give_up);
      if (now.over) return now.answer;
      changed_.wait_until(alone, now.again);
    }
  }

  void leave(const std::shared_ptr<errand>& one) {
    const std::scoped_lock alone{lock_};
    std::erase(waiting_, one);
  }

  /// Nothing is begun any more. Waits for what is under way, but no longer than `patience`.
  void close(std::chrono::nanoseconds patience) {
    std::unique_lock alone{lock_};
    closed_ = true;
    const std::deque<std::shared_ptr<errand>> forgotten = std::exchange(waiting_, {});
    changed_.notify_all();
    changed_.wait_for(alone, patience, [this] { return !running_; });
    const std::shared_ptr<errand> hanging = current_;
    alone.unlock();
    for (const auto& one : forgotten) wake(*one);
    if (hanging) wake(*hanging);
  }

 private:
  bool stuck(clock::time_point now) const { return current_ && now >= must_end_; }

  outlook seen(const errand& one, clock::time_point give_up) const {
    const auto now = clock::now();
    const auto over = [](result<void> answer) {
      outlook end;
      end.over = true;
      end.answer = answer;
      return end;
    };
    if (one.done) return over({});
    if (closed_) return over(errc::stage_stopping);
    if (stuck(now)) return over(errc::attest_device_failed);
    if (now >= give_up) return over(errc::transport_timeout);
    outlook later;
    // Who waits is in the queue, or under way: the thread may not have begun yet.
    later.again = std::min(give_up, current_ ? must_end_ : now + waiting_.front()->budget);
    return later;
  }

  void run() {
    std::unique_lock alone{lock_};
    while (true) {
      changed_.wait(alone, [this] { return closed_ || !waiting_.empty(); });
      if (closed_) break;
      current_ = std::move(waiting_.front());
      waiting_.pop_front();
      must_end_ = clock::now() + current_->budget;
      const std::shared_ptr<errand> mine = current_;
      std::exception_ptr thrown;
      alone.unlock();
      try {
        mine->call(mine->work.get());
      } catch (...) {
        thrown = std::current_exception();
      }
      alone.lock();
      mine->thrown = std::move(thrown);
      mine->done = true;
      current_.reset();
      changed_.notify_all();
      alone.unlock();
      wake(*mine);
      alone.lock();
    }
    running_ = false;
    changed_.notify_all();
  }

  // The context's lock is held as long as anything of the context is in these hands.
  static void wake(const errand& one) noexcept {
    if (!one.context) return;
    const std::scoped_lock alone{one.context->lock};
    if (!one.context->open) return;
    const std::shared_ptr<awakening> sleeper = one.who.lock();
    if (!sleeper) return;
    try {
      asio::post(sleeper->executor, [who = one.who] {
        if (const auto still_there = who.lock()) still_there->timer.cancel();
      });
    } catch (...) {  // no memory: it looks by itself when the budget is over
    }
  }

  std::size_t longest_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<errand>> waiting_;
  std::shared_ptr<errand> current_;
  clock::time_point must_end_;  // of `current_`
  bool running_ = false;        // the thread is there
  bool closed_ = false;
};

}  // namespace detail

/// A thread for calls that may never come back, as those to the driver of a device.
///
/// Work is done in the order in which it came, one at a time. Whoever waits for it may leave at any
/// moment, and nobody waits for ever: work belongs to the thread and its caller together, and a call
/// that does not come back keeps what it works with, and the thread, but nothing else. There is no
/// thread before the first work. For callers on single-threaded executors.
///
/// | answer                        | meaning                                                         |
/// |-------------------------------|-----------------------------------------------------------------|
/// | nothing                       | done: what came of it is in `*work`                             |
/// | `errc::attest_device_failed`  | the work under way, this or another's, is over its budget; so   |
/// |                               | is told, at once, whoever comes before that comes back          |
/// | `errc::stage_overloaded`      | too many wait                                                   |
/// | `errc::transport_timeout`     | the caller's own patience is over                               |
/// | `errc::process_out_of_memory` | no thread could be started                                      |
/// | `errc::stage_stopping`        | this object is gone                                             |
///
/// In all cases but the first `*work` must not be looked at. What the work throws is thrown to who
/// waits for it.
class device_thread {
 public:
  using duration = std::chrono::nanoseconds;

  /// At most `waiting` wait for their turn; `at_end` is how long the destructor waits.
  explicit device_thread(std::size_t waiting, duration at_end = std::chrono::seconds{1})
      : queue_(std::make_shared<detail::device_queue>(waiting)), at_end_(at_end) {}
  device_thread(const device_thread&) = delete;
  device_thread& operator=(const device_thread&) = delete;

  /// Gives the work under way a moment to end, so that a program may go on to destroy what it uses;
  /// what hangs is left behind.
  ~device_thread() { queue_->close(at_end_); }

  /// Does `(*work)()`, which should take no longer than `budget`, and resumes the caller on its own
  /// executor.
  template <std::invocable Work>
  asio::awaitable<result<void>> perform(std::shared_ptr<Work> work, duration budget,
                                        duration patience) {
    const std::shared_ptr<detail::device_queue> queue = queue_;  // this may be gone meanwhile
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto sleeper = std::make_shared<detail::awakening>(executor);
    const auto mine = errand_for(std::move(work), budget);
    mine->context = sleeper->context;
    mine->who = sleeper;
    if (const result<void> entered = queue->enter(queue, mine); !entered) co_return entered.error();
    const place held{queue, mine};
    const auto give_up = end_of(patience);
    while (true) {
      const detail::device_queue::outlook now = queue->look(*mine, give_up);
      if (now.over) {
        if (now.answer && mine->thrown) std::rethrow_exception(mine->thrown);
        co_return now.answer;
      }
      sleeper->timer.expires_at(now.again);
      error_code woken;
      co_await sleeper->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
  }

  /// The same for a thread that has nothing else to do.
  template <std::invocable Work>
  result<void> call(std::shared_ptr<Work> work, duration budget) {
    const auto mine = errand_for(std::move(work), budget);
    if (const result<void> entered = queue_->enter(queue_, mine); !entered) return entered;
    const place held{queue_, mine};
    const result<void> answer = queue_->wait(*mine, end_of(longest));
    if (answer && mine->thrown) std::rethrow_exception(mine->thrown);
    return answer;
  }

 private:
  using errand = detail::device_queue::errand;

  // A caller's place in the queue, or its claim to the result.
  class place {
   public:
    place(std::shared_ptr<detail::device_queue> in, std::shared_ptr<errand> mine)
        : in_(std::move(in)), mine_(std::move(mine)) {}
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() { in_->leave(mine_); }

   private:
    std::shared_ptr<detail::device_queue> in_;
    std::shared_ptr<errand> mine_;
  };

  template <class Work>
  static std::shared_ptr<errand> errand_for(std::shared_ptr<Work> work, duration budget) {
    const auto made = std::make_shared<errand>();
    made->work = std::move(work);
    made->call = [](void* it) { (*static_cast<Work*>(it))(); };
    made->budget = std::min<duration>(budget, longest);
    return made;
  }

  static constexpr duration longest = std::chrono::hours{1};  // far from where a clock overflows
  static detail::device_queue::clock::time_point end_of(duration patience) {
    return detail::device_queue::clock::now() + std::min<duration>(patience, longest);
  }

  std::shared_ptr<detail::device_queue> queue_;
  duration at_end_;
};

}  // namespace enfilade
