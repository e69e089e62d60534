// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/options.hpp>

#include "support/failure_of.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using enfilade::errc;
using enfilade::option;
using enfilade::options;
using test::failure_of;

const std::vector<option> known{
    option{"--listen", "ADDR", "where to listen"}, option{"--slots", "N", "how many"},
    option{"--measure", "", "print and end"}, option{"--certs", "FILE", "more", true}};

options parse(std::vector<const char*> words) {
  words.insert(words.begin(), "program");
  return options{static_cast<int>(words.size()), words.data(), known};
}

failure_of refused(std::vector<const char*> words) {
  return failure_of([&] { parse(std::move(words)); });
}

TEST_SUITE("run/options") {
  TEST_CASE("options come in any order, with and without a value") {
    const options given = parse({"--measure", "--slots", "3", "--listen", "tcp:a:1"});
    CHECK(given.has("--measure"));
    CHECK(given.require("--listen") == "tcp:a:1");
    CHECK(given.find("--slots") == "3");
    CHECK(given.number("--slots", 1, 1, 8) == 3);
  }

  TEST_CASE("what is not given is absent, and a number has its default") {
    const options given = parse({});
    CHECK_FALSE(given.has("--measure"));
    CHECK_FALSE(given.find("--listen"));
    CHECK(given.number("--slots", 4, 1, 8) == 4);
  }

  TEST_CASE("a repeated option has all its values, in their order") {
    const options given = parse({"--certs", "b", "--slots", "3", "--certs", "a", "--certs", "b"});
    CHECK(given.all("--certs") == std::vector<std::string>{"b", "a", "b"});
    CHECK(given.find("--certs") == "b");
    CHECK(given.all("--slots") == std::vector<std::string>{"3"});
    CHECK(parse({}).all("--certs").empty());
  }

  TEST_CASE("a value may look like an option, and be empty") {
    CHECK(parse({"--listen", "--measure"}).require("--listen") == "--measure");
    CHECK(parse({"--listen", ""}).require("--listen").empty());
  }

  TEST_CASE("a wrong command line is refused, and the word is named") {
    const auto unknown = refused({"--lisen", "x"});
    CHECK(unknown.code == errc::usage);
    CHECK(unknown.says("'--lisen'"));
    CHECK(refused({"word"}).says("'word'"));
    CHECK(refused({"--listen=x"}).says("'--listen=x'"));
    CHECK(refused({""}).says("''"));
    CHECK(refused({"--slots", "1", "--slots", "2"}).says("--slots stands twice"));
    CHECK(refused({"--measure", "--measure"}).says("--measure stands twice"));
    CHECK(refused({"--listen"}).says("--listen needs ADDR"));
  }

  TEST_CASE("an option that is needed and missing is named") {
    const options given = parse({});
    const failure_of missing([&] { given.require("--listen"); });
    CHECK(missing.code == errc::usage);
    CHECK(missing.says("--listen is missing"));
  }

  TEST_CASE("a number is whole, decimal, and within its bounds") {
    for (const char* text : {"0", "9", "-1", "+1", "1.0", "1 ", " 1", "", "x", "0x1", "1e0",
                             "99999999999999999999999"}) {
      CAPTURE(text);
      const options given = parse({"--slots", text});
      const failure_of wrong([&] { given.number("--slots", 1, 1, 8); });
      CHECK(wrong.code == errc::usage);
      CHECK(wrong.says("--slots takes a whole number from 1 to 8"));
    }
    CHECK(parse({"--slots", "1"}).number("--slots", 4, 1, 8) == 1);
    CHECK(parse({"--slots", "8"}).number("--slots", 4, 1, 8) == 8);
  }

  TEST_CASE("the help names every option, in columns") {
    const std::string text = options::help("stage 0", "Serves.", known);
    CHECK(text ==
          "usage: stage 0 [options]\n"
          "Serves.\n"
          "\n"
          "  --listen ADDR    where to listen\n"
          "  --slots N        how many\n"
          "  --measure        print and end\n"
          "  --certs FILE...  more\n");
  }
}

}  // namespace
