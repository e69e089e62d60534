// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/compute_thread.hpp>

#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/local_pipeline.hpp>

#include "gate.hpp"
#include "support/captured.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::answer;
using test::Gated;
using test::ids;
using test::scored;
using test::the_gate;

/// Runs `io` until `enough()`; a test that would hang ends after 30 s.
template <class Condition>
void run_until(asio::io_context& io, Condition enough) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  io.restart();
  while (!enough() && std::chrono::steady_clock::now() < give_up)
    io.run_one_for(std::chrono::milliseconds{1});
  REQUIRE(enough());
}
void run_until_done(asio::io_context& io, const test::task& one) {
  run_until(io, [&] { return one.done; });
}

template <class Work>
asio::awaitable<void> do_on(asio::any_io_executor where, Work work) {
  co_await perform(where, work);
}

asio::awaitable<void> note_threads(asio::any_io_executor where,
                                   std::vector<std::thread::id>& seen) {
  seen.push_back(std::this_thread::get_id());
  const auto work = [&seen] { seen.push_back(std::this_thread::get_id()); };
  co_await perform(where, work);
  seen.push_back(std::this_thread::get_id());
}

/// Notes threads, and whether what was posted before had its turn before the end.
asio::awaitable<void> note_beside(asio::io_context& io, std::vector<std::thread::id>& seen,
                                  bool& other, bool& other_before_the_end) {
  asio::post(io, [&other] { other = true; });
  co_await note_threads(io.get_executor(), seen);
  other_before_the_end = other;
}

template <class Model>
asio::awaitable<void> hear_all(Model& model, answer& heard, bool& ended) {
  while (!heard.ended && !heard.code) co_await test::hear_one(model, heard);
  ended = true;
}

TEST_SUITE("run/compute_thread") {
  TEST_CASE("work is done on the other thread, and who asked for it goes on where it was") {
    asio::io_context io{1};
    compute_thread computing;
    std::vector<std::thread::id> seen;
    test::task asking{io, note_threads(computing.executor(), seen)};
    test::run(io);
    REQUIRE(seen.size() == 3);
    CHECK(seen[0] == std::this_thread::get_id());
    CHECK(seen[1] != seen[0]);
    CHECK(seen[2] == seen[0]);
  }

  TEST_CASE("on its own executor it is done at once: nothing else has its turn before the end") {
    asio::io_context io{1};
    std::vector<std::thread::id> seen;
    bool other = false;
    bool other_before_the_end = true;
    test::task asking{io, note_beside(io, seen, other, other_before_the_end)};
    test::run(io);
    CHECK(seen == std::vector<std::thread::id>(3, std::this_thread::get_id()));
    CHECK(other);
    CHECK_FALSE(other_before_the_end);
  }

  TEST_CASE("what the work throws is thrown to who asked for it, and the thread lives on") {
    asio::io_context io{1};
    compute_thread computing;
    const auto fail = [] { throw failure(errc::request_invalid, "the work"); };
    test::task failing{io, do_on(computing.executor(), fail)};
    test::run(io);
    CHECK(failing.error() == errc::request_invalid);
    int done = 0;
    test::task next{io, do_on(computing.executor(), [&done] { ++done; })};
    test::run(io);
    CHECK(done == 1);
  }

  TEST_CASE("work is done in the order in which it came, one at a time") {
    asio::io_context io{1};
    compute_thread computing;
    std::vector<int> order;  // no lock: the thread sanitizer would see two at a time
    std::vector<std::unique_ptr<test::task>> asking;
    for (int i = 0; i != 50; ++i)
      asking.push_back(std::make_unique<test::task>(
          io, do_on(computing.executor(), [&order, i] { order.push_back(i); })));
    test::run(io);
    REQUIRE(order.size() == 50);
    CHECK(std::ranges::is_sorted(order));
  }

  TEST_CASE("the executor is free while the work is done") {
    asio::io_context io{1};
    compute_thread computing;
    std::promise<void> told;
    const auto wait = [&told] { told.get_future().wait(); };
    test::task waiting{io, do_on(computing.executor(), wait)};
    asio::post(io, [&io, &told] { asio::post(io, [&told] { told.set_value(); }); });
    test::run(io);
    CHECK(waiting.done);
  }

  TEST_CASE("its end waits for the work under way, and forgets what waits for its turn") {
    asio::io_context io{1};
    std::promise<void> begun;
    std::promise<void> told;
    bool done = false;
    std::size_t late = 0;
    const auto slow = [&] {
      begun.set_value();
      told.get_future().wait();
      done = true;
    };
    const auto after = [&late] {  // a millisecond each: the destructor is here long before the last
      ++late;
      const auto begin = std::chrono::steady_clock::now();
      while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds{1}) {
      }
    };
    std::optional<compute_thread> computing{std::in_place};
    std::vector<std::unique_ptr<test::task>> asking;
    asking.push_back(
        std::make_unique<test::task>(io, do_on(computing->executor(), std::ref(slow))));
    for (int i = 0; i != 2000; ++i)
      asking.push_back(std::make_unique<test::task>(io, do_on(computing->executor(), after)));
    test::run_ready(io);
    begun.get_future().wait();
    std::thread telling{[&told] { told.set_value(); }};  // while the destructor waits
    computing.reset();
    telling.join();
    CHECK(done);
    CHECK(late < 2000);
  }
}

