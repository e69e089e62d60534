// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/bpe.hpp>

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace {

using enfilade::bpe;
using ids = std::vector<std::uint32_t>;

std::array<std::uint32_t, 256> each_byte_itself() {
  std::array<std::uint32_t, 256> tokens{};
  std::iota(tokens.begin(), tokens.end(), 0U);
  return tokens;
}

struct encoder {
  bpe merges{each_byte_itself(), 64};
  bpe::scratch work;
  std::size_t operations = 0;

  ids operator()(std::string_view piece) {
    ids tokens;
    operations = merges.encode(piece, work, tokens);
    return tokens;
  }
};

TEST_SUITE("model/bpe") {
  TEST_CASE_FIXTURE(encoder, "without merges a piece is its bytes") {
    encoder& encode = *this;
    CHECK(encode("") == ids{});
    CHECK(encode("a") == ids{'a'});
    CHECK(encode("\xFF\x01") == ids{255, 1});
  }

  TEST_CASE_FIXTURE(encoder, "the merge of the lowest rank comes first, wherever it is") {
    encoder& encode = *this;
    REQUIRE(merges.add('b', 'c', 256));
    REQUIRE(merges.add('a', 'b', 257));
    CHECK(encode("abc") == ids{'a', 256});
    CHECK(encode("abd") == ids{257, 'd'});
    CHECK(encode("ababc") == ids{257, 'a', 256});
  }

  TEST_CASE_FIXTURE(encoder, "of equal merges the leftmost comes first") {
    encoder& encode = *this;
    REQUIRE(merges.add('a', 'a', 256));
    CHECK(encode("aaa") == ids{256, 'a'});
    CHECK(encode("aaaaa") == ids{256, 256, 'a'});
  }

  TEST_CASE_FIXTURE(encoder, "merged tokens merge on, with either neighbour") {
    encoder& encode = *this;
    REQUIRE(merges.add('l', 'o', 256));
    REQUIRE(merges.add(256, 'w', 257));
    REQUIRE(merges.add('s', 257, 258));
    CHECK(encode("slow") == ids{258});
    CHECK(encode("slowslo") == ids{258, 's', 256});
  }

  TEST_CASE_FIXTURE(encoder, "a merge that another one made impossible does not happen") {
    encoder& encode = *this;
    REQUIRE(merges.add('b', 'c', 256));
    REQUIRE(merges.add('a', 'b', 257));
    REQUIRE(merges.add('c', 'd', 258));
    REQUIRE(merges.add('a', 256, 259));
    CHECK(encode("abcd") == ids{259, 'd'});
  }

  TEST_CASE("a pair has one merge, and there is room for those announced") {
    bpe merges{each_byte_itself(), 1};
    CHECK(merges.add('a', 'b', 256));
    CHECK_FALSE(merges.add('a', 'b', 257));
    bpe none{each_byte_itself(), 0};
    CHECK_FALSE(none.add('a', 'b', 256));
  }

  TEST_CASE("the largest ids and ranks fit") {
    constexpr std::uint32_t last = bpe::limit - 1;
    bpe merges{each_byte_itself(), 3};
    REQUIRE(merges.add('a', 'b', last));
    REQUIRE(merges.add(last, last, last - 1));
    bpe::scratch work;
    ids tokens;
    merges.encode("abab", work, tokens);
    CHECK(tokens == ids{last - 1});
  }

  TEST_CASE_FIXTURE(encoder, "the work for a long piece is linear in queue operations") {
    encoder& encode = *this;
    // Doubling merges: "aa", "aaaa", ... make every level of the piece a candidate again.
    std::uint32_t token = 'a';
    for (std::uint32_t next = 256; next != 256 + 16; token = next++)
      REQUIRE(merges.add(token, token, next));
    for (const std::size_t size : {std::size_t{1} << 10, std::size_t{1} << 18}) {
      std::string piece(size, 'a');
      CHECK(encode(piece).size() == std::max<std::size_t>(1, size >> 16));
      CHECK(operations <= 6 * size);
      piece.back() = 'b';
      encode(piece);
      CHECK(operations <= 6 * size);
    }
  }

  TEST_CASE_FIXTURE(encoder, "the work is linear too where one token swallows its neighbours") {
    encoder& encode = *this;
    REQUIRE(merges.add('x', 'a', 'x'));
    const std::size_t size = std::size_t{1} << 18;
    CHECK(encode("x" + std::string(size, 'a')) == ids{'x'});
    CHECK(operations <= 6 * size);
  }
}

}  // namespace
