// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/told_registers.hpp>

#include "support/refusal_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::string_view_literals;

Measurement value(unsigned char with) { return Measurement{std::array{std::byte{with}}}; }

std::string_view broken_rule(std::string_view bytes) {
  const auto told = parse_told(detail::bytes_of(bytes));
  return told ? std::string_view{} : told.error().rule;
}

TEST_SUITE("attest/told_registers") {
  TEST_CASE("what was told is read back, by ascending names") {
    const auto encoded = encode_told({{"weights", value(2)}, {"plan", value(1)}});
    REQUIRE(encoded.has_value());
    CHECK(std::ranges::equal(*encoded, detail::bytes_of("\2\4plan\1\1\7weights\1\2"sv)));
    const auto told = parse_told(*encoded);
    REQUIRE(told.has_value());
    REQUIRE(told->size() == 2);
    CHECK(told->front().first == "plan");
    CHECK(told->back().second == value(2));
  }

  TEST_CASE("who has nothing to tell says so in one byte") {
    CHECK(encode_told({})->size() == 1);
    CHECK(parse_told(detail::bytes_of("\0"sv))->empty());
  }

  TEST_CASE("what is not one register after the other is refused by its rule") {
    CHECK(broken_rule("") == "told.size");
    CHECK(broken_rule(std::string(513, '\0')) == "told.size");
    CHECK(broken_rule("\11") == "told.count");
    CHECK(broken_rule("\1") == "told.name");
    CHECK(broken_rule("\1\0\1x"sv) == "told.name");
    CHECK(broken_rule("\1\2a\1x") == "told.name");  // the length takes a byte that no name has
    CHECK(broken_rule("\1\1 \1x") == "told.name");
    CHECK(broken_rule("\1\41" + std::string(33, 'a') + "\1x") == "told.name");
    CHECK(broken_rule("\1\1a\0"sv) == "told.value");
    CHECK(broken_rule("\1\1a\2x") == "told.value");
    CHECK(broken_rule("\1\1a\101" + std::string(65, 'x')) == "told.value");
    CHECK(broken_rule("\1\1a\1xy") == "told.trailing_bytes");
    CHECK(broken_rule("\2\1a\1x\1a\1x") == "told.order");
    CHECK(broken_rule("\2\1b\1x\1a\1x") == "told.order");
  }

  TEST_CASE("what would not be read is not written") {
    CHECK(encode_told({{"", value(1)}}).error() == errc::internal);
    CHECK(encode_told({{"not a name", value(1)}}).error() == errc::internal);
    CHECK(encode_told({{"a", Measurement{}}}).error() == errc::internal);
    CHECK(encode_told({{"a", value(1)}, {"b", value(1)}, {"a", value(2)}}).error() ==
          errc::internal);
    registers many;
    for (char c = 'a'; c != 'i'; ++c) many.emplace_back(std::string{c}, value(1));
    CHECK(encode_told(many).has_value());
    many.emplace_back("i", value(1));
    CHECK(encode_told(many).error() == errc::internal);
    std::array<std::byte, 64> longest{};
    registers large;
    for (char c = 'a'; c != 'i'; ++c) large.emplace_back(std::string{c}, Measurement{longest});
    CHECK_MESSAGE(encode_told(large).error() == errc::internal, "537 bytes");
  }

  TEST_CASE("what is signed depends on every byte of the link's data and of what was told") {
    std::array<std::byte, 64> of_link{};
    const auto told = *encode_told({{"plan", value(1)}});
    const auto bound = bound_report_data(of_link, told);
    of_link.back() = std::byte{1};
    CHECK(bound_report_data(of_link, told) != bound);
    of_link.back() = std::byte{0};
    CHECK(bound_report_data(of_link, *encode_told({{"plan", value(2)}})) != bound);
    CHECK(bound_report_data(of_link, told) == bound);
  }
}

}  // namespace
