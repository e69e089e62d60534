// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/detail/wiping_allocator.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/tokenizer.hpp>
#include <enfilade/run/answer_rooms.hpp>
#include <enfilade/run/compute_thread.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/incoming_request.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/mailbox.hpp>
#include <enfilade/run/next_stage.hpp>
#include <enfilade/run/no_memory.hpp>
#include <enfilade/run/stage_engine.hpp>
#include <enfilade/run/step.hpp>
#include <enfilade/run/upstream_peer.hpp>
#include <enfilade/run/visitor.hpp>
#include <enfilade/wire/message.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// The work of stage 0: it speaks with clients, holds the loop that makes one token after another,
/// and embeds what comes back from the last stage. A client's distance is not on a token's path.
///
/// Each client link has at most one request at a time; each request has one slot on every stage.
/// Besides, a client may ask which rooms are behind this one; that computes nothing and has no slot.
/// All of it happens on `executor`, but for the steps, which are performed on `computing`: they
/// touch the model and what their own request waits with, and nothing else.
template <class Stage>
class first_stage {
 public:
  using deployment = typename Stage::deployment;
  using model = typename deployment::model;
  using stream = typename Stage::upstream::stream;
  using link_type = link<stream, typename deployment::cipher>;
  using peer = upstream_peer<stream, typename deployment::cipher>;
  using next_type = next_of<Stage, first_stage>;

  /// Without a `text` tokenizer, prompts must come as token ids. `computing` must do one thing at a
  /// time, in order, and no more when this object is destroyed.
  first_stage(asio::any_io_executor executor, asio::any_io_executor computing,
              stage_engine<Stage> engine, std::optional<tokenizer> text,
              link_terms<deployment> client_terms)
      : executor_(executor),
        computing_(std::move(computing)),
        engine_(std::move(engine)),
        text_(std::move(text)),
        terms_(std::move(client_terms)) {
    for (std::size_t slot = 0; slot != engine_.slot_count(); ++slot)
      answers_.push_back(std::make_unique<mailbox>(executor));
  }

  /// The link below; to be set before `serve` unless this stage is the whole pipeline.
  std::unique_ptr<next_type> next;

  /// Serves one client until it leaves; throws what ended it, unless that was a close.
  asio::awaitable<void> serve(stream connection, visitor<stream> who = {}) {
    auto established = co_await establish<link_type>(std::move(connection), terms_,
                                                     upstream_role(Stage::index), std::move(who));
    const auto from = std::make_shared<client>(executor_, std::move(established));
    std::exception_ptr reason;
    try {
      while (true) {
        std::optional<message> asked = co_await from->connection.connection().receive();
        if (!asked) break;
        co_await handle(from, *asked);
      }
    } catch (...) {
      reason = std::current_exception();
    }
    from->gone = true;  // its request, if any, ends after the step that is under way
    if (reason) std::rethrow_exception(reason);
  }

  /// A token or a failure from below, for the request that waits for it.
  asio::awaitable<void> on_answer(message& answer) {
    if (answer.header.slot >= answers_.size()) co_return;
    mailbox& box = *answers_[answer.header.slot];
    if (box.request() == answer.header.request) box.deliver(step{answer});
  }

  /// Every request that waits for the stages below has failed.
  void on_next_lost(const failure& lost) { fail_all(lost, Stage::index + 1); }

  /// Ends every request with `errc::stage_stopping` and refuses what comes; whether there was any.
  bool stop() {
    stopping_ = true;
    return fail_all(failure(errc::stage_stopping, stage_role(Stage::index)), Stage::index);
  }

 private:
  struct client {
    client(asio::any_io_executor executor, std::shared_ptr<link_type> established)
        : connection(executor, std::move(established)) {}
    peer connection;
    bool busy = false;  // a request is running
    // Set on the executor; a step looks at them before it begins, wherever it computes.
    std::atomic<bool> cancelled = false;  // the client asked it to stop
    std::atomic<bool> gone = false;       // the client left
  };

  // (rows, hidden) of a request's steps, of which its prompt is the longest. Zeros in the end.
  using hidden_states = std::vector<float, detail::wiping_allocator<float>>;

  // One step: `rows` that follow `position` in `slot`.
  struct pass {
    std::uint32_t slot;
    std::span<const std::uint32_t> rows;
    std::size_t position;
    bool wants_logits;
    std::span<float> hidden;  // room for (rows, hidden)
  };

