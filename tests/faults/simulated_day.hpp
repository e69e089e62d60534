// SPDX-License-Identifier: Apache-2.0
#pragma once

// One day of a pipeline in a bad network: clients come, ask, change their minds and leave, while
// the network loses, cuts, freezes and forges; then it clears up. All of it follows from a seed.

#include "rooms.hpp"
#include "support/captured.hpp"
#include "support/observed.hpp"
#include "support/simulated.hpp"
#include "wire_watch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace test {

using namespace std::chrono_literals;

/// What the pipeline says to the prompt of this folder; found once, without a network.
struct right_answers {
  ids tokens;
  std::vector<std::vector<float>> logits;
  std::vector<std::vector<float>> hidden;  // the rows that travel from stage 0 to stage 1
};

inline constexpr std::size_t most_tokens = 6;

inline const right_answers& right() {
  static const right_answers known = [] {
    using whole = stage_model<Letters, 0, 3, true, true, Reference>;
    using upper = stage_model<Letters, 0, 1, true, false, Reference>;
    right_answers found;
    auto model = whole::load(letters());
    auto above = upper::load(letters());
    model.start(0);
    above.start(0);
    ids rows = some_prompt();
    std::size_t position = 0;
    for (std::size_t made = 0; made != most_tokens; ++made) {
      std::vector<float> hidden(rows.size() * Letters::hidden);
      above.embed(rows, position, hidden);
      above.run(0, hidden, rows.size(), position);
      for (std::size_t row = 0; row != rows.size(); ++row) {
        const auto first = hidden.begin() + static_cast<std::ptrdiff_t>(row * Letters::hidden);
        found.hidden.emplace_back(first, first + Letters::hidden);
      }
      model.embed(rows, position, hidden);
      model.run(0, hidden, rows.size(), position);
      std::vector<float> scores(Letters::vocab);
      model.head(std::span<const float>{hidden}.last(Letters::hidden), scores);
      position += rows.size();
      rows.assign(1, static_cast<std::uint32_t>(argmax(scores)));
      found.tokens.push_back(rows[0]);
      found.logits.push_back(std::move(scores));
    }
    return found;
  }();
  return known;
}

/// Everything that a wire must never show.
inline std::vector<std::vector<std::byte>> secrets() {
  std::vector<std::vector<std::byte>> all;
  const auto add = [&](auto bytes) { all.emplace_back(bytes.begin(), bytes.end()); };
  const ids prompt = some_prompt();
  add(std::as_bytes(std::span{prompt}));
  for (const auto& row : right().hidden) add(std::as_bytes(std::span{row}).first(16));
  for (const auto& row : right().logits) add(std::as_bytes(std::span{row}).first(16));
  return all;
}

/// A client of that day, and how each of its operations ended.
struct guest {
  // What it is going to do.
  std::chrono::nanoseconds comes{};
  std::size_t asks = 1;
  std::size_t most = 1;
  bool wants_logits = false;
  std::size_t cancels_after = ~std::size_t{0};  // tokens
  std::size_t vanishes_after = ~std::size_t{0};
  std::chrono::nanoseconds dies{};  // its coroutine is cancelled then; 0 for never

  // What came of it.
  bool over = false;
  bool killed = false;
  std::size_t answered = 0;  // requests that were answered whole
  error_code code;
  std::string nameless;
  bool wrong = false;                  // an answer that was not the model's
  std::chrono::nanoseconds longest{};  // of its operations
  asio::cancellation_signal stop;

  bool ended_well() const {
    if (!over || wrong) return false;
    if (killed && code == asio::error::operation_aborted) return true;
    if (!nameless.empty()) return false;
    return !code || (code.category() == enfilade::error_category() && code != errc::internal);
  }

  std::string told() const {
    return std::string{over ? "" : "not over, "} + (wrong ? "a wrong answer, " : "") +
           (code ? code.message() : "no error") + " " + nameless + ", " + std::to_string(answered) +
           " of " + std::to_string(asks) + " answered, longest operation " +
           std::to_string(longest / 1ms) + " ms";
  }
};

/// Measures one operation of a guest.
class stop_watch {
 public:
  explicit stop_watch(guest& of) : of_(of) {}
  stop_watch(const stop_watch&) = delete;
  ~stop_watch() { of_.longest = std::max(of_.longest, virtual_clock::now() - begun_); }

 private:
  guest& of_;
  virtual_clock::time_point begun_ = virtual_clock::now();
};

template <class Cipher = observed<AesGcm>>
class simulated_day {
 public:
  using deployment = two_rooms<simulated, Cipher>;

  explicit simulated_day(std::uint64_t seed, bool tells = false)
      : world_(seed), slots_(1 + world_.random.below(2)), building_(executor(), slots_) {
    world_.tells = tells;
    seal_log::current() = {};
    world_.watch = [this](const network::connection& on, std::size_t side) {
      early_ += speaks_too_early(on, side) ? 1 : 0;
    };
  }

  /// The bad hours. Whether every guest's visit ended within a bounded time.
  bool storm() {
    choose_weather();
    invite();
    for (const auto& one : guests_) receive(*one);
    const auto all_over = [this] {
      return std::ranges::all_of(guests_, [](const auto& one) { return one->over; });
    };
    return world_.run_until(all_over, virtual_clock::now() + 20min);
  }

  /// The network clears up. Who sits at a dead link finds out by its silence; then as many guests
  /// as there are slots come at once, and each must be served.
  void clear_up() {
    world_.calm_down();
    world_.run_for(60s);
    late_.clear();
    for (std::size_t i = 0; i != slots_; ++i) {
      late_.push_back(std::make_unique<guest>());
      late_.back()->most = most_tokens;
      receive(*late_.back());
    }
    world_.run_for(60s);
  }

