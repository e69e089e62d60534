// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/wipe.hpp>
#include <enfilade/compose/explain.hpp>
#include <enfilade/compute/argmax.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/stage_model.hpp>
#include <enfilade/wire/limits.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// The model of one stage at work: who may use which slot, and how long each step takes.
///
/// A slot is one sequence's memory on this stage. It is started empty and wiped at its end, so
/// nothing of one request can reach the next one.
///
/// Two threads use it. Who has which slot is the business of the stage's executor: `acquire` and
/// `give_back`. All else touches the memory of the model and belongs where the stage computes, one
/// call after the other; since calls there keep their order, a slot may be given back, and taken
/// again, before its wiping has had its turn.
template <class Stage>
class stage_engine {
 public:
  using model_type =
      stage_model<typename Stage::deployment::model, Stage::first_layer, Stage::last_layer,
                  Stage::embeds, Stage::has_head, typename Stage::deployment::compute>;
  using model = typename Stage::deployment::model;

  static_assert(diagnose::part_not_computed<Stage>::given());
  static_assert(model::context * model::hidden * sizeof(float) <= max_payload_size,
                "a prompt of the model's whole context must fit into one message of a link");

  explicit stage_engine(model_type loaded)
      : model_(std::move(loaded)), taken_(model_.slot_count(), false) {
    if constexpr (Stage::has_head) logits_.resize(model::vocab);
  }

  /// The SHA-256 of the stage's tensors, as it will attest them.
  const std::array<std::byte, 32>& weights_digest() const noexcept {
    return model_.weights_digest();
  }

  std::size_t slot_count() const noexcept { return taken_.size(); }

  /// A free slot, to be started before its first rows; nothing where all are taken.
  std::optional<std::uint32_t> acquire() {
    for (std::size_t slot = 0; slot != taken_.size(); ++slot) {
      if (taken_[slot]) continue;
      taken_[slot] = true;
      return static_cast<std::uint32_t>(slot);
    }
    return std::nullopt;
  }

  /// The slot is free again. Its `wipe` is to be asked for before anything else is computed for it.
  void give_back(std::uint32_t slot) { taken_[slot] = false; }

  /// Makes the slot ready for a new sequence: empty.
  void start(std::uint32_t slot) { model_.start(slot); }

  /// Forgets the slot's sequence: all that was computed for it becomes zeros.
  void wipe(std::uint32_t slot) {
    model_.release(slot);
    enfilade::wipe(std::as_writable_bytes(std::span{logits_}));
  }

  /// Whether `rows` more rows at `position` continue the sequence in `slot` and fit into it.
  bool continues(std::uint32_t slot, std::size_t position, std::size_t rows) const {
    return rows > 0 && position == model_.position(slot) && position + rows <= model::context;
  }

  /// Rows of token ids become hidden states: (rows) → (rows, hidden).
  void embed(std::span<const std::uint32_t> tokens, std::size_t position,
             std::span<float> hidden) requires Stage::embeds {
    model_.embed(tokens, position, hidden);
  }

  /// Runs the stage's layers over (rows, hidden) in place and remembers keys and values.
  void run(std::uint32_t slot, std::span<float> hidden, std::size_t rows, std::size_t position) {
    model_.run(slot, hidden, rows, position);
  }

  /// The most likely next token after the last of (rows, hidden); `logits()` has all scores.
  std::uint32_t choose(std::span<const float> hidden) requires Stage::has_head {
    model_.head(hidden.last(model::hidden), logits_);
    return static_cast<std::uint32_t>(argmax(logits_));
  }

  /// The scores of the last `choose`: (vocab).
  std::span<const float> logits() const noexcept { return logits_; }

 private:
  model_type model_;
  std::vector<bool> taken_;
  std::vector<float> logits_;
};

/// Measures the time a stage computes, for the share of a token that is spent in links.
class busy_time {
 public:
  std::uint64_t nanoseconds() const {
    const auto passed = std::chrono::steady_clock::now() - started_;
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count());
  }

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace enfilade
