// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/transport.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/use_future.hpp>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

namespace asio = boost::asio;

/// Where the downstream end listens; `door` is there only where that end is in this process.
template <enfilade::transport T>
struct entrance {
  std::unique_ptr<typename T::listener> door;
  typename T::endpoint at;
};

/// Gives each end a processor of its own, where there are two. Left alone, the kernel puts both on
/// one for some rounds and on two for others, and round trips differ by a factor of ten.
inline void stay_on_processor(unsigned which) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(which % std::max(1u, std::thread::hardware_concurrency()), &set);
  ::sched_setaffinity(0, sizeof set, &set);  // a wish: figures show where it was refused
}

/// Both ends in one process, a thread and an executor each.
class two_threads {
 public:
  two_threads() {
    for (unsigned which = 0; which != ios_.size(); ++which)
      threads_.emplace_back([&io = ios_[which], work = asio::make_work_guard(ios_[which]), which] {
        stay_on_processor(which);
        io.run();
      });
  }
  ~two_threads() {
    for (auto& io : ios_) io.stop();
    for (auto& thread : threads_) thread.join();
  }
  two_threads(const two_threads&) = delete;
  two_threads& operator=(const two_threads&) = delete;

  /// Runs one coroutine on each thread and waits for both.
  void run(asio::awaitable<void> upstream, asio::awaitable<void> downstream) {
    auto down = asio::co_spawn(ios_[1], std::move(downstream), asio::use_future);
    auto up = asio::co_spawn(ios_[0], std::move(upstream), asio::use_future);
    up.get();
    down.get();
  }

  template <enfilade::transport T>
  entrance<T> open(const char* address) {
    entrance<T> made;
    made.door = std::make_unique<typename T::listener>(ios_[1].get_executor(), *T::parse(address));
    made.at = made.door->local();
    return made;
  }

  asio::io_context& upstream() { return ios_[0]; }
  asio::io_context& downstream() { return ios_[1]; }

 private:
  std::array<asio::io_context, 2> ios_{};
  std::vector<std::thread> threads_;
};

/// Each end in a process of its own, as stages are. Both run the same program from the fork on: of
/// every pair of coroutines each process runs its own one, so the two keep step without being told.
/// Figures are the upstream end's; the other's are not printed.
class two_processes {
 public:
  /// Calls `program(ends)` in this process as the upstream end and in a child as the other one.
  template <class Program>
  static void run_both(Program program) {
    int pipe[2];
    if (::pipe(pipe) != 0) throw std::system_error{errno, std::generic_category(), "pipe"};
    const pid_t child = ::fork();
    if (child < 0) throw std::system_error{errno, std::generic_category(), "fork"};
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      try {
        two_processes ends{false, pipe[1]};
        program(ends);
      } catch (const std::exception& e) {
        std::fprintf(stderr, "bench: the downstream end: %s\n", e.what());
        std::_Exit(1);
      }
      std::_Exit(0);
    }
    {
      two_processes ends{true, pipe[0]};
      program(ends);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) throw std::runtime_error{"the downstream end failed"};
  }

  void run(asio::awaitable<void> upstream, asio::awaitable<void> downstream) {
    auto mine = is_upstream_ ? std::move(upstream) : std::move(downstream);
    auto done = asio::co_spawn(io_, std::move(mine), asio::use_future);
    io_.restart();
    while (done.wait_for(std::chrono::seconds{0}) != std::future_status::ready) io_.run_one();
    done.get();
  }

  /// Opens the door in the downstream process and tells the upstream one where it is.
  template <enfilade::transport T>
  entrance<T> open(const char* address) {
    entrance<T> made;
    std::array<char, 256> text{};
    if (is_upstream_) {
      if (::read(pipe_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::runtime_error{"the downstream end said no address"};
      made.at = *T::parse(text.data());
    } else {
      made.door = std::make_unique<typename T::listener>(io_.get_executor(), *T::parse(address));
      made.at = made.door->local();
      T::format(made.at).copy(text.data(), text.size() - 1);
      if (::write(pipe_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::system_error{errno, std::generic_category(), "write"};
    }
    return made;
  }

  bool is_upstream() const { return is_upstream_; }
  asio::io_context& upstream() { return io_; }
  asio::io_context& downstream() { return io_; }

 private:
  two_processes(bool is_upstream, int pipe) : is_upstream_(is_upstream), pipe_(pipe) {
    stay_on_processor(is_upstream ? 0 : 1);
  }

  bool is_upstream_;
  int pipe_;
  asio::io_context io_;
};

/// One connection: both its ends, or in `two_processes` the one that this process has.
template <enfilade::transport T>
struct connection {
  std::unique_ptr<typename T::stream> upstream;
  std::unique_ptr<typename T::stream> downstream;
};

/// TCP over loopback has two speeds: where the receive window stays small, each end waits for the
/// other in turn, and whatever runs over the connection is up to four times slower. A larger buffer
/// makes that rarer, not impossible: a row whose spread is wide, or whose peer is slow, shows it.
template <class Stream>
void open_window(Stream& stream) {
  boost::system::error_code ignored;
  stream.set_option(asio::socket_base::receive_buffer_size{1 << 20}, ignored);
}

template <enfilade::transport T, class Ends>
connection<T> connect(Ends& ends, entrance<T>& into) {
  connection<T> both;
  auto dial = [&]() -> asio::awaitable<void> {
    auto stream = co_await T::dial(ends.upstream().get_executor(), into.at);
    open_window(stream);
    both.upstream = std::make_unique<typename T::stream>(std::move(stream));
  };
  auto accept = [&]() -> asio::awaitable<void> {
    auto stream = co_await into.door->accept();
    open_window(stream);
    both.downstream = std::make_unique<typename T::stream>(std::move(stream));
  };
  ends.run(dial(), accept());
  return both;
}

}  // namespace bench