/// The whole pipeline in one stage that a test holds up, and a door to it.
class held_stage {
 public:
  using deployment = test::gated_of<Pipeline<Embed<Layers<0, 3>>, LmHead>>;
  using stage_type = deployment::stage<0>;

  explicit held_stage(std::size_t slots = 1, const link_limits& limits = {}) {
    load_options how;
    how.slots = slots;
    stage_engine<stage_type> engine{
        stage_engine<stage_type>::model_type::load(test::letters(), how)};
    std::optional<tokenizer> text = load_tokenizer(test::letters());
    own_ = own_attester(engine, text, expectations{});
    stage_ = make_stage<stage_type>(io.get_executor(), std::move(engine), std::move(text), own_,
                                    expectations::anyone(), computing_.executor(), limits);
    loop_.emplace(io.get_executor(), door_, *stage_, "stage 0");
    asio::co_spawn(io, loop_->run(), asio::detached);
  }
  ~held_stage() { the_gate.open(); }

  std::unique_ptr<Client<deployment>> client(const link_limits& limits = {}) {
    std::unique_ptr<Client<deployment>> made;
    test::task dialling{io, dial(made, limits)};
    run_until_done(io, dialling);
    REQUIRE(made);
    return made;
  }

  /// Sends a question and closes the gate before it is computed; returns when a step is held up.
  void hold(Client<deployment>& model, request question) {
    the_gate.close();
    test::task asking{io, model.ask(std::move(question))};
    run_until(io, [&] { return asking.done && the_gate.holds(); });
  }

  answer hear_out(Client<deployment>& model) {
    answer heard;
    test::task hearing{io, hear(model, heard)};
    run_until_done(io, hearing);
    return heard;
  }
  answer ask(Client<deployment>& model, request question) {
    answer heard;
    test::task asking{io, test::ask(model, std::move(question), heard)};
    run_until_done(io, asking);
    return heard;
  }

  /// Runs `body` to its end, and whatever is ready then.
  void finish(asio::awaitable<void> body) {
    test::task running{io, std::move(body)};
    run_until_done(io, running);
    test::run_ready(io);
  }

  bool stop() { return stage_->stop(); }

  asio::io_context io{1};

 private:
  asio::awaitable<void> dial(std::unique_ptr<Client<deployment>>& made, link_limits limits) {
    const claims measured = *measure(*own_);
    expectations wanted = *expectations::pinned(std::string{measured.attester}, measured.values);
    std::string address = Loopback::format(door_.local());
    std::shared_ptr<const insecure::Mock> nobody;
    auto model = co_await Client<deployment>::dial(std::move(address), std::move(wanted),
                                                   std::move(nobody), limits);
    made = std::make_unique<Client<deployment>>(std::move(model));
  }

  static asio::awaitable<void> hear(Client<deployment>& model, answer& heard) {
    bool more = true;
    while (more) more = co_await test::hear_one(model, heard);
  }

  static Loopback::endpoint fresh_address() {
    static int count = 0;
    return Loopback::endpoint{"held-" + std::to_string(count++)};
  }

  Loopback::listener door_{io.get_executor(), fresh_address()};
  std::shared_ptr<const insecure::Mock> own_;
  std::unique_ptr<stage_server<stage_type>> stage_;
  std::optional<accept_loop<Loopback::listener, stage_server<stage_type>>> loop_;
  compute_thread computing_;
};

