// SPDX-License-Identifier: Apache-2.0
//
// The examples of RFC 8949, appendix A: every encoding that evidence may have is read as the value
// that stands there, and the others are refused by name.
#include <enfilade/attest/cose/cbor.hpp>
#include <enfilade/detail/bytes.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/test_data.hpp"

namespace {

using namespace enfilade;
using nlohmann::json;

/// The item as JSON has it; byte strings and keys that are numbers in diagnostic notation.
json value_of(cbor_value v) {
  switch (v.kind()) {
    case cbor_kind::unsigned_number:
      return *v.unsigned_number();
    case cbor_kind::negative_number:
      // JSON's reader takes what is below an int64_t for a floating-point number.
      return v.number() ? json(*v.number()) : json(-18446744073709551616.0);
    case cbor_kind::bytes:
      return "h'" + detail::to_hex(*v.bytes()) + "'";
    case cbor_kind::text:
      return std::string{*v.text()};
    case cbor_kind::array: {
      json all = json::array();
      for (const cbor_value element : v.elements()) all.push_back(value_of(element));
      return all;
    }
    case cbor_kind::map: {
      json all = json::object();
      for (const auto& [key, value] : v.entries())
        all[key.text() ? std::string{*key.text()} : value_of(key).dump()] = value_of(value);
      return all;
    }
    case cbor_kind::boolean:
      return *v.boolean();
    case cbor_kind::null:
      break;
  }
  return nullptr;
}

TEST_SUITE("conformance/cbor") {
  TEST_CASE("the examples of RFC 8949") {
    const auto data = test::data_directory("CBOR appendix A");
    if (!data) return;
    const json all = json::parse(test::read_file(*data / "crypto" / "cbor" / "appendix_a.json"));
    // The three that JSON cannot hold.
    const std::map<std::string, json> in_words{
        {"h'01020304'", "h'01020304'"}, {"h''", "h''"}, {"{1: 2, 3: 4}", {{"1", 2}, {"3", 4}}}};
    int read = 0;
    std::map<std::string_view, int> refused;
    for (const json& example : all) {
      CAPTURE(example.dump());
      const auto bytes = detail::from_hex(example.at("hex").get<std::string>());
      REQUIRE(bytes.has_value());
      const auto document = cbor_document::read(*bytes);
      if (!document) {
        CHECK(document.error().code == errc::attest_malformed);
        ++refused[document.error().rule];
        continue;
      }
      ++read;
      const json expected = example.contains("decoded")
                                ? example.at("decoded")
                                : in_words.at(example.at("diagnostic").get<std::string>());
      CHECK(value_of(document->root()) == expected);
    }
    CHECK(read + 36 == static_cast<int>(all.size()));
    // On purpose: evidence has none of these. Big numbers are among the tags.
    CHECK(refused == std::map<std::string_view, int>{{"cbor.float", 22},
                                                     {"cbor.simple_value", 4},
                                                     {"cbor.tag", 8},
                                                     {"cbor.indefinite_string", 2}});
  }
}

}  // namespace
