// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/strict_json.hpp>

#include <doctest/doctest.h>

#include <string>

namespace {

using enfilade::errc;
using enfilade::failure;
using enfilade::detail::strict_object;
using nlohmann::json;

// What the reader says of the object; empty where it has no complaint.
template <class Ask>
std::string complaint(const json& object, Ask ask) {
  try {
    ask(strict_object{object, errc::model_config_invalid, "file"});
  } catch (const failure& caught) {
    CHECK(caught.code() == errc::model_config_invalid);
    return caught.where();
  }
  return {};
}

TEST_SUITE("model/strict_json") {
  TEST_CASE("what is no object is refused") {
    const auto nothing = [](const strict_object&) {};
    CHECK(complaint(json::array(), nothing) == "file: not an object");
    CHECK(complaint(nullptr, nothing) == "file: not an object");
    CHECK(complaint(json::object(), nothing) == "");
  }

  TEST_CASE("a field that nobody asked for is refused by name") {
    const auto only_a = [](const strict_object& at) { at.only({"a"}); };
    CHECK(complaint({{"a", 1}}, only_a) == "");
    CHECK(complaint({{"a", 1}, {"b", 1}}, only_a) == "file: unknown field b");
  }

  TEST_CASE("a feature that is switched on is refused by name and type") {
    const auto off = [](const strict_object& at) { at.off({"magic"}); };
    for (const json& value : {json(nullptr), json(false), json("")})
      CHECK(complaint({{"magic", value}}, off) == "");
    CHECK(complaint(json::object(), off) == "");
    for (const json& value : {json(true), json(0.1), json("x"), json::array(), json::object()})
      CHECK(complaint({{"magic", value}}, off) == "file: magic is not supported");
    CHECK(complaint({{"magic", {{"type", "NFC"}}}}, off) == "file: magic NFC is not supported");
  }

  TEST_CASE("the way to an object stands before what is said of it") {
    const json nested = {{"a", {{"type", "B"}}}};
    CHECK(complaint(nested, [](const strict_object& at) { at.inside("a").type("C"); }) ==
          "file: a: B is not supported");
    CHECK(complaint(nested, [](const strict_object& at) { at.inside("a").type("B"); }) == "");
    CHECK(complaint(nested, [](const strict_object& at) { at.inside("x"); }) ==
          "file: x is missing");
    CHECK(complaint({{"x", nullptr}}, [](const strict_object& at) { at.need("x"); }) ==
          "file: x is missing");
  }

  TEST_CASE("numbers are whole and below their bound") {
    const auto below_8 = [](const json& number) {
      return complaint(json::object(), [&](const strict_object& at) { at.below(8, number); });
    };
    CHECK(below_8(0U) == "");
    CHECK(below_8(7U) == "");
    for (const json& number : {json(8U), json(-1), json(1.0), json("1"), json(1ULL << 32)})
      CHECK(below_8(number) == "file: a number is not in 0 to 7");
  }

  TEST_CASE("a file can't write to a terminal through a message") {
    for (const char* name : {"\x1B[2J", "a b", "", "é", "a\n"})
      CHECK(strict_object::printable(name) == "(unprintable)");
    CHECK(strict_object::printable(std::string(41, 'a')) == "(unprintable)");
    CHECK(strict_object::printable(5) == "(unprintable)");
    CHECK(strict_object::printable("Split_2") == "Split_2");
  }
}

}  // namespace
