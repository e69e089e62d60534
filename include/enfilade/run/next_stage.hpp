// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/async_mutex.hpp>
#include <enfilade/run/dial.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/no_memory.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/run/retry.hpp>
#include <enfilade/run/step.hpp>
#include <enfilade/run/told_rooms.hpp>
#include <enfilade/transport/clock.hpp>
#include <enfilade/transport/transport.hpp>
#include <enfilade/wire/message.hpp>
#include <enfilade/wire/room_evidence.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/redirect_error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace enfilade {

/// A stage's view of the stage below it: the link, kept up across restarts of that stage.
///
/// `Owner` is told what arrives: `co_await owner.on_answer(message)` for each message but the answers
/// to `rooms()`, and `owner.on_next_lost(failure)` once when the link ends. A lost link is dialled
/// anew when the next sequence begins (`ensure`), with a full handshake: nothing of the old session
/// is reused.
template <class Stage, class Owner>
class next_stage {
 public:
  using transport_type = typename Stage::downstream;
  using stream = typename transport_type::stream;
  using link_type = link<stream, typename Stage::deployment::cipher>;

  next_stage(asio::any_io_executor executor, typename transport_type::endpoint at,
             link_terms<typename Stage::deployment> terms, Owner& owner)
      : executor_(executor),
        at_(std::move(at)),
        terms_(std::move(terms)),
        owner_(owner),
        sending_(executor),
        dialling_(executor),
        asking_(executor),
        pause_(executor),
        answered_(executor, 1) {}

  /// What errors call the stage below: its number and address.
  std::string where() const {
    return "stage " + std::to_string(Stage::index + 1) + " at " + transport_type::format(at_);
  }

  /// Dials until the stage below is up. Only its absence is waited out, and its silence while it
  /// reads its weights; a refusal is thrown, for repeating it cannot heal it. `who` says once, on
  /// stderr, that it waits.
  asio::awaitable<void> connect_when_up(std::string who) {
    auto delay = std::chrono::milliseconds{20};
    for (bool said = false; !link_;) {
      try {
        co_await ensure();
        co_return;
      } catch (const failure& f) {
        if (!is_temporary(f.code())) throw;
      }
      if (!std::exchange(said, true)) say(who, "waiting for " + where());
      pause_.expires_after(delay);
      co_await pause_.async_wait(asio::use_awaitable);
      delay = std::min(delay * 2, std::chrono::milliseconds{500});
    }
  }

  /// Dials and attests, unless the link is up. Who waited while somebody else tried gets the answer
  /// that one got: many requests must not wait for one limit after the other.
  asio::awaitable<void> ensure() {
    const std::uint64_t seen = failed_dials_;
    const async_mutex::guard alone = co_await dialling_.lock();
    if (link_) co_return;
    if (failed_dials_ != seen) throw failure(*why_no_link_);
    try {
      stream connected = co_await dial_within<transport_type>(executor_, at_, terms_.limits().dial);
      link_ = co_await establish<link_type>(std::move(connected), terms_, where());
    } catch (const failure& f) {
      ++failed_dials_;
      why_no_link_ = f;
      throw;
    }
    try {
      asio::awaitable<void> reading = read(link_);
      asio::co_spawn(executor_, std::move(reading), asio::detached);
    } catch (const std::bad_alloc&) {  // a link that nobody reads would be taken for one that is up
      std::exchange(link_, nullptr)->abandon();
      throw;
    }
  }

  /// `ensure` for a request: a stage that cannot be reached is `stage_lost` to it.
  asio::awaitable<void> ready() {
    try {
      co_await ensure();
    } catch (const failure& f) {
      throw lost(f);
    }
  }

  /// The right to prepare and send a message; hold it from `prepare` to the end of `send`.
  asio::awaitable<async_mutex::guard> lock() { return sending_.lock(); }

  /// The link, while it is up; throws `stage_lost` where it is not. Keep it while it is in use: it
  /// may be replaced meanwhile.
  std::shared_ptr<link_type> connection() const {
    if (!link_) throw failure(errc::stage_lost, where());
    return link_;
  }

