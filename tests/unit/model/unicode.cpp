// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/unicode.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <vector>

namespace {

using enfilade::text_class;
using enfilade::text_class_of;

static_assert(text_class_of(U'a') == text_class::letter);
static_assert(text_class_of(U'0') == text_class::number);
static_assert(text_class_of(U' ') == text_class::space);
static_assert(text_class_of(U'_') == text_class::other, "no letter, though \\w has it");
static_assert(text_class_of(U'\0') == text_class::other);

// Sorted, disjoint and as long as they can be: else the binary search would miss something.
static_assert([] {
  const auto& ranges = enfilade::detail::text_class_ranges;
  for (std::size_t i = 0; i != ranges.size(); ++i) {
    if (ranges[i].first > ranges[i].last) return false;
    if (i == 0) continue;
    if (ranges[i - 1].last >= ranges[i].first) return false;
    if (ranges[i - 1].last + 1 == ranges[i].first && ranges[i - 1].kind == ranges[i].kind)
      return false;
  }
  return ranges.back().last <= 0x10FFFF;
}());

TEST_SUITE("model/unicode") {
  TEST_CASE("the tables are those of Unicode 14") {
    CHECK(enfilade::detail::unicode_version == "14.0.0");
    std::array<int, 4> counts{};
    for (char32_t c = 0; c <= 0x10FFFF; ++c) ++counts[static_cast<std::size_t>(text_class_of(c))];
    // As counted by Python's unicodedata: categories L*, categories N*, property White_Space.
    CHECK(counts[static_cast<std::size_t>(text_class::letter)] == 131'756);
    CHECK(counts[static_cast<std::size_t>(text_class::number)] == 1'791);
    CHECK(counts[static_cast<std::size_t>(text_class::space)] == 25);
  }

  TEST_CASE("letters of any script are letters") {
    for (const char32_t c : {U'é', U'ß', U'Ж', U'λ', U'א', U'ع', U'न', U'中', U'ひ', U'한', U'ª',
                             U'ʰ', U'𝐀', U'𐍈', U'\U0003134A'})
      CHECK(text_class_of(c) == text_class::letter);
  }

  TEST_CASE("digits, numerals and fractions are numbers") {
    for (const char32_t c : {U'9', U'²', U'½', U'٣', U'३', U'Ⅻ', U'①', U'〇', U'𝟘'})
      CHECK(text_class_of(c) == text_class::number);
  }

  TEST_CASE("what White_Space lists is space, and nothing else") {
    const std::vector<char32_t> spaces{0x9,    0xA,    0xB,    0xC,    0xD,    0x20,   0x85,
                                       0xA0,   0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004,
                                       0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x2028,
                                       0x2029, 0x202F, 0x205F, 0x3000};
    std::vector<char32_t> found;
    for (char32_t c = 0; c <= 0x10FFFF; ++c)
      if (text_class_of(c) == text_class::space) found.push_back(c);
    CHECK(found == spaces);
  }

  TEST_CASE("marks, symbols, emoji, controls and unassigned code points are none of the three") {
    for (const char32_t c : {U'\u0301', U'\u093E', U'€', U'…', U'、', U'\u200D', U'\u200B',
                             U'\uFEFF', U'\x1C', U'😀', U'\U0001F3FD', U'\u0378', U'\uE000'})
      CHECK(text_class_of(c) == text_class::other);
  }

  TEST_CASE("values that are no code point are none of the three") {
    for (const char32_t c : {0xD800U, 0xDFFFU, 0x110000U, 0xFFFFFFFFU})
      CHECK(text_class_of(static_cast<char32_t>(c)) == text_class::other);
  }
}

}  // namespace
