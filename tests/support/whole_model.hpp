// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compute/argmax.hpp>
#include <enfilade/compute/compute.hpp>
#include <enfilade/model/shape.hpp>
#include <enfilade/model/stage_model.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace test {

using tokens = std::vector<std::uint32_t>;
using rows = std::vector<float>;

/// A model, whole or cut in two after `Cut` layers, behind one interface.
template <enfilade::model M, enfilade::compute C, std::size_t Cut = M::layers>
class whole {
 public:
  explicit whole(const std::filesystem::path& directory)
      : first_(first_type::load(directory)), second_(second_type::load(directory)) {}

  void start() {
    first_.start(0);
    second_.start(0);
  }

  /// (rows) → (rows, hidden), and remembered.
  rows hidden_of(std::span<const std::uint32_t> ids, std::size_t position) {
    rows hidden(ids.size() * M::hidden);
    first_.embed(ids, position, hidden);
    first_.run(0, hidden, ids.size(), position);
    second_.run(0, hidden, ids.size(), position);
    return hidden;
  }

  /// The token that follows most likely, after (rows, hidden).
  std::uint32_t next(const rows& hidden) {
    const rows last(hidden.end() - M::hidden, hidden.end());
    return static_cast<std::uint32_t>(enfilade::argmax(logits_of(last)));
  }

  /// `count` tokens after `prompt`, greedily, one row at a time.
  tokens continuation(const tokens& prompt, std::size_t count) {
    start();
    tokens ids = prompt;
    rows hidden = hidden_of(ids, 0);
    while (true) {
      ids.push_back(next(hidden));
      if (ids.size() == prompt.size() + count) break;
      hidden = hidden_of({&ids.back(), 1}, ids.size() - 1);
    }
    return {ids.begin() + static_cast<std::ptrdiff_t>(prompt.size()), ids.end()};
  }

  /// (rows, hidden) → (rows, vocab)
  rows logits_of(const rows& hidden) {
    rows all(hidden.size() / M::hidden * M::vocab);
    for (std::size_t i = 0; i != hidden.size() / M::hidden; ++i)
      second_.head(std::span{hidden}.subspan(i * M::hidden, M::hidden),
                   std::span{all}.subspan(i * M::vocab, M::vocab));
    return all;
  }

 private:
  using first_type = enfilade::stage_model<M, 0, Cut, true, false, C>;
  using second_type = enfilade::stage_model<M, Cut, M::layers, false, true, C>;
  first_type first_;
  second_type second_;
};

}  // namespace test
