// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/expectations_file.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace {

using namespace enfilade;
namespace fs = std::filesystem;

const claims stage_0{"mock",
                     {{"binary", Measurement{std::array{std::byte{0xAB}, std::byte{1}}}},
                      {"weights", Measurement{std::array{std::byte{2}}}}}};

constexpr std::string_view sample = R"({"enfilade": "expectations/1", "roles": {
  "stage 0": {"attester": "mock", "registers": {"binary": "ab01", "weights": "02"}},
  "client": "anyone"
}})";

/// Why the text is refused.
std::string complaint(std::string_view text, errc expected = errc::attest_expectations_invalid) {
  std::string reason;
  const auto parsed = expectations_file::parse(text, &reason);
  REQUIRE_MESSAGE(parsed.has_error(), text);
  CHECK(parsed.error() == expected);
  CHECK(expectations_file::parse(text).error() == expected);
  return reason;
}

/// A file whose one role is this JSON.
std::string stage_0_is(std::string_view entry) {
  return R"({"enfilade": "expectations/1", "roles": {"stage 0": )" + std::string{entry} + "}}";
}

TEST_SUITE("attest/expectations_file") {
  TEST_CASE("each role gets what stands beside its name") {
    const auto file = expectations_file::parse(sample);
    REQUIRE(file.has_value());
    REQUIRE(file->role("stage 0").has_value());
    CHECK(file->role("stage 0")->check(stage_0).has_value());
    CHECK(file->role("stage 0")->check(claims{"mock", {}}).has_error());
    REQUIRE(file->role("client").has_value());
    CHECK_FALSE(file->role("client")->demand_evidence());
  }

  TEST_CASE("a role that the file does not name is refused") {
    const auto file = expectations_file::parse(sample);
    REQUIRE(file.has_value());
    CHECK(file->role("stage 1").error() == errc::attest_expectations_empty);
    CHECK(file->role("").error() == errc::attest_expectations_empty);
    CHECK(expectations_file{}.role("client").error() == errc::attest_expectations_empty);
  }

  TEST_CASE("the neighbours of a stage are called") {
    CHECK(stage_role(0) == "stage 0");
    CHECK(stage_role(12) == "stage 12");
    CHECK(upstream_role(0) == "client");
    CHECK(upstream_role(2) == "stage 1");
  }

  TEST_CASE("what is written is read back") {
    const std::string text = expectations_json(
        {{stage_role(0), expectations::describe(stage_0)}, {"client", "\"anyone\""}});
    CHECK(text == std::string{sample} + "\n");
    const auto file = expectations_file::parse(text);
    REQUIRE(file.has_value());
    CHECK(file->role("stage 0")->check(stage_0).has_value());
    CHECK(expectations_file::parse(expectations_json({})).has_value());
  }

  TEST_CASE("hexadecimal is read in either case") {
    const auto file = expectations_file::parse(
        stage_0_is(R"({"attester": "mock", "registers": {"binary": "AB01"}})"));
    REQUIRE(file.has_value());
    CHECK(file->role("stage 0")->check(stage_0).has_value());
  }

  TEST_CASE("an entry without a register is refused as empty") {
    CHECK(complaint(stage_0_is(R"({"attester": "mock", "registers": {}})"),
                    errc::attest_expectations_empty) == "stage 0: no register is pinned");
  }

  TEST_CASE("what is not an expectations file is refused with the place and the reason") {
    CHECK(complaint("") == "not JSON at byte 1");
    CHECK(complaint("[]") == "the file: not an object");
    CHECK(complaint("{}") == "the file: no \"enfilade\"");
    CHECK(complaint(R"({"enfilade": "expectations/1"})") == "the file: no \"roles\"");
    CHECK(complaint(R"({"enfilade": "expectations/2", "roles": {}})") ==
          "not \"enfilade\": \"expectations/1\"");
    CHECK(complaint(R"({"enfilade": 1, "roles": {}})") == "not \"enfilade\": \"expectations/1\"");
    CHECK(complaint(R"({"enfilade": "expectations/1", "roles": []})") ==
          "\"roles\" is not an object");
    CHECK(complaint(R"({"enfilade": "expectations/1", "roles": {}, "more": 1})") ==
          "the file: an unknown key");
  }

  TEST_CASE("a role that no program has is refused, since a slip would never be looked up") {
    for (const char* role : {"stage", "stage ", "stage0", "stage  0", "stage 00", "stage 01",
                             "stage -1", "stage 1000", "Stage 0", "client ", "clients", ""})
      CHECK(complaint(R"({"enfilade": "expectations/1", "roles": {")" + std::string{role} +
                      R"(": "anyone"}})") == "a role is neither \"client\" nor \"stage N\"");
  }

  TEST_CASE("an entry that is not one is refused") {
    CHECK(complaint(stage_0_is("null")) == "stage 0: not an object");
    CHECK(complaint(stage_0_is("\"everyone\"")) == "stage 0: not an object");
    CHECK(complaint(stage_0_is("{}")) == "stage 0: no \"attester\"");
    CHECK(complaint(stage_0_is(R"({"attester": "mock"})")) == "stage 0: no \"registers\"");
    CHECK(complaint(stage_0_is(R"({"attester": 1, "registers": {"a": "00"}})")) ==
          "stage 0: \"attester\" is not a name");
    CHECK(complaint(stage_0_is(R"({"attester": "", "registers": {"a": "00"}})")) ==
          "stage 0: \"attester\" is not a name");
    CHECK(complaint(stage_0_is(R"({"attester": "mock", "registers": "00"})")) ==
          "stage 0: \"registers\" is not an object");
    CHECK(complaint(stage_0_is(R"({"attester": "mock", "registers": {"a": "00"}, "x": 1})")) ==
          "stage 0: an unknown key");
    CHECK(complaint(stage_0_is(R"({"attester": "mock", "registers": {"a b": "00"}})")) ==
          "stage 0: not a register's name");
  }

  TEST_CASE("an entry may hold every demand, and its canonical text is read back as the same") {
    const std::string entry =
        R"({"attester": "sev-snp", "registers": {"measurement": "ab"}, "allow": ["debug"], )"
        R"("deny": ["migration", "smt"], "at_least": {"guest_svn": 1, "tcb.snp": 4294967295}, )"
        R"("at_most": {"vmpl": 0}, "max_age": 3600, "strength": "signatures", )"
        R"("tcb_status": ["ConfigurationAndSWHardeningNeeded", "UpToDate"], )"
        R"("advisories": ["INTEL-SA-00289"]})";
    const auto file = expectations_file::parse(stage_0_is(entry));
    REQUIRE(file.has_value());
    CHECK(file->role("stage 0")->canonical() == entry);
    const std::string both =
        R"([{"attester": "mock", "registers": {"binary": "ab01"}}, )" + entry + "]";
    const auto alternatives = expectations_file::parse(stage_0_is(both));
    REQUIRE(alternatives.has_value());
    CHECK(alternatives->role("stage 0")->canonical() == both);
    CHECK(alternatives->role("stage 0")->check(stage_0).has_value());
    const auto collateral = expectations_file::parse(stage_0_is(
        R"({"attester": "tdx", "registers": {"mrtd": "ab"}, "strength": "collateral"})"));
    REQUIRE(collateral.has_value());
    CHECK(collateral->role("stage 0")->canonical().find(R"("strength": "collateral")") !=
          std::string::npos);
  }

  TEST_CASE("alternatives that are none are refused") {
    CHECK(complaint(stage_0_is("[]"), errc::attest_expectations_empty) ==
          "stage 0: an empty list of alternatives");
    CHECK(complaint(stage_0_is(R"(["anyone"])")) == "stage 0, alternative 1: not an object");
    CHECK(complaint(stage_0_is(R"([[]])")) == "stage 0, alternative 1: not an object");
    const std::string one = R"({"attester": "mock", "registers": {"a": "00"}})";
    CHECK(complaint(stage_0_is("[" + one + R"(, {"attester": "mock", "registers": {}}])"),
                    errc::attest_expectations_empty) ==
          "stage 0, alternative 2: no register is pinned");
    std::string many = one;
    for (int i = 1; i != 16; ++i) many += ", " + one;
    CHECK(expectations_file::parse(stage_0_is("[" + many + "]")).has_value());
    CHECK(complaint(stage_0_is("[" + many + ", " + one + "]")) ==
          "stage 0: more than 16 alternatives");
  }

  TEST_CASE("a demand that is not one is refused, and so is an empty one") {
    const auto with = [](const std::string& more) {
      return complaint(
          stage_0_is(R"({"attester": "mock", "registers": {"a": "00"}, )" + more + "}"));
    };
    for (const std::string key : {"allow", "deny", "tcb_status", "advisories"}) {
      const std::string place = "stage 0: " + key + ": ";
      for (const char* wrong : {"[]", "{}", "null", "\"debug\"", "1"})
        CHECK(with('"' + key + "\": " + wrong) == place + "not a list of 1 to 64 names");
      for (const char* wrong : {"[1]", "[null]", "[\"\"]", "[\"a b\"]", "[[\"debug\"]]"})
        CHECK(with('"' + key + "\": " + wrong) == place + "not a name");
      CHECK(with('"' + key + R"(": ["x", "y", "x"])") == place + "a name stands twice");
      std::string many;
      for (int i = 0; i != 65; ++i) many += (i ? ", \"n" : "\"n") + std::to_string(i) + '"';
      CHECK(with('"' + key + "\": [" + many + "]") == place + "not a list of 1 to 64 names");
    }
    for (const std::string key : {"at_least", "at_most"}) {
      const std::string place = "stage 0: " + key + ": ";
      for (const char* wrong : {"[]", "{}", "null", "1", "\"vmpl\""})
        CHECK(with('"' + key + "\": " + wrong) == place + "not an object of 1 to 64 numbers");
      CHECK(with('"' + key + R"(": {"a b": 1})") == place + "not a number's name");
      for (const char* wrong : {"-1", "1.0", "1e0", "4294967296", "\"1\"", "null", "true", "[1]"})
        CHECK(with('"' + key + R"(": {"vmpl": )" + wrong + "}") ==
              place + "vmpl: not a whole number of 0 to 4294967295");
    }
    for (const char* wrong : {"-1", "0.5", "4294967296", "\"60\"", "null", "[]", "{}"})
      CHECK(with(std::string{"\"max_age\": "} + wrong) ==
            "stage 0: max_age: not a whole number of 0 to 4294967295");
    for (const char* wrong : {"\"\"", "\"Collateral\"", "1", "null", "[\"collateral\"]"})
      CHECK(with(std::string{"\"strength\": "} + wrong) ==
            "stage 0: \"strength\" is neither \"signatures\" nor \"collateral\"");
    CHECK(with(R"("allow": ["debug"], "deny": ["smt", "debug"])") ==
          "stage 0: debug: allowed and denied");
    CHECK(with(R"("at_leest": {"vmpl": 1})") == "stage 0: an unknown key");
  }

  TEST_CASE("an entry has at most 32 registers") {
    std::string pins;
    for (int i = 0; i != 32; ++i) pins += (i ? ", \"r" : "\"r") + std::to_string(i) + "\": \"00\"";
    const auto of = [](const std::string& registers) {
      return stage_0_is(R"({"attester": "mock", "registers": {)" + registers + "}}");
    };
    CHECK(expectations_file::parse(of(pins)).has_value());
    CHECK(complaint(of(pins + R"(, "more": "00")")) == "stage 0: more than 32 registers");
  }

  TEST_CASE("a value that is not a measurement is refused") {
    const std::string wrong = "stage 0: a: not 1 to 64 bytes in hexadecimal";
    for (const char* value :
         {"\"\"", "\"0\"", "\"0g\"", "\"0x00\"", "\" 00\"", "1", "null", "[]", "{}"})
      CHECK(complaint(stage_0_is(R"({"attester": "mock", "registers": {"a": )" +
                                 std::string{value} + "}}")) == wrong);
    const auto of_size = [](std::size_t bytes) {
      return stage_0_is(R"({"attester": "mock", "registers": {"a": ")" +
                        std::string(2 * bytes, 'f') + "\"}}");
    };
    CHECK(expectations_file::parse(of_size(64)).has_value());
    CHECK(complaint(of_size(65)) == wrong);
  }

  TEST_CASE("a register or a role that is pinned twice is refused") {
    const std::string twice = "a key stands twice in one object";
    CHECK(complaint(stage_0_is(R"({"attester": "mock", "registers": {"a": "00", "a": "01"}})")) ==
          twice);
    CHECK(complaint(stage_0_is(R"("anyone", "stage 0": "anyone")")) == twice);
  }

  TEST_CASE("a deep or a long file is refused") {
    CHECK(complaint(std::string(100'000, '[')) == "deeper than 64 levels");
    CHECK(complaint(std::string((1 << 20) + 1, ' ')) == "longer than 1048576 bytes");
  }

  TEST_CASE("a file is loaded from disk, and its path stands in the complaint") {
    std::string name = (fs::temp_directory_path() / "enfilade-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    const fs::path path = fs::path{name} / "expect.json";
    const auto why = [](const fs::path& from) -> std::string {
      try {
        (void)expectations_file::load(from);
      } catch (const failure& e) {
        return e.where();
      }
      return "";
    };

    CHECK(why(path) == path.string() + ": cannot be read");
    CHECK(why(name) == name + ": cannot be read");
    std::ofstream{path} << sample;
    CHECK(expectations_file::load(path).role("client").has_value());
    std::ofstream{path} << "{";
    CHECK(why(path) == path.string() + ": not JSON at byte 2");
    std::ofstream{path} << "";
    CHECK(why(path) == path.string() + ": not JSON at byte 1");
    std::ofstream{path} << std::string((1 << 20) + 1, ' ');
    CHECK(why(path) == path.string() + ": longer than 1048576 bytes");
    fs::remove_all(name);
  }
}

}  // namespace