  /// Sends `header` and what was prepared on `connection()`. Hold `lock()`.
  asio::awaitable<void> send(std::shared_ptr<link_type> to, message_header header) {
    try {
      co_await to->send(header);
    } catch (const failure& f) {
      throw lost(f);
    }
  }

  /// Sends a message without payload where the link is up; one that is down needs no telling.
  asio::awaitable<void> tell(message_header header) {
    if (!link_) co_return;
    const async_mutex::guard alone = co_await lock();
    if (!link_) co_return;
    const std::shared_ptr<link_type> to = link_;
    try {
      co_await to->send(header);
    } catch (const std::exception&) {  // a stage that missed it is out of step; `read` reports that
      to->abandon();
    }
  }

  /// What the stage below showed in the handshake of the link that is up now (it is dialled where
  /// none is), and behind it what that one says of the stages below itself. A failure is told, too.
  ///
  /// One question is under way at a time. Whoever waited while another one was asked, later than
  /// his own, gets the answer to that: however many ask, the stage below answers two of them. Where
  /// one fails, all who waited for it have failed: not one limit after the other.
  asio::awaitable<told_rooms> rooms() {
    const std::uint64_t seen = questions_;
    const bool waits = question_open_;
    const async_mutex::guard alone = co_await asking_.lock();
    const bool asked_since = questions_ != seen;
    const bool failed_meanwhile = waits && !told_.payload;
    if (!asked_since && !failed_meanwhile) co_await ask_rooms();
    co_return told_;
  }

  bool connected() const noexcept { return link_ != nullptr; }

  /// Says goodbye and closes, where the link is up.
  asio::awaitable<void> close() {
    if (!link_) co_return;
    const async_mutex::guard alone = co_await sending_.lock();
    if (!link_) co_return;
    const std::shared_ptr<link_type> leaving = std::exchange(link_, nullptr);
    co_await leaving->close();
  }

 private:
  // For the holder of `asking_`: one question, and what came of it in `told_`.
  asio::awaitable<void> ask_rooms() {
    ++questions_;
    question_open_ = true;
    told_ = told_rooms{};
    try {
      co_await ready();
      waits_on_ = connection();
      // What nobody judged is not handed on.
      if (!waits_on_->peer()) throw failure(errc::attest_missing, where());
      message_header header;
      header.kind = message_kind::rooms;
      header.request = questions_;
      const std::shared_ptr<link_type> below = waits_on_;
      answered_.reset();  // of an answer that came while its question was still being sent
      co_await send_alone(below, header);
      error_code woken;
      while (waits_on_)
        co_await answered_.async_receive(asio::redirect_error(asio::use_awaitable, woken));
    } catch (const failure& f) {
      note(f, Stage::index + 1);
    } catch (const std::bad_alloc&) {
      told_ = told_rooms{};
    } catch (const std::exception&) {
      note(detail::defect, Stage::index);
    }
    waits_on_ = nullptr;
    question_open_ = false;
  }

  asio::awaitable<void> send_alone(std::shared_ptr<link_type> to, message_header header) {
    const async_mutex::guard alone = co_await lock();
    co_await send(std::move(to), header);
  }

  // What came of the question; who asks must not wait on where there is no memory to say more.
  void note(const failure& why, std::size_t stage) noexcept {
    try {
      told_ = told_rooms{why, stage};
    } catch (const std::bad_alloc&) {
      told_ = told_rooms{};
    }
  }

  static bool is_about_rooms(const message_header& header) noexcept {
    return header.kind == message_kind::room_evidence ||
           (header.kind == message_kind::failure && header.slot == no_slot);
  }

  // An answer that nobody waits for (any more) is nothing.
  void on_rooms(const std::shared_ptr<link_type>& from, const message& answer) {
    if (waits_on_ != from || answer.header.request != questions_) return;
    try {
      told_ = with_the_next(*from, answer);
    } catch (const failure& f) {
      note(f, Stage::index + 1);
    } catch (const std::bad_alloc&) {
      told_ = told_rooms{};
    }
    end_of_question();
  }

