// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/safetensors.hpp>

#include "support/failure_of.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

using enfilade::errc;
using enfilade::safetensors_header;
using test::failure_of;

safetensors_header parse(const std::string& json, std::uint64_t data_size) {
  return safetensors_header::parse(json, data_size, "model.safetensors");
}

failure_of refusal(const std::string& json, std::uint64_t data_size) {
  return failure_of{[&] { parse(json, data_size); }};
}

// Two tensors of 24 and 8 bytes.
const std::string two = R"({"__metadata__":{"format":"pt"},)"
                        R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                        R"("b":{"dtype":"I64","shape":[],"data_offsets":[24,32]}})";

TEST_SUITE("model/safetensors") {
  TEST_CASE("a header tells name, type, shape and place of each tensor") {
    const safetensors_header header = parse(two + "   ", 32);
    CHECK(header.size() == 2);
    REQUIRE(header.find("a") != nullptr);
    CHECK(header.find("a")->dtype == "F32");
    CHECK(header.find("a")->shape == std::vector<std::uint64_t>{2, 3});
    CHECK(header.find("b")->begin == 24);
    CHECK(header.find("b")->end == 32);
    CHECK(header.find("c") == nullptr);
    CHECK(header.find("__metadata__") == nullptr);
  }

  TEST_CASE("an empty file of tensors is one") {
    CHECK(parse("{}", 0).size() == 0);
    CHECK(parse(R"({"a":{"dtype":"U8","shape":[0,5],"data_offsets":[0,0]}})", 0).size() == 1);
  }

  TEST_CASE("a header cut off at any byte is refused") {
    for (std::size_t length = 0; length != two.size(); ++length)
      CHECK(refusal(two.substr(0, length), 32).code == errc::model_header_invalid);
  }

  TEST_CASE("a header is refused that is no object of tensors") {
    std::string json;
    SUBCASE("but an array") { json = "[]"; }
    SUBCASE("but begins with a space") { json = " {}"; }
    SUBCASE("but has a tensor that is a number") { json = R"({"a":1})"; }
    SUBCASE("but has metadata that is a text") { json = R"({"__metadata__":"x"})"; }
    SUBCASE("but lacks a field") { json = R"({"a":{"dtype":"U8","shape":[0]}})"; }
    SUBCASE("but has a field more") {
      json = R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":1}})";
    }
    SUBCASE("but has a shape of texts") {
      json = R"({"a":{"dtype":"U8","shape":["0"],"data_offsets":[0,0]}})";
    }
    SUBCASE("but has a negative extent") {
      json = R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}})";
    }
    SUBCASE("but has a fraction for an offset") {
      json = R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0.0]}})";
    }
    SUBCASE("but has three offsets") {
      json = R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}})";
    }
    SUBCASE("but has a dtype that is a number") {
      json = R"({"a":{"dtype":4,"shape":[0],"data_offsets":[0,0]}})";
    }
    SUBCASE("but has too many dimensions") {
      json = R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,0],"data_offsets":[0,0]}})";
    }
    CHECK(refusal(json, 0).code == errc::model_header_invalid);
  }

  TEST_CASE("a tensor named twice is refused") {
    const std::string tensor = R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    CHECK(refusal("{" + tensor + "," + tensor + "}", 0).says("twice"));
  }

  TEST_CASE("an unknown type is refused by its name") {
    const failure_of found =
        refusal(R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", 4);
    CHECK(found.code == errc::model_dtype);
    CHECK(found.where == "model.safetensors: a: unknown dtype F33");
  }

  TEST_CASE("offsets are refused") {
    std::string offsets;
    SUBCASE("that end beyond the data") { offsets = "[4,12]"; }
    SUBCASE("that begin after they end") { offsets = "[8,0]"; }
    SUBCASE("that are enormous") { offsets = "[0,18446744073709551615]"; }
    SUBCASE("that are above 64 bits") { offsets = "[0,18446744073709551616]"; }
    SUBCASE("that hold fewer bytes than the shape needs") { offsets = "[0,4]"; }
    const failure_of found =
        refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)" + offsets + "}}", 8);
    CHECK(found.code == errc::model_header_invalid);
    CHECK(found.says("model.safetensors: a: "));
  }

  TEST_CASE("a shape whose product overflows is refused, also where it would come out right") {
    // 2^62 elements of 4 bytes are 2^64 bytes, that is 0 in 64 bits.
    for (const char* shape : {"[4611686018427387904]", "[4294967296,4294967296]",
                              "[2147483648,2147483648,4]", "[18446744073709551615,2]"})
      CHECK(refusal(R"({"a":{"dtype":"F32","shape":)" + std::string{shape} +
                        R"(,"data_offsets":[0,0]}})",
                    0)
                .says("overflows"));
  }

  TEST_CASE("tensors must tile the data") {
    const auto pair = [](const std::string& first, const std::string& second) {
      return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
             R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
    };
    CHECK(parse(pair("[4,8]", "[0,4]"), 8).size() == 2);
    CHECK(refusal(pair("[0,4]", "[2,6]"), 6).says("overlap at byte 2"));
    CHECK(refusal(pair("[0,4]", "[0,4]"), 4).says("overlap"));
    CHECK(refusal(pair("[0,4]", "[6,10]"), 10).says("no tensor at byte 4"));
    CHECK(refusal(pair("[1,5]", "[5,9]"), 9).says("no tensor at byte 0"));
    CHECK(refusal(pair("[0,4]", "[4,8]"), 9).says("no tensor at byte 8"));
  }

  TEST_CASE("deep nesting is refused before there is a tree of it") {
    const failure_of found = refusal(R"({"a":)" + std::string(100'000, '['), 0);
    CHECK(found.code == errc::model_header_invalid);
    CHECK(found.says("deeper"));
  }

  TEST_CASE("a name from a file does not write to a terminal") {
    const failure_of found = refusal("{\"\\u001b[2J\":1}", 0);
    CHECK(found.where ==
          "model.safetensors: (unprintable): not an object of dtype, shape and data_offsets");
  }
}

}  // namespace
