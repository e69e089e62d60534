// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compute/argmax.hpp>
#include <enfilade/compute/compute.hpp>
#include <enfilade/compute/denormals_off.hpp>
#include <enfilade/compute/matrix.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/activations.hpp>
#include <enfilade/model/block.hpp>
#include <enfilade/model/checkpoint.hpp>
#include <enfilade/model/config.hpp>
#include <enfilade/model/kv_cache.hpp>
#include <enfilade/model/shape.hpp>
#include <enfilade/model/weights.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// How a stage's model is loaded.
struct load_options {
  unsigned threads = 1;   ///< of the compute policy
  std::size_t slots = 4;  ///< sequences that can be in flight; each costs a KV cache
  weight_storage storage = weight_storage::mapped;
};

/// The part of a model that one stage computes: layers [First, Last) of `M`, with `Embeds` the
/// embedding before them, with `Head` the language model head after them.
///
/// It knows nothing of links, requests or text. Rows of a sequence come in order, one or many at a
/// time; a slot remembers their keys and values. Not for several threads at once. Nothing is
/// allocated after `load`. Cutting a model into stages does not change a bit of its results.
template <model M, std::size_t First, std::size_t Last, bool Embeds, bool Head, compute C>
class stage_model {
 public:
  /// Loads from a directory in Hugging Face layout, and calls `progress(done, total)` with bytes.
  ///
  /// Throws `failure`: the `model_*` errors; `where` names file, field or tensor.
  template <class Progress>
  static stage_model load(const std::filesystem::path& directory, const load_options& options,
                          Progress&& progress) {
    const model_config config = model_config::check<M>(directory);
    checkpoint files{directory};
    return stage_model{weights_type{files, config.tied_head, options.storage, progress}, options};
  }
  static stage_model load(const std::filesystem::path& directory,
                          const load_options& options = {}) {
    return load(directory, options, [](std::uint64_t, std::uint64_t) {});
  }

  /// SHA-256 over exactly the tensors of this stage.
  const std::array<std::byte, 32>& weights_digest() const noexcept { return weights_.digest(); }

  std::size_t slot_count() const noexcept { return slots_.size(); }

  /// Makes a slot ready for a new sequence.
  void start(std::size_t slot) { slots_.at(slot).wipe(); }

  /// Forgets a slot's sequence: its keys and values, and every intermediate result, become zeros.
  void release(std::size_t slot) {
    slots_.at(slot).wipe();
    activations_.wipe();
  }

  /// How many rows of the slot's sequence were run.
  std::size_t position(std::size_t slot) const { return slots_.at(slot).length(); }

  /// Tokens of the positions from `position` on become hidden states: (rows) → (rows, hidden).
  ///
  /// Throws `request_invalid` where an id is not in the vocabulary, `request_too_long` where the
  /// positions leave the context.
  void embed(std::span<const std::uint32_t> tokens, std::size_t position,
             std::span<float> hidden) requires Embeds {
    check_room(position, tokens.size(), hidden.size());
    if (std::ranges::any_of(tokens, [](std::uint32_t id) { return id >= M::vocab; }))
      throw failure(errc::request_invalid, "a token id is not in the vocabulary");
    const matrix<float> x{hidden.data(), tokens.size(), M::hidden};
    compute_.gather(tokens, weights_.wte, x);
    compute_.add(weights_.wpe.some_rows(position, tokens.size()), x);
  }

  /// Runs the layers over hidden (rows, hidden) in place; the rows follow those the slot has seen.
  ///
  /// Throws `request_invalid` where `position` is not the slot's, `request_too_long` where the rows
  /// leave the context; the slot is unchanged then.
  void run(std::size_t slot, std::span<float> hidden, std::size_t rows, std::size_t position) {
    cache_type& cache = slots_.at(slot);
    check_room(position, rows, hidden.size());
    if (position != cache.length())
      throw failure(errc::request_invalid, "rows that do not follow those of the slot");
    const denormals_off guard;
    activations_.touch(rows);
    for (std::size_t i = 0; i != Last - First; ++i)
      block_type::template forward<M>(compute_, weights_.layers[i], cache, i, position,
                                      matrix<float>{hidden.data(), rows, M::hidden}, activations_);
    cache.set_length(position + rows);
  }

  /// The scores of each token to come after one row: (hidden) → (vocab).
  void head(std::span<const float> row, std::span<float> logits) requires Head {
    if (row.size() != M::hidden || logits.size() != M::vocab)
      throw failure(errc::request_invalid, "not one row of hidden states");
    const denormals_off guard;
    activations_.touch(1);
    const matrix<float> normed = activations_.normed(1);
    compute_.layer_norm(matrix<const float>{row.data(), 1, M::hidden}, weights_.ln_f_weight,
                        weights_.ln_f_bias, M::layer_norm_epsilon, normed);
    compute_.project(normed, weights_.head, matrix<float>{logits.data(), 1, M::vocab});
  }

 private:
  using weights_type = weights<M, First, Last, Embeds, Head>;
  using cache_type = kv_cache<M, Last - First>;
  using block_type = block<typename M::architecture::block>;

  stage_model(weights_type loaded, const load_options& options)
      : weights_(std::move(loaded)), slots_(options.slots) {
    compute_.set_threads(options.threads);
  }

  static void check_room(std::size_t position, std::size_t rows, std::size_t floats) {
    if (position > M::context || rows > M::context - position)
      throw failure(errc::request_too_long, "positions that leave the context");
    if (rows == 0 || floats != rows * M::hidden)
      throw failure(errc::request_invalid, "not rows of hidden states");
  }

  weights_type weights_;
  std::vector<cache_type> slots_;
  activations<M> activations_;
  C compute_;
};

}  // namespace enfilade