  told_rooms with_the_next(const link_type& from, const message& answer) const {
    if (answer.header.kind == message_kind::failure)
      return told_rooms{failure_from(answer), answer.header.stage};
    constexpr std::size_t below_it = Stage::deployment::stage_count - Stage::index - 2;
    const auto told = read_rooms(answer.payload, Stage::index + 2);
    if (!told) throw failure(told.error(), where());
    if (told->size() != below_it) throw failure(errc::frame_malformed, where());
    std::vector<std::byte> entries;
    const result<void> fits = append(room_of(Stage::index + 1, *from.shown()), entries);
    if (!fits) throw failure(fits.error(), where());
    entries.insert(entries.end(), answer.payload.begin(), answer.payload.end());
    return told_rooms{std::move(entries)};
  }

  void end_of_question() {
    waits_on_ = nullptr;
    answered_.try_send(error_code{});
  }

  // A refusal keeps its own name; anything else between here and there means the stage is lost.
  failure lost(const failure& cause) const {
    if (is_refusal(cause)) return cause;
    return failure(errc::stage_lost, where() + " (" + cause_of(cause) + ")");
  }

  // Holds the link itself: it may be replaced while a message is being handled.
  asio::awaitable<void> read(std::shared_ptr<link_type> from) {
    std::exception_ptr ended;
    try {
      while (true) {
        std::optional<message> answer = co_await from->receive();
        if (!answer) break;
        if (is_about_rooms(answer->header))
          on_rooms(from, *answer);
        else
          co_await owner_.on_answer(*answer);
      }
    } catch (...) {
      ended = std::current_exception();
    }
    const bool closed_by_us = link_ != from;
    if (closed_by_us && waits_on_ != from) co_return;
    const failure why = why_lost(ended);
    if (waits_on_ == from) {
      note(why, Stage::index + 1);
      end_of_question();
    }
    if (closed_by_us) co_return;
    link_ = nullptr;
    from->abandon();
    owner_.on_next_lost(why);
  }

  // Does not throw: those who wait for the stage below must be told something.
  failure why_lost(const std::exception_ptr& ended) const noexcept {
    try {
      if (ended) std::rethrow_exception(ended);
      return lost(failure(errc::transport_closed, where()));
    } catch (const failure& f) {
      return told_of(f);
    } catch (const std::bad_alloc&) {
    } catch (const std::exception&) {
      return told_of(detail::defect);
    }
    return detail::no_memory;
  }

  failure told_of(const failure& cause) const noexcept {
    try {
      return lost(cause);
    } catch (const std::bad_alloc&) {
      return detail::no_memory;
    }
  }

  asio::any_io_executor executor_;
  typename transport_type::endpoint at_;
  link_terms<typename Stage::deployment> terms_;
  Owner& owner_;
  async_mutex sending_;
  async_mutex dialling_;
  async_mutex asking_;  // about the rooms below
  timer_of<stream> pause_;
  asio::experimental::channel<void(error_code)> answered_;  // `waits_on_` has, or is gone
  std::shared_ptr<link_type> link_;
  std::shared_ptr<link_type> waits_on_;  // the link of the question that has no answer yet
  std::uint64_t questions_ = 0;          // asked so far; the number of the last is its request
  bool question_open_ = false;
  told_rooms told_;  // what came of the last one
  std::uint64_t failed_dials_ = 0;
  std::optional<failure> why_no_link_;
};

namespace detail {

template <class Stage, class Owner, class Downstream>
struct find_next : std::type_identity<next_stage<Stage, Owner>> {};
template <class Stage, class Owner>
struct find_next<Stage, Owner, void> : std::type_identity<std::monostate> {};

}  // namespace detail

/// `next_stage`, or nothing in the last stage of a pipeline.
template <class Stage, class Owner>
using next_of = typename detail::find_next<Stage, Owner, typename Stage::downstream>::type;

}  // namespace enfilade
