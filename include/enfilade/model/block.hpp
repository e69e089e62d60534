// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compute/compute.hpp>
#include <enfilade/compute/matrix.hpp>
#include <enfilade/model/activations.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/model/kv_cache.hpp>
#include <enfilade/model/shape.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace enfilade {

/// One block of a transformer: its weights by name and shape, and its formula.
///
/// `Kind` is what an architecture names as its `block`. A new kind is a specialisation with the two
/// members of this one: `weights<M>` and `forward`.
template <class Kind>
struct block;

/// GPT-2's block: x += attention(norm(x)); x += mlp(norm(x)).
///
/// Weights of products are (in, out), as Hugging Face's `Conv1D` keeps them.
template <>
struct block<PreNorm<LayerNorm, MultiHead, GeluTanh>> {
  template <model M>
  struct weights {
    std::span<const float> ln_1_weight, ln_1_bias;  // (hidden)
    matrix<const float> c_attn_weight;              // (hidden, 3 hidden): query | key | value
    std::span<const float> c_attn_bias;             // (3 hidden)
    matrix<const float> c_proj_weight;              // (hidden, hidden)
    std::span<const float> c_proj_bias;             // (hidden)
    std::span<const float> ln_2_weight, ln_2_bias;  // (hidden)
    matrix<const float> c_fc_weight;                // (hidden, intermediate)
    std::span<const float> c_fc_bias;               // (intermediate)
    matrix<const float> mlp_proj_weight;            // (intermediate, hidden)
    std::span<const float> mlp_proj_bias;           // (hidden)

    /// Calls `visit(name, view, extents...)` for each tensor, in the canonical order.
    template <class Visit>
    void each(const std::string& prefix, Visit visit) {
      visit(prefix + "ln_1.weight", ln_1_weight, M::hidden);
      visit(prefix + "ln_1.bias", ln_1_bias, M::hidden);
      visit(prefix + "attn.c_attn.weight", c_attn_weight, M::hidden, 3 * M::hidden);
      visit(prefix + "attn.c_attn.bias", c_attn_bias, 3 * M::hidden);
      visit(prefix + "attn.c_proj.weight", c_proj_weight, M::hidden, M::hidden);
      visit(prefix + "attn.c_proj.bias", c_proj_bias, M::hidden);
      visit(prefix + "ln_2.weight", ln_2_weight, M::hidden);
      visit(prefix + "ln_2.bias", ln_2_bias, M::hidden);
      visit(prefix + "mlp.c_fc.weight", c_fc_weight, M::hidden, M::intermediate);
      visit(prefix + "mlp.c_fc.bias", c_fc_bias, M::intermediate);
      visit(prefix + "mlp.c_proj.weight", mlp_proj_weight, M::intermediate, M::hidden);
      visit(prefix + "mlp.c_proj.bias", mlp_proj_bias, M::hidden);
    }
  };

  /// Runs the block over x (rows, hidden) in place. The rows are the positions from `position` on;
  /// their keys and values are stored as layer `layer` of the cache.
  template <model M, std::size_t Layers, compute C>
  static void forward(const C& c, const weights<M>& w, kv_cache<M, Layers>& cache,
                      std::size_t layer, std::size_t position, matrix<float> x, activations<M>& a) {
    const std::size_t rows = x.rows();
    const std::size_t seen = position + rows;
    const std::size_t head_size = M::hidden / M::heads;
    const matrix<float> normed = a.normed(rows);      // (rows, hidden)
    const matrix<float> qkv = a.qkv(rows);            // (rows, 3 hidden)
    const matrix<float> attended = a.attended(rows);  // (rows, hidden)
    const matrix<float> widened = a.widened(rows);    // (rows, intermediate)
    const matrix<float> update = a.update(rows);      // (rows, hidden)

    // attention layer norm
    c.layer_norm(x, w.ln_1_weight, w.ln_1_bias, M::layer_norm_epsilon, normed);

    // queries, keys and values of these positions; the cache remembers the latter two
    c.linear(normed, w.c_attn_weight, w.c_attn_bias, qkv);
    cache.store(layer, position, qkv);

    // each head looks at every position up to its own
    for (std::size_t head = 0; head != M::heads; ++head) {
      const matrix<float> q = qkv.some_columns(head * head_size, head_size);  // (rows, head_size)
      const matrix<float> k = cache.keys(layer, head).some_rows(0, seen);     // (seen, head_size)
      const matrix<float> v = cache.values(layer, head).some_rows(0, seen);   // (seen, head_size)
      c.attend(q, k, v, a.scores(), attended.some_columns(head * head_size, head_size));
    }

    // heads mixed, and back into the residual stream
    c.linear(attended, w.c_proj_weight, w.c_proj_bias, update);
    c.add(update, x);

    // MLP layer norm
    c.layer_norm(x, w.ln_2_weight, w.ln_2_bias, M::layer_norm_epsilon, normed);

    // up, GELU, down, and back into the residual stream
    c.linear(normed, w.c_fc_weight, w.c_fc_bias, widened);
    c.gelu(widened);
    c.linear(widened, w.mlp_proj_weight, w.mlp_proj_bias, update);
    c.add(update, x);
  }
};

}  // namespace enfilade
