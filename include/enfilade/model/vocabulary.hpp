// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace enfilade {

/// The bytes of every token, by id: one string and one offset a token.
class vocabulary {
 public:
  vocabulary() = default;

  /// `tokens[id]` are the bytes of a token; empty where no token has this id.
  explicit vocabulary(const std::vector<std::string>& tokens) {
    std::size_t total = 0;
    for (const std::string& token : tokens) total += token.size();
    bytes_.reserve(total);
    ends_.reserve(tokens.size());
    for (const std::string& token : tokens) {
      bytes_ += token;
      ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
      longest_ = token.size() > longest_ ? token.size() : longest_;
    }
  }

  /// One more than the largest id.
  std::size_t size() const noexcept { return ends_.size(); }

  /// The length of the longest token, in bytes.
  std::size_t longest() const noexcept { return longest_; }

  /// The bytes of a token, which need not be whole characters; empty where no token has this id.
  std::string_view operator[](std::uint32_t id) const noexcept {
    if (id >= size()) return {};
    const std::uint32_t begin = id == 0 ? 0 : ends_[id - 1];
    return std::string_view{bytes_}.substr(begin, ends_[id] - begin);
  }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
  std::size_t longest_ = 0;
};

}  // namespace enfilade
