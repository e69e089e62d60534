// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/model/unicode_tables.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace enfilade {

namespace detail {

constexpr text_class search_text_class(char32_t code_point) noexcept {
  const auto after =
      std::upper_bound(text_class_ranges.begin(), text_class_ranges.end(), code_point,
                       [](char32_t c, const text_class_range& r) { return c < r.first; });
  if (after == text_class_ranges.begin()) return text_class::other;
  const text_class_range& range = *(after - 1);
  return code_point <= range.last ? range.kind : text_class::other;
}

inline constexpr auto ascii_text_class = [] {
  std::array<text_class, 128> classes{};
  for (std::size_t c = 0; c != classes.size(); ++c)
    classes[c] = search_text_class(static_cast<char32_t>(c));
  return classes;
}();

}  // namespace detail

/// The class of a code point, in the Unicode version that `unicode_tables.hpp` names.
///
/// Values that are no code point (above U+10FFFF, surrogates) are `other`. One load for ASCII, else
/// a binary search over the runs.
constexpr text_class text_class_of(char32_t code_point) noexcept {
  if (code_point < detail::ascii_text_class.size()) return detail::ascii_text_class[code_point];
  return detail::search_text_class(code_point);
}

}  // namespace enfilade