  bool fail_all(const failure& why, std::size_t stage) {
    const auto idle = [](const auto& box) { return box->request() == 0; };
    for (const auto& box : answers_) {
      if (idle(box)) continue;
      try {
        box->deliver(step{why, stage});
      } catch (const std::bad_alloc&) {  // each must be told something
        box->deliver(step{detail::no_memory, stage});
      }
    }
    return !std::ranges::all_of(answers_, idle);
  }

  asio::awaitable<void> handle(const std::shared_ptr<client>& from, const message& asked) {
    const message_header& header = asked.header;
    if (header.kind == message_kind::cancel) {
      from->cancelled = true;
    } else if (header.kind == message_kind::generate) {
      if (from->busy) {
        co_await from->connection.send_failure(header.slot, header.request, errc::request_invalid,
                                               Stage::index, "one request at a time on a link");
        co_return;
      }
      from->busy = true;
      from->cancelled = false;
      asio::awaitable<void> answering = answer(from, incoming_request{asked});
      asio::co_spawn(executor_, std::move(answering), asio::detached);
    } else if (header.kind == message_kind::rooms) {
      co_await tell_rooms(from, header.request);
    } else {
      throw failure(errc::frame_unexpected, "client");
    }
  }

  asio::awaitable<void> tell_rooms(const std::shared_ptr<client>& to, std::uint64_t request) {
    if (stopping_) {
      const std::string here = stage_role(Stage::index);
      co_await to->connection.send_failure(no_slot, request, errc::stage_stopping, Stage::index,
                                           here);
      co_return;
    }
    std::shared_ptr<peer> asks{to, &to->connection};
    co_await answer_rooms<Stage>(executor_, std::move(asks), request, next.get());
  }

  // The slot is given back before the client is told of the end: its next request may be here
  // a moment later, and must find the slot free and this link idle.
  asio::awaitable<void> answer(std::shared_ptr<client> to, incoming_request asked) {
    done_reason reason = done_reason::length;
    std::optional<step> failed;
    std::optional<std::uint32_t> slot;
    try {
      std::vector<std::uint32_t> prompt =
          asked.template prompt_for<model>(text_ ? &*text_ : nullptr);
      if (stopping_) throw failure(errc::stage_stopping, stage_role(Stage::index));
      slot = engine_.acquire();
      if (!slot) throw failure(errc::stage_overloaded, stage_role(Stage::index));
      answers_[*slot]->open(++last_request_);
      failed = co_await generate(*to, asked, *slot, std::move(prompt), reason);
    } catch (const failure& f) {
      failed.emplace(f, Stage::index);
    } catch (const std::bad_alloc&) {
      failed.emplace(detail::no_memory, Stage::index);
    } catch (const std::exception&) {
      failed.emplace(detail::defect, Stage::index);
    }
    if (slot) co_await release(*slot);
    to->busy = false;
    if (!to->gone) co_await report(*to, asked.id, failed, reason);
  }

  // The loop: the prompt as one step, then one token a step. Returns the step that failed, if any.
  asio::awaitable<std::optional<step>> generate(client& to, const incoming_request& asked,
                                                std::uint32_t slot, std::vector<std::uint32_t> rows,
                                                done_reason& reason) {
    hidden_states hidden(rows.size() * model::hidden);
    std::size_t position = 0;
    for (std::size_t made = 0; made != asked.most; ++made) {
      const std::span<float> room = std::span{hidden}.first(rows.size() * model::hidden);
      const pass next_pass{slot, rows, position, asked.wants_logits, room};
      step s = co_await advance(to, next_pass);
      if (s.failed) {
        s.note_token(made);
        co_return s;
      }
      if (to.gone || to.cancelled) throw failure(errc::request_cancelled, "");
      if (stopping_) throw failure(errc::stage_stopping, stage_role(Stage::index));
      if (text_ && text_->end_of_text() == s.token) {
        reason = done_reason::end_of_text;
        break;
      }
      position += rows.size();
      co_await send_token(to.connection, asked, s, position);
      rows.assign(1, s.token);
    }
    co_return std::nullopt;
  }

  // Nobody waits for the outcome of this request's next step any more.
  bool given_up(const client& by) const noexcept { return by.gone || by.cancelled || stopping_; }

  // This stage's share of a step: a token where the stage is all, else only the time it took. A
  // request that was given up while the step waited for its turn is not computed.
  asio::awaitable<step> compute(const client& by, pass p) {
    step made;
    const auto work = [this, &by, &p, &made] {
      if (given_up(by)) return;
      const busy_time busy;
      if (p.position == 0) engine_.start(p.slot);
      engine_.embed(p.rows, p.position, p.hidden);
      engine_.run(p.slot, p.hidden, p.rows.size(), p.position);
      if constexpr (Stage::has_head) {
        made.token = engine_.choose(p.hidden);
        if (p.wants_logits) made.logits.assign(engine_.logits().begin(), engine_.logits().end());
      }
      made.busy_ns = busy.nanoseconds();
    };
    co_await perform(computing_, work);
    co_return made;
  }