  network& world() noexcept { return world_; }
  const std::vector<std::unique_ptr<guest>>& guests() const { return guests_; }
  const std::vector<std::unique_ptr<guest>>& late_guests() const { return late_; }

  /// Application records that left before their link was established.
  std::size_t early() const noexcept { return early_; }

 private:
  asio::any_io_executor executor() { return world_.io.get_executor(); }

  template <class T>
  T one_of(std::initializer_list<T> all) {
    return *(all.begin() + world_.random.below(all.size()));
  }

  void choose_weather() {
    weather& sky = world_.sky;
    sky.longest_delay = one_of<std::chrono::nanoseconds>({50us, 5ms, 100ms, 900ms});
    sky.longest_gale = one_of<std::chrono::nanoseconds>({0s, 0s, 2s, 12s});
    sky.splits = one_of<std::uint64_t>({0, 1, 2, 8});
    sky.refusals = one_of<std::uint64_t>({0, 0, 3});
    sky.window = one_of<std::size_t>({256, 4096, 65536});
    const std::uint64_t mishaps = one_of<std::uint64_t>({1, 2, 4, 100});
    world_.fate = [this, mishaps](const network::connection&, std::size_t) {
      mishap m;
      if (!world_.random.once_in(mishaps)) return m;
      m.what = static_cast<mishap::kind>(1 + world_.random.below(5));
      const std::uint64_t reach = one_of<std::uint64_t>({200, 1500, 6000});
      m.at_byte = static_cast<std::size_t>(world_.random.below(reach));
      m.lasts = one_of<std::chrono::nanoseconds>({1s, 4s, 8s, std::chrono::nanoseconds::max()});
      return m;
    };
  }

  void invite() {
    seeded& random = world_.random;
    for (std::uint64_t left = 1 + random.below(3); left != 0; --left) {
      auto one = std::make_unique<guest>();
      one->comes = std::chrono::milliseconds{random.below(3000)};
      one->asks = 1 + random.below(2);
      one->most = 1 + random.below(most_tokens);
      one->wants_logits = random.once_in(2);
      if (random.once_in(4)) one->cancels_after = random.below(3);
      if (random.once_in(6)) one->vanishes_after = random.below(3);
      if (random.once_in(5)) one->dies = one->comes + std::chrono::milliseconds{random.below(4000)};
      guests_.push_back(std::move(one));
    }
  }

  void receive(guest& who) {
    asio::awaitable<void> visiting = visit_of(who);
    asio::co_spawn(executor(), std::move(visiting),
                   asio::bind_cancellation_slot(who.stop.slot(), asio::detached));
    if (who.dies.count() == 0) return;
    asio::awaitable<void> dying = end_of(who);
    asio::co_spawn(executor(), std::move(dying), asio::detached);
  }

  asio::awaitable<void> end_of(guest& who) {
    asio::basic_waitable_timer<virtual_clock> timer{executor(), who.dies};
    co_await timer.async_wait(asio::use_awaitable);
    who.killed = true;
    who.stop.emit(asio::cancellation_type::terminal);
  }

  asio::awaitable<void> visit_of(guest& who) {
    try {
      asio::basic_waitable_timer<virtual_clock> timer{executor(), who.comes};
      co_await timer.async_wait(asio::use_awaitable);
      co_await stay(who);
    } catch (const failure& f) {
      who.code = f.code();
    } catch (const boost::system::system_error& e) {
      who.code = e.code();
      who.nameless = e.what();
    } catch (const std::exception& e) {
      who.nameless = e.what();
    }
    who.over = true;
  }

  asio::awaitable<Client<deployment>> enter(guest& who) {
    const stop_watch watch{who};
    auto model = co_await building_.dial();
    co_return model;
  }

  asio::awaitable<void> stay(guest& who) {
    auto model = co_await enter(who);
    for (std::size_t i = 0; i != who.asks; ++i) {
      const bool stays = co_await converse(model, who);
      if (!stays) co_return;
    }
    const stop_watch watch{who};
    co_await model.close();
  }

  // One question and its answer; whether the guest is still there afterwards.
  asio::awaitable<bool> converse(Client<deployment>& model, guest& who) {
    request question{some_prompt(), who.most};
    question.wants_logits = who.wants_logits;
    {
      const stop_watch watch{who};
      co_await model.ask(std::move(question));
    }
    for (std::size_t heard = 0;; ++heard) {
      if (heard == who.vanishes_after) co_return false;
      if (heard == who.cancels_after) {
        const stop_watch watch{who};
        co_await model.cancel();
      }
      const bool more = co_await hear(model, who, heard);
      if (!more) break;
    }
    co_return true;
  }

  asio::awaitable<bool> hear(Client<deployment>& model, guest& who, std::size_t heard) {
    const stop_watch watch{who};
    const std::optional<answer_token> token = co_await model.next();
    if (!token) {
      if (heard != who.most) who.wrong = true;
      ++who.answered;
      co_return false;
    }
    if (heard >= who.most || token->id != right().tokens[heard]) who.wrong = true;
    if (who.wants_logits && token->logits != right().logits[heard]) who.wrong = true;
    co_return true;
  }

  network world_;
  std::size_t slots_;
  rooms<deployment> building_;
  std::vector<std::unique_ptr<guest>> guests_;
  std::vector<std::unique_ptr<guest>> late_;
  std::size_t early_ = 0;
};

}  // namespace test
