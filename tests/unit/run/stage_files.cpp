// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/stage_files.hpp>

#include "letters.hpp"
#include "support/failure_of.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace {

using namespace enfilade;
using test::Two;

TEST_SUITE("run/stage_files") {
  TEST_CASE("a stage attests its program and exactly the weights that it loaded") {
    using engine = stage_engine<Two::stage<1>>;
    const engine loaded{engine::model_type::load(test::letters())};
    const judged<claims> measured = measure(*own_attester(loaded, std::nullopt, expectations{}));
    REQUIRE(measured.has_value());
    CHECK(measured->attester == "mock");
    REQUIRE(measured->find("weights") != nullptr);
    CHECK(*measured->find("weights") == Measurement{loaded.weights_digest()});
    REQUIRE(measured->find("plan") != nullptr);
    CHECK(*measured->find("plan") == Measurement{Two::plan_digest()});
    REQUIRE(measured->find("binary") != nullptr);
    CHECK(*measured->find("binary") == *detail::own_binary());
    CHECK_MESSAGE(measured->find("next") == nullptr, "it is the last one");
    CHECK_MESSAGE(measured->find("tokenizer") == nullptr, "it has none");
  }

  TEST_CASE("a stage attests its tokenizer, and what it demands of the next stage") {
    using engine = stage_engine<Two::stage<0>>;
    const engine loaded{engine::model_type::load(test::letters())};
    const auto words = load_tokenizer(test::letters());
    const auto shown = [&](const expectations& of_next) {
      return *measure(*own_attester(loaded, words, of_next));
    };
    registers pins;
    pins.emplace_back("weights", Measurement{std::array<std::byte, 2>{}});
    const claims anyone = shown(expectations::anyone());
    const claims strict = shown(*expectations::pinned("mock", pins));
    REQUIRE(strict.find("tokenizer") != nullptr);
    CHECK(*strict.find("tokenizer") == Measurement{words->digest()});
    REQUIRE(strict.find("next") != nullptr);
    CHECK(*strict.find("next") == *shown(*expectations::pinned("mock", pins)).find("next"));
    CHECK_FALSE(*strict.find("next") == *anyone.find("next"));
    CHECK_FALSE(*strict.find("next") == *shown(expectations{}).find("next"));
    CHECK_FALSE(*anyone.find("next") == *shown(expectations{}).find("next"));
  }

  TEST_CASE("a directory's tokenizer is loaded, in either form; without one there is none") {
    test::temporary_directory model;
    CHECK_FALSE(load_tokenizer(model.path()));
    test::write_file(model.path() / "tokenizer.json", test::small_tokenizer().dump());
    const auto words = load_tokenizer(model.path());
    REQUIRE(words);
    CHECK(*words->encode("ab") == test::ids{'a', 'b'});

    std::filesystem::remove(model.path() / "tokenizer.json");
    test::write_file(model.path() / "vocab.json", test::small_tokenizer()["model"]["vocab"].dump());
    test::write_file(model.path() / "merges.txt", "#version: 0.2\n");
    const auto older = load_tokenizer(model.path());
    REQUIRE(older);
    CHECK(*older->encode("ab") == test::ids{'a', 'b'});
  }

  TEST_CASE("a tokenizer that is damaged is not the same as none") {
    test::temporary_directory model;
    test::write_file(model.path() / "tokenizer.json", "{\"version\": \"1.0\"");
    const test::failure_of damaged([&] { load_tokenizer(model.path()); });
    CHECK(damaged.code == errc::model_tokenizer_invalid);
    CHECK(damaged.says("tokenizer.json"));
    std::filesystem::remove(model.path() / "tokenizer.json");
    test::write_file(model.path() / "vocab.json", "{}");
    const test::failure_of half([&] { load_tokenizer(model.path()); });
    CHECK(half.code == errc::model_tokenizer_invalid);
  }
}

}  // namespace
