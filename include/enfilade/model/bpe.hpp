// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/wiping_allocator.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace enfilade {

/// Byte-pair encoding of one piece of text: the merges, in integers only.
///
/// A piece begins as one token a byte. Again and again the neighbours whose merge has the lowest
/// rank, the leftmost of equals, become one token, until no neighbours have a merge. A queue holds
/// the candidates, so a piece of n bytes costs O(n log n) whatever it contains.
class bpe {
 public:
  /// Token ids and ranks lie below this.
  static constexpr std::uint32_t limit = 1U << 20;

  /// Memory of one encoding, reusable from piece to piece; wiped before it is given back.
  class scratch {
    friend bpe;
    struct symbol {
      std::uint32_t token;
      std::uint32_t rank;  // of the merge with the symbol on the right; `none` where there is none
      std::uint32_t left;
      std::uint32_t right;
    };
    std::vector<symbol, detail::wiping_allocator<symbol>> symbols;
    std::vector<std::uint64_t, detail::wiping_allocator<std::uint64_t>> queue;  // rank, place
  };

  /// `byte_tokens[b]` is the token of byte b; up to `merges` merges will be added.
  bpe(const std::array<std::uint32_t, 256>& byte_tokens, std::size_t merges)
      : byte_tokens_(byte_tokens), pairs_(std::bit_ceil(2 * merges + 1), empty) {
    merged_.reserve(merges);
  }

  /// Adds the merge of the next rank. False where the pair has one already, or where the tables are
  /// full; `left`, `right` and `merged` are below `limit`.
  bool add(std::uint32_t left, std::uint32_t right, std::uint32_t merged) {
    if (merged_.size() == limit || 2 * (merged_.size() + 1) > pairs_.size()) return false;
    const std::uint64_t pair = pair_of(left, right);
    std::uint64_t& place = pairs_[find(pair)];
    if (place != empty) return false;
    place = pair << rank_bits | merged_.size();
    merged_.push_back(merged);
    return true;
  }

  /// Appends the tokens of `piece` (below 2^32 - 1 bytes) to `tokens`; returns how many queue
  /// operations that took, so that a test can bound the work where a clock would only guess.
  template <class Tokens>
  std::size_t encode(std::string_view piece, scratch& work, Tokens& tokens) const {
    auto& symbols = work.symbols;
    auto& queue = work.queue;
    const auto size = static_cast<std::uint32_t>(piece.size());
    symbols.clear();
    queue.clear();
    for (std::uint32_t i = 0; i != size; ++i)
      symbols.push_back({byte_tokens_[static_cast<unsigned char>(piece[i])], none, i - 1, i + 1});
    for (std::uint32_t i = 0; i + 1 < size; ++i) {
      symbols[i].rank = rank_of(symbols[i].token, symbols[i + 1].token);
      if (symbols[i].rank != none) queue.push_back(candidate(symbols[i].rank, i));
    }
    std::make_heap(queue.begin(), queue.end(), std::greater{});

    std::size_t operations = queue.size();
    const auto consider = [&](std::uint32_t at) {
      const std::uint32_t right = symbols[at].right;
      symbols[at].rank = right == size ? none : rank_of(symbols[at].token, symbols[right].token);
      if (symbols[at].rank == none) return;
      queue.push_back(candidate(symbols[at].rank, at));
      std::push_heap(queue.begin(), queue.end(), std::greater{});
      ++operations;
    };
    while (!queue.empty()) {
      std::pop_heap(queue.begin(), queue.end(), std::greater{});
      const auto rank = static_cast<std::uint32_t>(queue.back() >> 32);
      const auto at = static_cast<std::uint32_t>(queue.back());
      queue.pop_back();
      ++operations;
      // A candidate is stale where a merge has taken its symbol, or changed what is beside it.
      if (symbols[at].rank != rank) continue;
      const std::uint32_t taken = symbols[at].right;
      symbols[at].token = merged_[rank];
      symbols[at].right = symbols[taken].right;
      symbols[taken].rank = none;
      if (symbols[at].right != size) symbols[symbols[at].right].left = at;
      if (at != 0) consider(symbols[at].left);
      consider(at);
    }
    for (std::uint32_t at = 0; at < size; at = symbols[at].right)
      tokens.push_back(symbols[at].token);
    return operations;
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  static constexpr std::uint64_t empty = ~std::uint64_t{0};
  static constexpr int rank_bits = 20;  // and 20 a token: an entry of `pairs_` is one word
  static_assert(limit == 1U << rank_bits);

  static constexpr std::uint64_t pair_of(std::uint32_t left, std::uint32_t right) noexcept {
    return std::uint64_t{left} << rank_bits | right;
  }

  static constexpr std::uint64_t candidate(std::uint32_t rank, std::uint32_t at) noexcept {
    return std::uint64_t{rank} << 32 | at;
  }

  // Where the pair is, or would be put. Half of the table is empty, so the search ends.
  std::size_t find(std::uint64_t pair) const noexcept {
    const std::size_t mask = pairs_.size() - 1;
    std::size_t at = static_cast<std::size_t>(pair * 0x9E37'79B9'7F4A'7C15U >> 32) & mask;
    while (pairs_[at] != empty && pairs_[at] >> rank_bits != pair) at = (at + 1) & mask;
    return at;
  }

  std::uint32_t rank_of(std::uint32_t left, std::uint32_t right) const noexcept {
    const std::uint64_t entry = pairs_[find(pair_of(left, right))];
    return entry == empty ? none : static_cast<std::uint32_t>(entry & (limit - 1));
  }

  std::array<std::uint32_t, 256> byte_tokens_;
  std::vector<std::uint64_t> pairs_;   // hash table of left << 40 | right << 20 | rank
  std::vector<std::uint32_t> merged_;  // by rank
};

}  // namespace enfilade
