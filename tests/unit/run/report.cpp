// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/report.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

namespace {

using enfilade::claims;
using enfilade::Measurement;
using enfilade::registers;
using enfilade::report;

/// Four tokens; of the three that are generated one by one, a quarter of the time is in links.
report four_tokens() {
  report r;
  r.init_ms = 1.5;
  r.first_token_ms = 40;
  r.text = " Paris\xF0\x9F\x8C\x8D";
  r.finished = "length";
  r.tokens.emplace_back(7u, 40.0, 39.0);
  r.tokens.emplace_back(8u, 4.0, 3.0);
  r.tokens.emplace_back(9u, 2.0, 1.5);
  r.tokens.emplace_back(10u, 6.0, 4.5);
  return r;
}

TEST_SUITE("run/report") {
  TEST_CASE("the table has every figure, and leaves the prompt's time out of ms/token") {
    CHECK(four_tokens().table() ==
          "  init time                       1.500 ms\n"
          "  time to first token            40.000 ms\n"
          "  ms/token average                4.000 ms\n"
          "  ms/token p50                    4.000 ms\n"
          "  ms/token p95                    6.000 ms\n"
          "  ms/token p99                    6.000 ms\n"
          "  tokens/s                      250.000 \n"
          "  share of a token in links      25.000 %\n"
          "  rooms verified             none\n"
          "  (4 tokens, of which 3 are in the ms/token figures)\n");
  }

  TEST_CASE("the JSON holds the same, every token, and what ran where") {
    const nlohmann::json j = four_tokens().json("atlas", 2, "the plan\n");
    CHECK(j["enfilade"] == "client-report/1");
    CHECK(j["model"] == "atlas");
    CHECK(j["stages"] == 2);
    CHECK(j["plan"] == "the plan\n");
    CHECK(j["init_ms"] == 1.5);
    CHECK(j["first_token_ms"] == 40);
    CHECK(j["ms_per_token"]["average"] == 4);
    CHECK(j["ms_per_token"]["p50"] == 4);
    CHECK(j["ms_per_token"]["p95"] == 6);
    CHECK(j["ms_per_token"]["p99"] == 6);
    CHECK(j["ms_per_token"]["count"] == 3);
    CHECK(j["tokens_per_second"] == 250);
    CHECK(j["link_share"] == 0.25);
    CHECK(j["text"] == " Paris\xF0\x9F\x8C\x8D");
    CHECK(j["finished"] == "length");
    REQUIRE(j["tokens"].size() == 4);
    CHECK(j["tokens"][1]["id"] == 8);
    CHECK(j["tokens"][1]["ms"] == 4);
    CHECK(j["tokens"][1]["busy_ms"] == 3);
  }

  TEST_CASE("the rooms that proved themselves are listed, with what they are") {
    report r = four_tokens();
    registers values;
    values.emplace_back("binary", Measurement{std::array<std::byte, 2>{}});
    claims of_stage_0{"mock", values};
    claims of_stage_2 = of_stage_0;
    of_stage_2.judged_at = std::chrono::sys_seconds{std::chrono::seconds{1'790'000'060}};
    of_stage_2.made_at = std::chrono::sys_seconds{std::chrono::seconds{1'790'000'000}};
    r.rooms.emplace_back(0u, of_stage_0);
    r.rooms.emplace_back(2u, of_stage_2);
    CHECK(r.table().find("\n  rooms verified             stage 0, 2\n") != std::string::npos);
    const nlohmann::json j = r.json("atlas", 3, "");
    REQUIRE(j["rooms"].size() == 2);
    CHECK(j["rooms"][0]["stage"] == 0);
    CHECK(j["rooms"][0]["attester"] == "mock");
    CHECK(j["rooms"][0]["registers"] == nlohmann::json{{"binary", "0000"}});
    CHECK_FALSE(j["rooms"][0].contains("made_at"));
    CHECK(j["rooms"][1]["stage"] == 2);
    CHECK(j["rooms"][1]["judged_at"] == 1'790'000'060);
    CHECK(j["rooms"][1]["made_at"] == 1'790'000'000);
    CHECK(four_tokens().json("atlas", 3, "")["rooms"] == nlohmann::json::array());
  }

  TEST_CASE("the JSON names compiler and processor") {
    const nlohmann::json j = report{}.json("atlas", 1, "");
    const auto compiler = j["compiler"].get<std::string>();
#ifdef __clang__
    CHECK(compiler.find("lang") != std::string::npos);
#else
    CHECK(compiler.starts_with("GCC 1"));
#endif
    CHECK_FALSE(j["cpu"].get<std::string>().empty());
  }

  TEST_CASE("an answer of one token or none has no ms/token, and no division by zero") {
    report r;
    CHECK(r.json("m", 1, "")["tokens_per_second"] == 0);
    CHECK(r.table().find("nan") == std::string::npos);
    r.tokens.emplace_back(7u, 40.0, 39.0);
    const nlohmann::json j = r.json("m", 1, "");
    CHECK(j["ms_per_token"]["count"] == 0);
    CHECK(j["link_share"] == 0);
    CHECK(r.table().find("(1 tokens, of which 0 ") != std::string::npos);
  }
}

}  // namespace
