// SPDX-License-Identifier: Apache-2.0
#pragma once

// A pipeline of which every part can be made to fail: each stage has its own number of slots, and
// between two stages sits a host that can cut the link, keep its door shut, or open it again.

#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/client.hpp>
#include <enfilade/run/relay.hpp>
#include <enfilade/run/stage_engine.hpp>
#include <enfilade/run/stage_files.hpp>
#include <enfilade/run/stage_server.hpp>

#include "letters.hpp"
#include "support/captured.hpp"
#include "unit/transport/conversation.hpp"

#include <boost/asio/detached.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace test {

/// An address of this process that nobody used before.
inline Loopback::endpoint fresh_address() {
  static int count = 0;
  return Loopback::endpoint{"building-" + std::to_string(count++)};
}

/// The host between two stages: carries what comes, until it is told otherwise.
class host {
 public:
  host(const asio::any_io_executor& executor, Loopback::endpoint to)
      : to_(std::move(to)),
        door_(executor, fresh_address()),
        loop_(executor, door_, *this, "host") {
    asio::co_spawn(executor, loop_.run(), asio::detached);
  }

  Loopback::endpoint at() const { return door_.local(); }

  /// Ends what it carries, as the death of the stage behind it does, and lets nobody in any more.
  void cut() {
    shut_ = true;
    for (const auto& one : carried_) {
      close_quietly(one->up);
      close_quietly(one->down);
    }
    carried_.clear();
  }

  /// The stage behind it is back.
  void open() { shut_ = false; }

  std::size_t connections() const noexcept { return connections_; }

  asio::awaitable<void> serve(Loopback::stream up) {
    if (shut_) co_return;
    Loopback::stream down = co_await Loopback::dial(up.get_executor(), to_);
    ++connections_;
    const auto both = std::make_shared<pair>(std::move(up), std::move(down));
    carried_.push_back(both);
    detail::silence_limit limit{both->up, both->down, std::chrono::hours{1}};
    auto downwards = detail::copy_until_end(both->up, both->down, limit);
    auto upwards = detail::copy_until_end(both->down, both->up, limit);
    using namespace asio::experimental::awaitable_operators;
    co_await (std::move(downwards) && std::move(upwards));
  }

 private:
  struct pair {
    pair(Loopback::stream u, Loopback::stream d) : up(std::move(u)), down(std::move(d)) {}
    Loopback::stream up;
    Loopback::stream down;
  };

  Loopback::endpoint to_;
  Loopback::listener door_;
  accept_loop<Loopback::listener, host> loop_;
  std::vector<std::shared_ptr<pair>> carried_;
  std::size_t connections_ = 0;
  bool shut_ = false;
};

template <class Attester>
expectations exactly(const Attester& own) {
  const claims measured = *measure(own);
  return *expectations::pinned(std::string{measured.attester}, measured.values);
}

/// One stage, its door, and the host in front of the next stage.
template <class Stage>
struct room {
  using server = stage_server<Stage>;

  std::unique_ptr<Loopback::listener> door;
  std::shared_ptr<const insecure::Mock> own;
  std::unique_ptr<server> stage;
  std::unique_ptr<accept_loop<Loopback::listener, server>> loop;
  std::unique_ptr<host> next;
};

/// What stage 1 demands of the stage above it.
enum class whom_stage_1_expects { anybody, stage_0, itself };

/// All stages of `Deployment`, over `Loopback`, with a host in front of each but the first.
template <class Deployment>
class building {
 public:
  static constexpr std::size_t stage_count = Deployment::stage_count;
  using slots = std::array<std::size_t, stage_count>;

  explicit building(const slots& each = same(4), const std::filesystem::path& model = letters(),
                    whom_stage_1_expects wanted = whom_stage_1_expects::anybody)
      : wanted_(wanted) {
    build<stage_count - 1>(model, each);
  }
  building(const building&) = delete;

  static slots same(std::size_t count) {
    slots all{};
    all.fill(count);
    return all;
  }

  template <std::size_t I>
  auto& room_of() {
    return std::get<I>(rooms_);
  }
  template <std::size_t I>
  host& host_above() {
    return *std::get<I - 1>(rooms_).next;
  }

  /// A client with a link of its own.
  std::unique_ptr<Client<Deployment>> client() {
    std::unique_ptr<Client<Deployment>> made;
    finish(dial(made));
    REQUIRE(made);
    return made;
  }

