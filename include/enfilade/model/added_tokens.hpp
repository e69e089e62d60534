// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// A token that stands for a text as a whole, beside the pattern and the merges.
struct added_token {
  std::string text;
  std::uint32_t id;
};

/// Finds added tokens in a text: the leftmost first, and of those that begin there the longest.
class added_tokens {
 public:
  added_tokens() = default;

  /// The texts are not empty and differ from each other.
  explicit added_tokens(std::vector<added_token> tokens) : tokens_(std::move(tokens)) {
    std::sort(tokens_.begin(), tokens_.end(),
              [](const added_token& a, const added_token& b) { return a.text < b.text; });
    for (const added_token& token : tokens_) {
      begins_.set(static_cast<unsigned char>(token.text[0]));
      ids_.push_back(token.id);
    }
    std::sort(ids_.begin(), ids_.end());
  }

  /// Calls `plain(text)` for each stretch without an added token and `found(id)` for each token, in
  /// order, until either returns false; returns whether none did.
  template <class Plain, class Found>
  bool split(std::string_view text, Plain plain, Found found) const {
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const added_token* token =
          begins_[static_cast<unsigned char>(text[at])] ? longest_at(text.substr(at)) : nullptr;
      if (token == nullptr) {
        ++at;
        continue;
      }
      if (at != begin && !plain(text.substr(begin, at - begin))) return false;
      if (!found(token->id)) return false;
      begin = at += token->text.size();
    }
    return begin == text.size() || plain(text.substr(begin));
  }

  /// Whether the id belongs to an added token.
  bool contains(std::uint32_t id) const noexcept {
    return std::binary_search(ids_.begin(), ids_.end(), id);
  }

  /// The added token with this text; null where there is none.
  const added_token* named(std::string_view text) const noexcept {
    const auto at =
        std::lower_bound(tokens_.begin(), tokens_.end(), text,
                         [](const added_token& a, std::string_view b) { return a.text < b; });
    return at != tokens_.end() && at->text == text ? &*at : nullptr;
  }

 private:
  // Narrows the sorted tokens byte by byte to those that the text still agrees with.
  const added_token* longest_at(std::string_view text) const noexcept {
    const added_token* longest = nullptr;
    auto first = tokens_.begin();
    auto last = tokens_.end();
    for (std::size_t depth = 0;; ++depth) {
      if (first != last && first->text.size() == depth) longest = &*first++;
      if (first == last || depth == text.size()) return longest;
      const auto byte = static_cast<unsigned char>(text[depth]);
      const auto at_depth = [&](const added_token& token) {
        return static_cast<unsigned char>(token.text[depth]);
      };
      first = std::partition_point(first, last, [&](const auto& t) { return at_depth(t) < byte; });
      last = std::partition_point(first, last, [&](const auto& t) { return at_depth(t) == byte; });
    }
  }

  std::vector<added_token> tokens_;  // sorted by text, bytes as unsigned
  std::vector<std::uint32_t> ids_;   // sorted
  std::bitset<256> begins_;          // the first bytes of all
};

}  // namespace enfilade
