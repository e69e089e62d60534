// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/hash.hpp>
#include <enfilade/compute/matrix.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/model/block.hpp>
#include <enfilade/model/checkpoint.hpp>
#include <enfilade/model/shape.hpp>
#include <enfilade/model/tensor_memory.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace enfilade {

/// The weights of one stage, loaded: views by name, and the hash of exactly these tensors.
///
/// `Layers` [First, Last); with `Embeds` also the two embeddings, with `Head` the last norm and the
/// head. The digest is SHA-256 over each tensor in the order of `each`: docs/concepts/model.md has
/// the bytes. It depends on the weights, not on how a file orders, prefixes or shards them.
template <model M, std::size_t First, std::size_t Last, bool Embeds, bool Head>
class weights {
  static_assert(First <= Last && Last <= M::layers);

 public:
  using block_weights = typename block<typename M::architecture::block>::template weights<M>;

  /// Calls `progress(done, total)` with bytes, while it reads and hashes them. Throws `failure` as
  /// `tensor_memory`.
  template <class Progress>
  weights(checkpoint& from, bool tied_head, weight_storage storage, Progress&& progress)
      : names_(wanted(tied_head)), memory_(from, names_, storage) {
    std::size_t next = 0;
    each(tied_head, [&](const std::string&, auto& view, auto... extents) {
      view = {memory_[next++].data(), extents...};
    });
    if (Embeds && Head && tied_head) head = wte;
    hash(progress);
  }

  const std::array<std::byte, 32>& digest() const noexcept { return digest_; }
  const tensor_memory& memory() const noexcept { return memory_; }

  /// The tensors' names, in the order of the digest.
  const std::vector<wanted_tensor>& names() const noexcept { return names_; }

  matrix<const float> wte;                         // (vocab, hidden)
  matrix<const float> wpe;                         // (context, hidden)
  std::array<block_weights, Last - First> layers;  // of [First, Last)
  std::span<const float> ln_f_weight, ln_f_bias;   // (hidden)
  matrix<const float> head;                        // (vocab, hidden)

 private:
  template <class Visit>
  void each(bool tied_head, Visit visit) {
    if constexpr (Embeds) {
      visit("wte.weight", wte, M::vocab, M::hidden);
      visit("wpe.weight", wpe, M::context, M::hidden);
    }
    for (std::size_t i = First; i != Last; ++i)
      layers[i - First].each("h." + std::to_string(i) + ".", visit);
    if constexpr (Head) {
      visit("ln_f.weight", ln_f_weight, M::hidden);
      visit("ln_f.bias", ln_f_bias, M::hidden);
      if (!tied_head)
        visit("lm_head.weight", head, M::vocab, M::hidden);
      else if (!Embeds)
        visit("wte.weight", head, M::vocab, M::hidden);
    }
  }

  std::vector<wanted_tensor> wanted(bool tied_head) {
    std::vector<wanted_tensor> all;
    each(tied_head, [&](std::string name, auto&, auto... extents) {
      all.push_back({std::move(name), {extents...}});
    });
    return all;
  }

  template <class Progress>
  void hash(Progress& progress) {
    constexpr std::size_t step = std::size_t{8} << 20;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i != memory_.size(); ++i) total += memory_[i].size_bytes();
    std::uint64_t done = 0;

    Sha256 sum;
    const auto number = [&sum](std::uint64_t value) {
      std::array<std::byte, 8> bytes;
      detail::store_le(bytes.data(), value);
      sum.update(bytes);
    };
    sum.update(detail::bytes_of("enfilade/weights/1"));
    for (std::size_t i = 0; i != memory_.size(); ++i) {
      number(names_[i].name.size());
      sum.update(detail::bytes_of(names_[i].name));
      number(names_[i].shape.size());
      for (const std::uint64_t extent : names_[i].shape) number(extent);
      std::span<const std::byte> left = std::as_bytes(memory_[i]);
      while (!left.empty()) {
        const std::size_t size = std::min(step, left.size());
        sum.update(left.first(size));
        left = left.subspan(size);
        done += size;
        progress(done, total);
      }
    }
    digest_ = sum.finish();
  }

  std::vector<wanted_tensor> names_;
  tensor_memory memory_;
  std::array<std::byte, 32> digest_{};
};

}  // namespace enfilade
