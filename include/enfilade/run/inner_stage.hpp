// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/detail/wiping_allocator.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/answer_rooms.hpp>
#include <enfilade/run/compute_thread.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/next_stage.hpp>
#include <enfilade/run/stage_engine.hpp>
#include <enfilade/run/upstream_peer.hpp>
#include <enfilade/run/visitor.hpp>
#include <enfilade/wire/message.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// The work of every stage but the first: activations come from above, go through the layers, and
/// on to the stage below; or, in the last stage, become a token that goes back up.
///
/// Each slot of this stage belongs to one slot of one upstream link and is wiped when either ends.
/// All of it happens on `executor`, but for the steps, which are performed on `computing`. While
/// one is computed, in the link's own buffer, nothing more is received on that link; links of other
/// neighbours are served.
template <class Stage>
class inner_stage {
 public:
  using deployment = typename Stage::deployment;
  using model = typename deployment::model;
  using stream = typename Stage::upstream::stream;
  using link_type = link<stream, typename deployment::cipher>;
  using peer = upstream_peer<stream, typename deployment::cipher>;
  using next_type = next_of<Stage, inner_stage>;

  /// `computing` must do one thing at a time, in order, and no more when this object is destroyed.
  inner_stage(asio::any_io_executor executor, asio::any_io_executor computing,
              stage_engine<Stage> engine, link_terms<deployment> upstream_terms)
      : executor_(executor),
        computing_(std::move(computing)),
        engine_(std::move(engine)),
        terms_(std::move(upstream_terms)),
        work_(engine_.slot_count()) {}

  /// The link below; to be set before `serve` in every stage but the last.
  std::unique_ptr<next_type> next;

  /// Serves one upstream connection until it ends; throws what ended it, unless that was a close.
  asio::awaitable<void> serve(stream connection, visitor<stream> who = {}) {
    auto established = co_await establish<link_type>(std::move(connection), terms_,
                                                     upstream_role(Stage::index), std::move(who));
    const auto from = std::make_shared<peer>(executor_, std::move(established));
    std::exception_ptr reason;
    try {
      while (true) {
        std::optional<message> asked = co_await from->connection().receive();
        if (!asked) break;
        co_await handle(from, *asked);
      }
    } catch (...) {
      reason = std::current_exception();
    }
    co_await release_all(from);
    if (reason) std::rethrow_exception(reason);
  }

  /// A token or a failure from below: goes up under the upstream's own slot number.
  asio::awaitable<void> on_answer(message& answer) {
    if (answer.header.slot >= work_.size() || !work_[answer.header.slot]) co_return;
    assignment& work = *work_[answer.header.slot];
    if (work.request != answer.header.request) co_return;  // of a sequence that has ended
    message_header header = answer.header;
    header.slot = work.upstream_slot;
    if (header.kind == message_kind::token) header.busy_ns += work.busy_ns;
    const std::shared_ptr<peer> owner = work.owner;
    try {
      co_await owner->send(header, answer.payload);
    } catch (const std::exception&) {  // it left, as its own `serve` says, or must not wait on
      owner->connection().abandon();
    }
  }

  /// Every sequence that lives in the lost stage has failed; each is told so.
  void on_next_lost(const failure& lost) {
    for (const std::optional<assignment>& work : work_) {
      if (!work) continue;
      try {
        asio::awaitable<void> telling =
            tell(work->owner, work->upstream_slot, work->request, lost.where());
        asio::co_spawn(executor_, std::move(telling), asio::detached);
      } catch (const std::bad_alloc&) {  // who cannot be told must not wait on
        work->owner->connection().abandon();
      }
    }
  }

 private:
  struct assignment {
    assignment(std::shared_ptr<peer> o, std::uint32_t s, std::uint64_t r)
        : owner(std::move(o)), upstream_slot(s), request(r) {}
    std::shared_ptr<peer> owner;
    std::uint32_t upstream_slot;
    std::uint64_t request;
    bool started = false;                                        // its slot was emptied for it
    std::uint64_t busy_ns = 0;                                   // of its last step
    std::vector<float, detail::wiping_allocator<float>> logits;  // (vocab), where asked for
  };

  // The outcome of a step, filled in where it is computed.
  struct computed {
    bool fits = false;  // the rows continue the slot's sequence
    std::uint32_t token = 0;
    std::uint64_t busy_ns = 0;
  };

  asio::awaitable<void> handle(const std::shared_ptr<peer>& from, message& asked) {
    switch (asked.header.kind) {
      case message_kind::activation:
        co_await advance(from, asked);
        break;
      case message_kind::release:
        if (const auto slot = find(from, asked.header.slot)) co_await release(*slot);
        break;
      case message_kind::rooms:
        co_await answer_rooms<Stage>(executor_, from, asked.header.request, next.get());
        break;
      default:
        throw failure(errc::frame_unexpected, from->connection().where());
    }
  }