const ids abc{'a', 'b', 'c'};
const ids xyz{'x', 'y', 'z', 'x', 'y'};

TEST_SUITE("run/compute_thread, a stage that computes") {
  TEST_CASE("while a step takes its time, others come, are answered, and leave") {
    held_stage stage;
    const auto first = stage.client();
    const answer alone = stage.ask(*first, scored(abc, 3));
    stage.hold(*first, scored(abc, 3));
    const auto second = stage.client();  // a whole handshake
    CHECK(stage.ask(*second, scored(xyz, 2)).code == errc::stage_overloaded);
    stage.finish(second->close());
    CHECK(the_gate.holds());
    the_gate.open();
    CHECK(stage.hear_out(*first) == alone);
  }

  TEST_CASE("a link of a stage that computes for long is still answered") {
    using namespace std::chrono_literals;
    link_limits impatient;
    impatient.heartbeat = 20ms;
    impatient.silence = 400ms;
    held_stage stage{1, impatient};
    const auto model = stage.client(impatient);
    stage.hold(*model, scored(abc, 2));
    answer heard;
    bool ended = false;
    test::task hearing{stage.io, hear_all(*model, heard, ended)};
    asio::steady_timer longer_than_silence{stage.io, 1s};
    bool over = false;
    longer_than_silence.async_wait([&over](const error_code&) { over = true; });
    run_until(stage.io, [&] { return over; });
    CHECK(the_gate.holds());
    CHECK_FALSE(ended);
    the_gate.open();
    run_until_done(stage.io, hearing);
    CHECK(heard.ended);
    CHECK(heard.tokens.size() == 2);
  }

  TEST_CASE("R5: a request that is cancelled ends after the step under way") {
    held_stage stage;
    const auto model = stage.client();
    const std::size_t before = the_gate.begun();
    stage.hold(*model, scored(abc, 60));
    stage.finish(model->cancel());
    the_gate.open();
    const answer heard = stage.hear_out(*model);
    CHECK(heard.code == errc::request_cancelled);
    CHECK(heard.tokens.empty());
    CHECK(the_gate.begun() == before + 1);
    CHECK(stage.ask(*model, scored(abc, 2)).ended);
  }

  TEST_CASE("R5: a dead client is noticed during the step, and no more is computed for it") {
    held_stage stage;
    auto leaving = stage.client();
    const std::size_t before = the_gate.begun();
    stage.hold(*leaving, scored(abc, 60));
    {
      const test::captured said{stderr};
      leaving.reset();
      test::run_ready(stage.io);
      CHECK(said.text() == "stage 0: " + describe(failure(errc::frame_truncated, "client")) + "\n");
    }
    the_gate.open();
    run_until(stage.io, [] { return !the_gate.holds(); });
    const auto next = stage.client();
    answer heard;
    do heard = stage.ask(*next, scored(abc, 2));
    while (heard.code == errc::stage_overloaded);  // until the step is over, and its slot free
    CHECK(heard.tokens.size() == 2);
    CHECK(the_gate.begun() == before + 3);
  }

  TEST_CASE("R5: a step that waits for its turn is not begun for who has left meanwhile") {
    held_stage stage{2};
    const auto first = stage.client();
    const auto second = stage.client();
    const std::size_t before = the_gate.begun();
    stage.hold(*first, scored(abc, 2));
    stage.finish(second->ask(scored(xyz, 60)));
    stage.finish(second->close());
    the_gate.open();
    CHECK(stage.hear_out(*first).tokens.size() == 2);
    CHECK(the_gate.begun() == before + 2);
  }

  TEST_CASE("a stage that stops tells its client after the step, and begins no other") {
    held_stage stage{2};
    const auto first = stage.client();
    const auto second = stage.client();
    const std::size_t before = the_gate.begun();
    stage.hold(*first, scored(abc, 60));
    stage.finish(second->ask(scored(xyz, 60)));
    CHECK(stage.stop());
    the_gate.open();
    CHECK(stage.hear_out(*first).code == errc::stage_stopping);
    CHECK(stage.hear_out(*second).code == errc::stage_stopping);
    CHECK(the_gate.begun() == before + 1);
  }

  TEST_CASE("a slot that was given up during a step holds nothing of it") {
    held_stage stage;
    const auto model = stage.client();
    const answer alone = stage.ask(*model, scored(xyz, 4));
    for (int i = 0; i != 3; ++i) {
      stage.hold(*model, scored(abc, 60));
      stage.finish(model->cancel());
      the_gate.open();
      CHECK(stage.hear_out(*model).code == errc::request_cancelled);
      CHECK(stage.ask(*model, scored(xyz, 4)) == alone);
    }
  }

  TEST_CASE("a step that runs out of memory ends its request, and nothing else") {
    held_stage stage;
    const auto model = stage.client();
    the_gate.break_next();
    const answer heard = stage.ask(*model, scored(abc, 2));
    CHECK(heard.code);
    CHECK(heard.tokens.empty());
    CHECK(stage.ask(*model, scored(abc, 2)).ended);
  }

  TEST_CASE("a stage may be destroyed in the middle of a step") {
    std::thread opening;
    {
      held_stage stage{2};
      const auto first = stage.client();
      const auto second = stage.client();
      stage.hold(*first, scored(abc, 60));
      stage.finish(second->ask(scored(xyz, 60)));
      opening = std::thread{[] { the_gate.open(); }};
    }
    opening.join();
  }
}