  // One pass of rows through the whole pipeline. What it returns of a request that was given up is
  // not a token; `generate` does not look at it.
  asio::awaitable<step> advance(const client& by, pass p) {
    if constexpr (Stage::has_head) {
      return compute(by, p);
    } else {
      return advance_below(by, p);
    }
  }

  asio::awaitable<step> advance_below(const client& by, pass p) requires(!Stage::has_head) {
    std::optional<failure> lost;
    std::shared_ptr<typename next_type::link_type> below;
    try {
      if (p.position == 0) co_await next->ready();
      below = next->connection();  // before computing: what cannot be sent on need not be computed
    } catch (const failure& f) {
      lost = f;
    }
    if (lost) co_return step{*lost, Stage::index + 1};
    const step own = co_await compute(by, p);
    if (given_up(by)) co_return own;
    try {
      co_await pass_on(below, p);
    } catch (const failure& f) {
      lost = f;
    }
    if (lost) co_return step{*lost, Stage::index + 1};
    step s = co_await answers_[p.slot]->receive();
    s.busy_ns += own.busy_ns;
    co_return s;
  }

  // The hidden states are computed in the request's own memory and copied here, so that nobody who
  // sends waits for somebody who computes.
  template <class Below>
  asio::awaitable<void> pass_on(std::shared_ptr<Below> below, pass p) requires(!Stage::has_head) {
    message_header header;
    header.kind = message_kind::activation;
    header.dtype = message_dtype::f32;
    header.rank = 2;
    header.flags = p.wants_logits ? message_flag_logits : std::uint8_t{0};
    header.slot = p.slot;
    header.position = static_cast<std::uint32_t>(p.position);
    header.request = answers_[p.slot]->request();
    header.shape[0] = static_cast<std::uint32_t>(p.rows.size());
    header.shape[1] = model::hidden;
    header.payload_size = p.hidden.size_bytes();
    const async_mutex::guard alone = co_await next->lock();
    const std::span<std::byte> room = below->prepare(p.hidden.size_bytes());
    std::memcpy(room.data(), p.hidden.data(), room.size());
    co_await next->send(below, header);
  }

  asio::awaitable<void> send_token(peer& to, const incoming_request& asked, const step& s,
                                   std::size_t position) {
    message_header header;
    header.kind = message_kind::token;
    header.request = asked.id;
    header.position = static_cast<std::uint32_t>(position);
    header.value = s.token;
    header.busy_ns = s.busy_ns;
    header.rank = 1;
    std::span<const std::byte> payload;
    if (asked.wants_logits) {
      header.dtype = message_dtype::f32;
      header.shape[0] = static_cast<std::uint32_t>(s.logits.size());
      payload = std::as_bytes(std::span{s.logits});
    } else {
      const std::string_view text = text_ ? text_->token_bytes(s.token) : std::string_view{};
      header.dtype = message_dtype::u8;
      header.shape[0] = static_cast<std::uint32_t>(text.size());
      payload = std::as_bytes(std::span{text.data(), text.size()});
    }
    header.payload_size = payload.size();
    co_await to.send(header, payload);
  }

  asio::awaitable<void> report(client& to, std::uint64_t id, const std::optional<step>& failed,
                               done_reason reason) {
    try {
      if (!failed)
        co_await to.connection.send_done(id, reason);
      else
        co_await to.connection.send_failure(0, id,
                                            static_cast<errc>(failed->failed->code().value()),
                                            failed->stage, failed->failed->where());
    } catch (const std::exception&) {  // it left, as its own `serve` says, or must not wait on
      to.connection.connection().abandon();
    }
  }

  asio::awaitable<void> release(std::uint32_t slot) {
    message_header header;
    header.kind = message_kind::release;
    header.slot = slot;
    header.request = answers_[slot]->request();
    answers_[slot]->close();
    engine_.give_back(slot);
    asio::dispatch(computing_, [this, slot] { engine_.wipe(slot); });
    if constexpr (!Stage::has_head) co_await next->tell(header);
  }

  asio::any_io_executor executor_;
  asio::any_io_executor computing_;
  stage_engine<Stage> engine_;
  std::optional<tokenizer> text_;
  link_terms<deployment> terms_;
  std::vector<std::unique_ptr<mailbox>> answers_;  // one a slot
  std::uint64_t last_request_ = 0;
  std::atomic<bool> stopping_ = false;
};

}  // namespace enfilade