  /// The whole answer to one question, over a link of its own.
  answer ask(request question) {
    const auto model = client();
    answer heard = ask(*model, std::move(question));
    finish(model->close());
    return heard;
  }
  answer ask(Client<Deployment>& model, request question) {
    answer heard;
    finish(test::ask(model, std::move(question), heard));
    return heard;
  }

  /// Sends a question and hears its first `count` tokens.
  answer begin(Client<Deployment>& model, request question, std::size_t count) {
    answer heard;
    finish(model.ask(std::move(question)));
    while (heard.tokens.size() != count) hear_one(model, heard);
    return heard;
  }
  void hear_one(Client<Deployment>& model, answer& heard) {
    finish(note(test::hear_one(model, heard)));
  }
  /// The rest of an answer.
  void hear_out(Client<Deployment>& model, answer& heard) {
    while (!heard.ended && !heard.code) hear_one(model, heard);
  }

  /// Runs everything until `body` is over; a test that would hang ends after 10 s.
  void finish(asio::awaitable<void> body) {
    task running{io, std::move(body)};
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    io.restart();
    while (!running.done && std::chrono::steady_clock::now() < give_up)
      io.run_one_for(std::chrono::milliseconds{100});
    REQUIRE(running.done);
    REQUIRE(running.error() == error_code{});
  }

  /// Runs what is ready.
  void settle() { run_ready(io); }

  asio::io_context io{1};

 private:
  template <std::size_t... I>
  static std::tuple<room<typename Deployment::template stage<I>>...> rooms_of(
      std::index_sequence<I...>);

  template <std::size_t I>
  void build(const std::filesystem::path& model, const slots& each) {
    using stage_type = typename Deployment::template stage<I>;
    const asio::any_io_executor executor = io.get_executor();
    auto& here = std::get<I>(rooms_);
    load_options how;
    how.slots = each[I];
    stage_engine<stage_type> engine{stage_engine<stage_type>::model_type::load(model, how)};
    std::optional<tokenizer> text;
    if constexpr (stage_type::embeds) text = load_tokenizer(model);
    expectations of_next;
    if constexpr (!stage_type::has_head) of_next = exactly(*std::get<I + 1>(rooms_).own);
    here.own = own_attester(engine, text, of_next);
    here.door = std::make_unique<Loopback::listener>(executor, fresh_address());
    here.stage = make_stage<stage_type>(executor, std::move(engine), std::move(text), here.own,
                                        expected_above<I>(model));
    if constexpr (!stage_type::has_head) {
      const auto& below = std::get<I + 1>(rooms_);
      here.next = std::make_unique<host>(executor, below.door->local());
      set_next<stage_type>(executor, *here.stage, here.next->at(), here.own, of_next);
    }
    here.loop = std::make_unique<accept_loop<Loopback::listener, stage_server<stage_type>>>(
        executor, *here.door, *here.stage, stage_role(I));
    asio::co_spawn(executor, here.loop->run(), asio::detached);
    if constexpr (I != 0) build<I - 1>(model, each);
  }

  template <std::size_t I>
  expectations expected_above(const std::filesystem::path& model) {
    if (I != 1 || wanted_ == whom_stage_1_expects::anybody) return expectations::anyone();
    const expectations itself = exactly(*std::get<I>(rooms_).own);
    if (wanted_ == whom_stage_1_expects::itself) return itself;
    using above = stage_engine<typename Deployment::template stage<0>>;
    const above engine{above::model_type::load(model)};
    return exactly(*own_attester(engine, load_tokenizer(model), itself));
  }

  asio::awaitable<void> dial(std::unique_ptr<Client<Deployment>>& made) {
    const auto& first = std::get<0>(rooms_);
    std::string address = Loopback::format(first.door->local());
    expectations wanted = exactly(*first.own);
    auto model = co_await Client<Deployment>::dial(std::move(address), std::move(wanted));
    made = std::make_unique<Client<Deployment>>(std::move(model));
  }

  static asio::awaitable<void> note(asio::awaitable<bool> hearing) { co_await std::move(hearing); }

  whom_stage_1_expects wanted_;
  decltype(rooms_of(std::make_index_sequence<stage_count>{})) rooms_;
};

/// Swallows what stages say on stderr of peers that a test lets die.
using quiet = captured;

}  // namespace test