using OneRoom = held_stage::deployment;
using TwoRooms =
    test::gated_of<Pipeline<Embed<Layers<0, 1>>, Relay<Loopback>, Layers<1, 3>, LmHead>>;

/// The last of two stages, and neighbours of it that a test moves by hand.
class held_last_stage {
 public:
  using stage_type = TwoRooms::stage<1>;
  using link_type = enfilade::link<Loopback::stream, AesGcm>;

  held_last_stage() {
    load_options how;
    how.slots = 1;
    stage_engine<stage_type> engine{
        stage_engine<stage_type>::model_type::load(test::letters(), how)};
    const auto own = own_attester(engine, std::nullopt, expectations{});
    stage_ = make_stage<stage_type>(io.get_executor(), std::move(engine), std::nullopt, own,
                                    expectations::anyone(), computing_.executor());
    loop_.emplace(io.get_executor(), door_, *stage_, "stage 1");
    asio::co_spawn(io, loop_->run(), asio::detached);
  }
  ~held_last_stage() { the_gate.open(); }

  std::shared_ptr<link_type> neighbour() {
    std::shared_ptr<link_type> made;
    test::task dialling{io, dial(made)};
    run_until_done(io, dialling);
    REQUIRE(made);
    return made;
  }

  /// Sends the first rows of a sequence, all of them the same.
  void send(link_type& from, float value) {
    const std::span<float> room = from.prepare_as<float>(3 * test::Letters::hidden);
    std::ranges::fill(room, value);
    message_header header;
    header.kind = message_kind::activation;
    header.dtype = message_dtype::f32;
    header.rank = 2;
    header.flags = message_flag_logits;
    header.request = 1;
    header.shape[0] = 3;
    header.shape[1] = test::Letters::hidden;
    header.payload_size = room.size_bytes();
    test::task sending{io, from.send(header)};
    run_until_done(io, sending);
  }

  /// What it says to a neighbour next: scores, or the error of a refusal.
  std::pair<std::vector<float>, errc> hear(link_type& at) {
    std::pair<std::vector<float>, errc> heard;
    test::task hearing{io, hear_into(at, heard)};
    run_until_done(io, hearing);
    return heard;
  }

  asio::io_context io{1};

 private:
  asio::awaitable<void> dial(std::shared_ptr<link_type>& made) {
    auto stream = co_await Loopback::dial(io.get_executor(), door_.local());
    link_terms<TwoRooms> terms{link_end::upstream, 1, nullptr, expectations::anyone()};
    made = co_await establish<link_type>(std::move(stream), std::move(terms), "stage 1");
  }

  static asio::awaitable<void> hear_into(link_type& at,
                                         std::pair<std::vector<float>, errc>& heard) {
    const std::optional<message> told = co_await at.receive();
    REQUIRE(told);
    heard.second = errc{};
    if (told->header.kind == message_kind::failure) {
      heard.second = static_cast<errc>(told->header.value);
    } else {
      const auto scores = told->as<float>();
      heard.first.assign(scores.begin(), scores.end());
    }
  }

