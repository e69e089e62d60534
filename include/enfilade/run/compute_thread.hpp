// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/transport/asio.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>

#include <concepts>
#include <exception>
#include <utility>

namespace enfilade {

/// Where the steps of a stage are computed.
enum class compute_on {
  own_thread,      ///< a `compute_thread`: links are served while a step takes its time
  stage_executor,  ///< the stage's own executor, which hears nothing meanwhile
};

/// The thread that computes: the steps of one stage, in the order in which they came.
///
/// What a step computes with must outlive this object, so declare it after them. Its destructor
/// waits for the step that is under way and forgets those that wait for their turn.
class compute_thread {
 public:
  compute_thread() = default;
  compute_thread(const compute_thread&) = delete;
  compute_thread& operator=(const compute_thread&) = delete;

  /// For `perform`.
  asio::any_io_executor executor() noexcept { return pool_.get_executor(); }

 private:
  asio::thread_pool pool_{1};
};

namespace detail {

/// Work on its way to another executor, and who waits for its end.
template <class Work, class Handler>
class handed_over {
 public:
  handed_over(Work& work, Handler waiting) : work_(&work), waiting_(std::move(waiting)) {}

  void operator()() {
    std::exception_ptr thrown;
    try {
      (*work_)();
    } catch (...) {
      thrown = std::current_exception();
    }
    const auto back = asio::get_associated_executor(waiting_);
    asio::post(back, [waiting = std::move(waiting_), thrown = std::move(thrown)]() mutable {
      waiting(std::move(thrown));
    });
  }

 private:
  Work* work_;
  Handler waiting_;
};

/// Starts the hand-over: what `async_initiate` calls.
template <class Work>
class handing_over {
 public:
  handing_over(asio::any_io_executor to, Work& work) : to_(std::move(to)), work_(&work) {}

  template <class Handler>
  void operator()(Handler waiting) const {
    asio::post(to_, handed_over<Work, Handler>{*work_, std::move(waiting)});
  }

 private:
  asio::any_io_executor to_;
  Work* work_;
};

}  // namespace detail

/// Calls `work()` on `where`, and resumes the caller on its own executor when it is done.
///
/// `work` is the caller's, who is suspended meanwhile: it may refer to the caller's variables, and
/// leaves its results there. What it throws is thrown to the caller. It is not cancelled: who is
/// cancelled meanwhile learns it at the next wait. Where the caller's executor is `where`, the work
/// is done at once, without a hand-over, as deterministic tests want it.
template <std::invocable Work>
asio::awaitable<void> perform(asio::any_io_executor where, Work& work) {
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  if (here == where) {
    work();
    co_return;
  }
  const detail::handing_over<Work> handing{std::move(where), work};
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      handing, asio::use_awaitable);
}

}  // namespace enfilade
