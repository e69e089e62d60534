// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/local_pipeline.hpp>

#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/transport/tcp.hpp>

#include "letters.hpp"
#include "support/captured.hpp"
#include "support/failure_of.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <boost/asio/executor_work_guard.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::answer;
using test::ids;
using test::Letters;
using test::One;
using test::scored;
using test::Three;
using test::Two;

/// Two stages over TCP, clients too, and the other suite.
using OverTcp = Pipeline<Embed<Layers<0, 2>>, Relay<Tcp>, Layers<2, 3>,
                         LmHead>::of<Letters>::with<ChaChaPoly, insecure::Mock, Reference>;

template <class Deployment>
asio::awaitable<void> one_client(const local_pipeline<Deployment>& rooms, request question,
                                 answer& heard) {
  auto model = co_await rooms.dial();
  co_await test::ask(model, std::move(question), heard);
  co_await model.close();
}

/// The answers to all questions, each asked by a client of its own, all at once.
template <class Deployment>
std::vector<answer> ask_all(const std::vector<request>& questions, load_options how = {}) {
  asio::io_context io{1};
  const local_pipeline<Deployment> rooms{io.get_executor(), test::letters(), how};
  std::vector<answer> heard(questions.size());
  std::size_t open = questions.size();
  for (std::size_t i = 0; i != questions.size(); ++i)
    asio::co_spawn(io, one_client(rooms, questions[i], heard[i]), [&](std::exception_ptr error) {
      CHECK(error == nullptr);
      if (--open == 0) io.stop();
    });
  io.run_for(std::chrono::seconds{60});
  CHECK(open == 0);
  return heard;
}

template <class Deployment>
answer ask(request question) {
  return ask_all<Deployment>({std::move(question)})[0];
}

const ids prompt{'O', 'n', 'c', 'e', ' ', 'u', 'p', 'o', 'n'};

TEST_SUITE("run/local_pipeline") {
  TEST_CASE("a cut changes no bit: the scores of one, two and three stages are the same") {
    const answer one = ask<One>(scored(prompt, 40));
    CHECK(one.logits.size() == 40);
    CHECK(one == ask<Two>(scored(prompt, 40)));
    CHECK(one == ask<Three>(scored(prompt, 40)));
    CHECK(one == ask<OverTcp>(scored(prompt, 40)));
  }

  TEST_CASE("tokens and text are those of the scores") {
    const answer scores = ask<One>(scored(prompt, 20));
    const auto text = [](std::size_t most) { return request{std::string{"Once upon"}, most}; };
    const answer two = ask<Two>(text(20));
    const answer three = ask<Three>(text(20));
    CHECK(two.tokens == scores.tokens);
    CHECK(three == two);
    CHECK(two.text.size() == 20);
  }

  template <class Deployment>
  void isolates_clients() {
    std::vector<request> questions;
    for (int i = 0; i != 8; ++i) {
      ids own = prompt;
      own.resize(prompt.size() - static_cast<std::size_t>(i % 4));
      own.push_back(static_cast<std::uint32_t>('a' + i));
      questions.push_back(scored(std::move(own), 12 + static_cast<std::size_t>(i)));
    }
    load_options how;
    how.slots = 8;
    const std::vector<answer> together = ask_all<Deployment>(questions, how);
    for (std::size_t i = 0; i != 8; ++i) {
      CAPTURE(i);
      CHECK(together[i].ended);
      CHECK(together[i] == ask<Deployment>(questions[i]));
    }
    CHECK_FALSE(together[0].logits[0] == together[1].logits[0]);
  }

  TEST_CASE("several clients at once get the answers that they get alone") {
    SUBCASE("from one stage") { isolates_clients<One>(); }
    SUBCASE("from two") { isolates_clients<Two>(); }
    SUBCASE("from three") { isolates_clients<Three>(); }
  }

  TEST_CASE("more clients than slots are told so by name, and the others are served") {
    const std::vector<request> questions(5, scored(prompt, 30));
    load_options how;
    how.slots = 2;
    const std::vector<answer> heard = ask_all<Two>(questions, how);
    std::size_t served = 0;
    for (const answer& one : heard) {
      if (one.ended)
        ++served;
      else
        CHECK(one.code == errc::stage_overloaded);
    }
    CHECK(served == 2);
  }

  TEST_CASE("each stage on a thread of its own answers the same") {
    const answer alone = ask<Three>(scored(prompt, 30));
    std::array<asio::io_context, 3> rooms_io;
    asio::io_context io;
    const local_pipeline<Three> rooms{
        {rooms_io[0].get_executor(), rooms_io[1].get_executor(), rooms_io[2].get_executor()},
        test::letters()};
    std::vector<std::thread> threads;
    for (asio::io_context& each : rooms_io) threads.emplace_back([&each] { each.run(); });
    answer heard;
    asio::co_spawn(io, one_client(rooms, scored(prompt, 30), heard),
                   [](std::exception_ptr error) { CHECK(error == nullptr); });
    io.run_for(std::chrono::seconds{60});
    for (asio::io_context& each : rooms_io) each.stop();
    for (std::thread& thread : threads) thread.join();
    CHECK(heard == alone);
  }

  TEST_CASE("a client may come and go, and two pipelines in one process do not meet") {
    asio::io_context io{1};
    const local_pipeline<Two> left{io.get_executor(), test::letters()};
    const test::letters_directory other{3};
    const local_pipeline<Two> right{io.get_executor(), other.path()};
    answer of_left;
    answer of_right;
    answer again;
    test::task all{
        io,
        [](const auto& a, const auto& b, answer& x, answer& y, answer& z) -> asio::awaitable<void> {
          co_await one_client(a, scored(prompt, 5), x);
          co_await one_client(b, scored(prompt, 5), y);
          co_await one_client(a, scored(prompt, 5), z);
        }(left, right, of_left, of_right, again)};
    while (!all.done) io.run_one();
    CHECK(all.error() == error_code{});
    CHECK(of_left == again);
    CHECK_FALSE(of_left.logits == of_right.logits);
  }

  TEST_CASE("a pipeline that cannot be built leaves nothing behind that runs") {
    asio::io_context io{1};
    const test::letters_directory damaged;
    test::write_file(damaged.path() / "tokenizer.json", "{");  // the last thing that is read
    const test::failure_of refused([&] {
      const local_pipeline<Three> rooms{io.get_executor(), damaged.path()};
    });
    CHECK(refused.code == errc::model_tokenizer_invalid);
    io.run();
    CHECK(io.stopped());
  }

  TEST_CASE("destroying everything in the middle of an answer is allowed, in the usual order") {
    auto where = compute_on::own_thread;
    SUBCASE("while other threads compute") {}
    SUBCASE("computing on one thread") { where = compute_on::stage_executor; }
    asio::io_context io{1};
    const local_pipeline<Three> rooms{io.get_executor(), test::letters(), {}, where};
    std::vector<answer> heard(3);
    for (answer& one : heard)
      asio::co_spawn(io, one_client(rooms, scored(prompt, 50), one), [](std::exception_ptr) {});
    for (int i = 0; i != 400; ++i) io.poll_one();
  }
}

}  // namespace