  asio::awaitable<void> advance(const std::shared_ptr<peer>& from, message& asked) {
    const message_header& header = asked.header;
    std::optional<std::uint32_t> slot = find(from, header.slot);
    if (!slot && header.position == 0) slot = begin(from, header);
    if (!slot) {
      const errc cause = header.position == 0 ? errc::stage_overloaded : errc::request_invalid;
      const std::string here = stage_role(Stage::index);
      co_await from->send_failure(header.slot, header.request, cause, Stage::index, here);
      co_return;
    }
    const computed made = co_await compute(*slot, asked);
    if (!made.fits) {
      const std::string here = stage_role(Stage::index) + ", an activation out of its sequence";
      co_await from->send_failure(header.slot, header.request, errc::request_invalid, Stage::index,
                                  here);
      co_return;
    }
    if constexpr (Stage::has_head)
      co_await answer(from, *slot, asked, made);
    else
      co_await pass_on(from, *slot, asked, made);
  }

  // The sequence in `slot` is not released meanwhile: only its own neighbour's `serve`, which waits
  // here, does that.
  asio::awaitable<computed> compute(std::uint32_t slot, message& asked) {
    const message_header& header = asked.header;
    assignment& sequence = *work_[slot];
    computed made;
    if (header.dtype != message_dtype::f32 || header.rank != 2 ||
        header.shape[1] != model::hidden || header.request != sequence.request)
      co_return made;
    const bool starts = !std::exchange(sequence.started, true);
    const auto work = [&, slot, starts] {
      const std::size_t rows = asked.header.shape[0];  // (rows, hidden)
      if (starts) engine_.start(slot);
      made.fits = engine_.continues(slot, asked.header.position, rows);
      if (!made.fits) return;
      const busy_time busy;
      engine_.run(slot, asked.as<float>(), rows, asked.header.position);
      if constexpr (Stage::has_head) {
        made.token = engine_.choose(asked.as<float>());
        if ((asked.header.flags & message_flag_logits) != 0)
          sequence.logits.assign(engine_.logits().begin(), engine_.logits().end());
      }
      made.busy_ns = busy.nanoseconds();
    };
    co_await perform(computing_, work);
    co_return made;
  }

  asio::awaitable<void> answer(const std::shared_ptr<peer>& from, std::uint32_t slot,
                               const message& asked, computed made) requires Stage::has_head {
    message_header header;
    header.kind = message_kind::token;
    header.slot = asked.header.slot;
    header.request = asked.header.request;
    header.position = asked.header.position + asked.header.shape[0];
    header.value = made.token;
    std::span<const std::byte> logits;
    if ((asked.header.flags & message_flag_logits) != 0) {
      logits = std::as_bytes(std::span{work_[slot]->logits});
      header.dtype = message_dtype::f32;
      header.rank = 1;
      header.shape[0] = model::vocab;
      header.payload_size = logits.size();
    }
    header.busy_ns = made.busy_ns;
    co_await from->send(header, logits);
  }

  asio::awaitable<void> pass_on(const std::shared_ptr<peer>& from, std::uint32_t slot,
                                message& asked, computed made) requires(!Stage::has_head) {
    message_header header = asked.header;
    header.slot = slot;
    work_[slot]->busy_ns = made.busy_ns;
    std::optional<failure> failed;
    try {
      if (header.position == 0) co_await next->ready();
      const async_mutex::guard alone = co_await next->lock();
      const auto below = next->connection();
      const std::span<std::byte> room = below->prepare(asked.payload.size());
      std::memcpy(room.data(), asked.payload.data(), room.size());
      co_await next->send(below, header);
    } catch (const failure& f) {
      failed = f;  // no co_await in a handler
    }
    if (failed)
      co_await from->send_failure(asked.header.slot, asked.header.request,
                                  static_cast<errc>(failed->code().value()), Stage::index + 1,
                                  failed->where());
  }

  std::optional<std::uint32_t> find(const std::shared_ptr<peer>& from,
                                    std::uint32_t upstream_slot) {
    for (std::size_t slot = 0; slot != work_.size(); ++slot)
      if (work_[slot] && work_[slot]->owner == from && work_[slot]->upstream_slot == upstream_slot)
        return static_cast<std::uint32_t>(slot);
    return std::nullopt;
  }

  std::optional<std::uint32_t> begin(const std::shared_ptr<peer>& from,
                                     const message_header& header) {
    const std::optional<std::uint32_t> slot = engine_.acquire();
    if (slot) work_[*slot].emplace(from, header.slot, header.request);
    return slot;
  }

  asio::awaitable<void> release(std::uint32_t slot) {
    message_header header;
    header.kind = message_kind::release;
    header.slot = slot;
    header.request = work_[slot]->request;
    work_[slot].reset();
    engine_.give_back(slot);
    asio::dispatch(computing_, [this, slot] { engine_.wipe(slot); });
    if constexpr (!Stage::has_head) co_await next->tell(header);
  }

  asio::awaitable<void> release_all(std::shared_ptr<peer> from) {
    for (std::uint32_t slot = 0; slot != work_.size(); ++slot)
      if (work_[slot] && work_[slot]->owner == from) co_await release(slot);
  }

  asio::awaitable<void> tell(std::shared_ptr<peer> owner, std::uint32_t slot, std::uint64_t request,
                             std::string where) {
    try {
      co_await owner->send_failure(slot, request, errc::stage_lost, Stage::index + 1, where);
    } catch (const std::exception&) {  // it is gone as well, as its own `serve` says
      owner->connection().abandon();
    }
  }

  asio::any_io_executor executor_;
  asio::any_io_executor computing_;
  stage_engine<Stage> engine_;
  link_terms<deployment> terms_;
  std::vector<std::optional<assignment>> work_;
};

}  // namespace enfilade
