// SPDX-License-Identifier: Apache-2.0
//
// Every way for a JSON document into the library, at each of its limits: one below, at it, one above.
// A document is judged while it is read; what is above a limit never becomes a tree.
#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/model/checkpoint.hpp>
#include <enfilade/model/config.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/model/safetensors.hpp>
#include <enfilade/model/tokenizer_files.hpp>

#include "support/campaign.hpp"
#include "support/random_model.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using detail::json_limits;

/// One way in: what it says of a document, and where in one a value may stand that it passes over
/// or complains of only after the limits were judged.
struct entry {
  std::string name;
  json_limits limits;
  std::function<void(const std::string&)> read;
  std::string before;  // `before` + value + `after` is a JSON object
  std::string after;
  std::size_t depth = 1;   // of objects around the value
  std::size_t values = 1;  // besides it
};

/// The complaint; empty where there is none.
std::string complaint(const entry& way, const std::string& text) {
  try {
    way.read(text);
  } catch (const failure& refused) {
    return refused.where();
  }
  return {};
}

/// Whether `way` finds `text` above a limit, which its complaint names.
bool exceeds(const entry& way, const std::string& text, const std::string& limit) {
  return complaint(way, text).find(limit) != std::string::npos;
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary};
  file << text;
}

std::vector<entry> ways_in(const std::filesystem::path& directory) {
  const auto from_file = [directory](const char* name, auto load) {
    return [=](const std::string& text) {
      write(directory / name, text);
      load(directory);
    };
  };
  const auto tokenizer = [](const std::filesystem::path& at) { tokenizer_files::load(at); };
  return {
      {"expectations file", expectations_file::limits,
       [](const std::string& text) {
         std::string reason;
         const auto parsed = expectations_file::parse(text, &reason);
         if (!parsed) throw failure(parsed.error(), reason);
       },
       R"({"x":)", "}"},
      {"expectations file on disk", expectations_file::limits,
       from_file("expect.json",
                 [](const auto& at) { expectations_file::load(at / "expect.json"); }),
       R"({"x":)", "}"},
      {"config.json", model_config::limits,
       [](const std::string& text) { model_config::check<Gpt2Small>(text, "config.json"); },
       R"({"x":)", "}"},
      {"config.json on disk", model_config::limits,
       from_file("config.json", [](const auto& at) { model_config::check<Gpt2Small>(at); }),
       R"({"x":)", "}"},
      {"safetensors header", safetensors_header::limits,
       [](const std::string& text) { safetensors_header::parse(text, 0, "file"); },
       R"({"__metadata__":{"x":)", "}}", 2, 2},
      {"index of shards", checkpoint::index_limits,
       from_file("model.safetensors.index.json", [](const auto& at) { checkpoint{at}; }),
       R"({"weight_map":{},"metadata":)", "}", 1, 2},
      {"tokenizer.json", tokenizer_files::limits,
       [](const std::string& text) { tokenizer_files::from_json(text); }, R"({"x":)", "}"},
      {"vocab.json", tokenizer_files::limits,
       [](const std::string& text) { tokenizer_files::from_vocab_and_merges(text, ""); },
       R"({"x":)", "}"},
      {"tokenizer_config.json", tokenizer_files::limits,
       from_file("tokenizer_config.json", tokenizer), R"({"x":)", "}"},
  };
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

/// An array that counts as `values` values, itself included.
std::string counted(std::size_t values) {
  std::string text = "[";
  for (std::size_t i = 1; i < values; ++i) text += i == 1 ? "0" : ",0";
  return text + "]";
}

/// Under sanitizers a document of millions of values takes half a minute.
bool affordable(std::size_t values) { return test::fast_build || values <= 100'000; }

TEST_SUITE("attack/json_limits") {
  TEST_CASE("depth, values and bytes of every JSON document are limited, and exactly there") {
    const test::temporary_directory directory;
    test::campaign figures{"json.limits"};
    const auto above = [&](const entry& way, const std::string& text, const std::string& limit) {
      figures.tried();
      const bool refused = exceeds(way, text, limit);
      figures.refused(refused);
      CHECK(refused);
    };
    for (const entry& way : ways_in(directory.path())) {
      CAPTURE(way.name);
      const auto document = [&](const std::string& value) {
        return way.before + value + way.after;
      };

      const std::string deeper = "deeper than " + std::to_string(way.limits.max_depth) + " levels";
      const std::size_t depth = way.limits.max_depth - way.depth;
      CHECK_FALSE(exceeds(way, document(nested(depth - 1)), deeper));
      CHECK_FALSE(exceeds(way, document(nested(depth)), deeper));
      above(way, document(nested(depth + 1)), deeper);
      above(way, document(nested(way.limits.max_bytes / 4)), deeper);
      above(way, document(std::string(way.limits.max_bytes / 2, '[')), deeper);

      const std::string more = "more than " + std::to_string(way.limits.max_values) + " values";
      if (affordable(way.limits.max_values)) {
        const std::size_t values = way.limits.max_values - way.values;
        CHECK_FALSE(exceeds(way, document(counted(values - 1)), more));
        CHECK_FALSE(exceeds(way, document(counted(values)), more));
        above(way, document(counted(values + 1)), more);
      }

      // NUL bytes, which are refused without another look once the length is found to be right.
      const std::string longer = "longer than " + std::to_string(way.limits.max_bytes) + " bytes";
      const auto long_as = [&](std::size_t size) {
        std::string text = document("0");
        text.resize(size, '\0');
        return text;
      };
      CHECK_FALSE(exceeds(way, long_as(way.limits.max_bytes - 1), longer));
      CHECK_FALSE(exceeds(way, long_as(way.limits.max_bytes), longer));
      CHECK(exceeds(way, long_as(way.limits.max_bytes), "a NUL byte"));
      above(way, long_as(way.limits.max_bytes + 1), longer);
    }
    CHECK(figures.refusals() == figures.tries());
  }

  TEST_CASE("a header of safetensors names at most so many tensors") {
    if (!test::fast_build) return;
    const auto of = [](std::size_t count) {
      std::string text = "{";
      for (std::size_t i = 0; i != count; ++i)
        text += (i == 0 ? "\"" : ",\"") + std::to_string(i) +
                R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
      return entry{"",
                   {},
                   [](const std::string& json) { safetensors_header::parse(json, 0, "file"); },
                   text + "}",
                   ""};
    };
    const std::size_t most = safetensors_header::max_tensors;
    const auto said = [&](std::size_t count) {
      const entry way = of(count);
      return complaint(way, way.before);
    };
    CHECK(said(most - 1) == "");
    CHECK(said(most) == "");
    CHECK(said(most + 1) == "file: more tensors than allowed");
  }
}

}  // namespace