  Loopback::listener door_{io.get_executor(), Loopback::endpoint{"held-last"}};
  std::unique_ptr<stage_server<stage_type>> stage_;
  std::optional<accept_loop<Loopback::listener, stage_server<stage_type>>> loop_;
  compute_thread computing_;
};

TEST_SUITE("run/compute_thread, a later stage that computes") {
  TEST_CASE("a neighbour that dies during a step costs nobody anything, and gives its slot back") {
    held_last_stage stage;
    const auto first = stage.neighbour();
    stage.send(*first, 0.5F);
    const std::vector<float> alone = stage.hear(*first).first;
    CHECK(alone.size() == test::Letters::vocab);
    test::task goodbye{stage.io, first->close()};
    run_until_done(stage.io, goodbye);

    auto dying = stage.neighbour();
    the_gate.close();
    stage.send(*dying, 0.75F);
    run_until(stage.io, [] { return the_gate.holds(); });
    const auto next = stage.neighbour();  // served while the step takes its time
    stage.send(*next, 0.5F);
    CHECK(stage.hear(*next).second == errc::stage_overloaded);
    const test::captured said{stderr};
    dying.reset();
    test::run_ready(stage.io);
    CHECK(the_gate.holds());
    the_gate.open();
    run_until(stage.io, [&] { return !said.text().empty(); });
    CHECK(said.text().starts_with("stage 1: " + cause_of(failure(errc::transport_closed, ""))));

    stage.send(*next, 0.5F);
    CHECK(stage.hear(*next).first == alone);
  }
}

template <class Deployment>
asio::awaitable<void> one_client(const local_pipeline<Deployment>& rooms, request question,
                                 answer& heard) {
  auto model = co_await rooms.dial();
  for (int i = 0; i != 3; ++i) {  // over and over in the same slot, or another
    heard = answer{};
    co_await test::ask(model, question, heard);
  }
  co_await model.close();
}

/// The last answers to all questions, asked at once.
template <class Deployment>
std::vector<answer> ask_all(const std::vector<request>& questions, compute_on where) {
  asio::io_context io{1};
  const local_pipeline<Deployment> rooms{io.get_executor(), test::letters(), {}, where};
  std::vector<answer> heard(questions.size());
  std::vector<std::unique_ptr<test::task>> asking;
  for (std::size_t i = 0; i != questions.size(); ++i)
    asking.push_back(std::make_unique<test::task>(io, one_client(rooms, questions[i], heard[i])));
  for (const auto& one : asking) {
    run_until_done(io, *one);
    CHECK(one->error() == error_code{});
  }
  return heard;
}

template <class Deployment>
void keeps_clients_apart() {
  const std::vector<request> questions{scored(abc, 25), scored(xyz, 20), scored({'m'}, 30)};
  const std::vector<answer> together = ask_all<Deployment>(questions, compute_on::own_thread);
  for (std::size_t i = 0; i != questions.size(); ++i) {
    CAPTURE(i);
    CHECK(together[i].ended);
    CHECK(together[i] == ask_all<Deployment>({questions[i]}, compute_on::stage_executor)[0]);
  }
  CHECK_FALSE(together[0].logits[0] == together[1].logits[0]);
}

TEST_SUITE("run/compute_thread, pipelines") {
  TEST_CASE("S5, S6: clients that ask at once get the answers that they get alone, bit for bit") {
    SUBCASE("from one stage") { keeps_clients_apart<OneRoom>(); }
    SUBCASE("from two") { keeps_clients_apart<TwoRooms>(); }
  }

  TEST_CASE("two stages may be destroyed while both compute") {
    asio::io_context io{1};
    std::thread opening;
    {
      const local_pipeline<TwoRooms> rooms{io.get_executor(), test::letters()};
      std::vector<answer> heard(3);
      std::vector<std::unique_ptr<test::task>> asking;
      for (answer& one : heard)
        asking.push_back(std::make_unique<test::task>(io, one_client(rooms, scored(abc, 50), one)));
      run_until(io, [&] {
        return std::ranges::all_of(heard, [](auto& a) { return !a.tokens.empty(); });
      });
      the_gate.close();
      run_until(io, [] { return the_gate.holds(); });
      opening = std::thread{[] { the_gate.open(); }};
    }
    opening.join();
  }
}

}  // namespace
