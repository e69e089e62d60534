// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/utf8.hpp>
#include <enfilade/model/unicode.hpp>

#include <cstddef>
#include <string_view>

namespace enfilade {

/// Where GPT-2 cuts a text before byte-pair encoding: merges never cross a cut.
///
/// The pattern, by hand, tried in this order at each position:
///
///     's|'t|'re|'ve|'m|'ll|'d    | ?\p{L}+    | ?\p{N}+    | ?[^\s\p{L}\p{N}]+    |\s+(?!\S) |\s+
///
/// Every character belongs to exactly one piece, so the pieces put together are the text.
struct gpt2_pattern {
  /// The end of the piece that begins at `begin < text.size()`; `text` is well-formed UTF-8.
  ///
  /// Reads one character beyond the piece's end at most, so a whole text costs linear time.
  static constexpr std::size_t piece_end(std::string_view text, std::size_t begin) noexcept {
    if (text[begin] == '\'') {
      const std::size_t length = contraction(text.substr(begin));
      if (length != 0) return begin + length;
    }
    if (text[begin] == ' ' && begin + 1 != text.size()) {
      const text_class next = class_at(text, begin + 1);
      if (next != text_class::space) return run_end(text, begin + 1, next).end;
    }
    const text_class kind = class_at(text, begin);
    const run found = run_end(text, begin, kind);
    if (kind != text_class::space || found.end == text.size() || found.last == begin)
      return found.end;
    return found.last;  // \s+(?!\S): the last space before a word is the word's, or a piece alone
  }

 private:
  struct run {
    std::size_t last;  // where its last character begins
    std::size_t end;
  };

  static constexpr text_class class_at(std::string_view text, std::size_t at) noexcept {
    return text_class_of(detail::utf8_at(text, at).code_point);
  }

  static constexpr run run_end(std::string_view text, std::size_t at, text_class kind) noexcept {
    run found{at, at};
    while (found.end != text.size()) {
      const detail::utf8_character c = detail::utf8_at(text, found.end);
      if (text_class_of(c.code_point) != kind) break;
      found = {found.end, found.end + c.length};
    }
    return found;
  }

  static constexpr std::size_t contraction(std::string_view text) noexcept {
    for (const std::string_view suffix : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
      if (text.starts_with(suffix)) return suffix.size();
    return 0;
  }
};

}  // namespace enfilade
