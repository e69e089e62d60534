// SPDX-License-Identifier: Apache-2.0
#include <enfilade/model/stage_model.hpp>

#include <enfilade/compute/cpu_f32.hpp>

#include "support/failure_of.hpp"
#include "support/generated.hpp"
#include "support/random_model.hpp"
#include "support/tiny_models.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::failure_of;
using test::Small;

template <std::size_t First, std::size_t Last>
using stage = stage_model<Small, First, Last, First == 0, Last == Small::layers, CpuF32>;
using rows = std::vector<float>;

static_assert(std::movable<stage<0, 4>>);
template <class Stage>
concept embeds = requires(Stage s, rows r) {
  s.embed({}, 0, r);
};
template <class Stage>
concept has_head = requires(Stage s, rows r) {
  s.head(r, r);
};

static_assert(embeds<stage<0, 2>> && !embeds<stage<2, 4>>, "tokens reach the first stage only");
static_assert(has_head<stage<2, 4>> && !has_head<stage<0, 2>>, "logits leave the last stage only");

const std::vector<std::uint32_t> prompt{17, 500, 0, 3, 3, 77, 210, 9, 11, 499, 1, 2, 4};

struct files {
  test::temporary_directory directory;
  files() { test::write_random_model<Small>(directory.path()); }

  template <class Stage>
  Stage load(const load_options& options = {}) const {
    return Stage::load(directory.path(), options);
  }
};

rows embedded(auto& first, std::span<const std::uint32_t> ids, std::size_t position) {
  rows hidden(ids.size() * Small::hidden);
  first.embed(ids, position, hidden);
  return hidden;
}

// Logits after the prompt in one pass and after three more tokens, one by one, through all stages.
template <class... Stages>
std::vector<rows> answers(Stages... stages) {
  std::vector<rows> all;
  const auto through = [&](std::span<const std::uint32_t> ids, std::size_t position) {
    rows hidden = embedded(std::get<0>(std::tie(stages...)), ids, position);
    (stages.run(0, hidden, ids.size(), position), ...);
    rows logits(Small::vocab);
    std::get<sizeof...(Stages) - 1>(std::tie(stages...))
        .head(std::span{hidden}.last(Small::hidden), logits);
    all.push_back(logits);
  };
  through(prompt, 0);
  for (std::size_t i = 0; i != 3; ++i) {
    const auto next = static_cast<std::uint32_t>(argmax(all.back()));
    through({&next, 1}, prompt.size() + i);
  }
  return all;
}

// [begin, end) in the file of all mappings of it in this process.
std::vector<std::pair<std::uint64_t, std::uint64_t>> mapped_of(const std::filesystem::path& file) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    if (!line.ends_with(file.string())) continue;
    std::uint64_t begin = 0, end = 0, offset = 0;
    char dash = 0;
    std::string access;
    std::istringstream{line} >> std::hex >> begin >> dash >> end >> access >> offset;
    CHECK(access == "r--p");
    all.emplace_back(offset, offset + (end - begin));
  }
  return all;
}

TEST_SUITE("model/stage_model") {
  TEST_CASE_FIXTURE(files, "a model in stages has the bits of the model in one piece") {
    const auto whole = answers(load<stage<0, 4>>());
    CHECK(whole == answers(load<stage<0, 2>>(), load<stage<2, 4>>()));
    CHECK(whole == answers(load<stage<0, 1>>(), load<stage<1, 4>>()));
    CHECK(whole == answers(load<stage<0, 1>>(), load<stage<1, 3>>(), load<stage<3, 4>>()));
  }

  TEST_CASE_FIXTURE(files, "a sequence goes through a stage row by row or many rows at once") {
    //[one-stage
    using whole = stage_model<Small, 0, Small::layers, true, true, CpuF32>;
    auto model = whole::load(directory.path());

    model.start(0);                              // slot 0, empty
    rows hidden(prompt.size() * Small::hidden);  // (rows, hidden)
    model.embed(prompt, 0, hidden);              // token ids → hidden states
    model.run(0, hidden, prompt.size(), 0);      // all layers, in place
    rows logits(Small::vocab);                   // (vocab)
    model.head(std::span{hidden}.last(Small::hidden), logits);
    const std::size_t next = argmax(logits);
    model.release(0);  // keys and values are zeros now
    //]
    CHECK(next < Small::vocab);
    CHECK(logits == answers(load<stage<0, 4>>()).front());
  }

  TEST_CASE_FIXTURE(files, "stages of the embedding and of the head alone do their part") {
    using embedding = stage_model<Small, 0, 0, true, false, CpuF32>;
    using layers = stage_model<Small, 0, 4, false, false, CpuF32>;
    using head = stage_model<Small, 4, 4, false, true, CpuF32>;
    CHECK(answers(load<stage<0, 4>>()) == answers(load<embedding>(), load<layers>(), load<head>()));
  }

  TEST_CASE_FIXTURE(files, "mapped, copied and sharded weights give the same bits") {
    const auto mapped = answers(load<stage<0, 4>>());
    load_options options;
    options.storage = weight_storage::copied;
    CHECK(answers(load<stage<0, 4>>(options)) == mapped);
    const test::temporary_directory sharded;
    test::write_random_model<Small>(sharded.path(), {.shards = 5});
    CHECK(answers(stage<0, 4>::load(sharded.path())) == mapped);
  }

  TEST_CASE_FIXTURE(files, "two threads give what one gives, within rounding") {
    load_options options;
    options.threads = 2;
    const auto one = answers(load<stage<0, 4>>());
    const auto two = answers(load<stage<0, 4>>(options));
    for (std::size_t i = 0; i != one.size(); ++i)
      CHECK(test::largest_difference(one[i], two[i]) < 1e-5);
  }

  TEST_CASE_FIXTURE(files, "a stage has no page of another stage's tensors in its memory") {
    const std::filesystem::path file = directory.path() / "model.safetensors";
    const weight_file opened{file};
    REQUIRE(mapped_of(file).empty());
    const auto second = load<stage<2, 4>>();
    const auto mapped = mapped_of(file);
    REQUIRE(!mapped.empty());

    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::size_t own = 0, foreign = 0;
    for (const test::generated_tensor& t : test::gpt2_tensors<Small>()) {
      const auto* tensor = opened.header().find(t.name);
      const std::uint64_t begin = opened.position_of(*tensor);
      const std::uint64_t end = begin + 4 * t.count();
      // Pages that hold nothing else; at its ends a tensor shares pages with its neighbours.
      const std::uint64_t first = (begin + page - 1) / page * page;
      const std::uint64_t last = end / page * page;
      const bool mine = t.name.starts_with("h.2.") || t.name.starts_with("h.3.") ||
                        t.name.starts_with("ln_f") || t.name == "wte.weight";
      CAPTURE(t.name);
      if (mine) {
        ++own;
        CHECK(std::ranges::any_of(
            mapped, [&](const auto& m) { return m.first <= begin && end <= m.second; }));
      } else if (first < last) {
        ++foreign;
        CHECK(std::ranges::none_of(
            mapped, [&](const auto& m) { return m.first < last && first < m.second; }));
      }
    }
    CHECK(own == 2 * 12 + 3);
    CHECK_MESSAGE(foreign >= 2 * 4, "or this test would show nothing");
  }

  TEST_CASE_FIXTURE(files, "slots do not see each other") {
    auto m = load<stage<0, 4>>();
    const rows start = embedded(m, prompt, 0);
    rows alone = start;
    m.run(0, alone, prompt.size(), 0);

    rows first = start, other = embedded(m, std::vector<std::uint32_t>{5, 6}, 0);
    m.start(0);
    m.run(0, std::span{first}.first(Small::hidden), 1, 0);
    m.run(1, other, 2, 0);
    m.run(0, std::span{first}.subspan(Small::hidden), prompt.size() - 1, 1);
    CHECK(test::largest_difference(first, alone) < 1e-5);
    CHECK(m.position(0) == prompt.size());
    CHECK(m.position(1) == 2);
  }

  TEST_CASE_FIXTURE(files, "a released slot begins anew") {
    auto m = load<stage<0, 4>>();
    //[slot
    rows fresh = embedded(m, prompt, 0);
    rows again = fresh;
    m.run(0, fresh, prompt.size(), 0);
    m.release(0);
    CHECK(m.position(0) == 0);
    m.start(0);
    m.run(0, again, prompt.size(), 0);
    CHECK(fresh == again);
    //]
  }

  TEST_CASE_FIXTURE(files, "a sequence may fill the context and not more") {
    auto m = load<stage<0, 4>>();
    rows hidden = embedded(m, std::vector<std::uint32_t>(Small::context, 7), 0);
    m.run(0, hidden, Small::context, 0);
    CHECK(m.position(0) == Small::context);
    rows one(Small::hidden);
    CHECK(failure_of{[&] { m.run(0, one, 1, Small::context); }}.code == errc::request_too_long);
    const std::vector<std::uint32_t> id{1};
    CHECK(failure_of{[&] { m.embed(id, Small::context, one); }}.code == errc::request_too_long);
  }

  TEST_CASE_FIXTURE(files, "what does not fit is refused and changes nothing") {
    auto m = load<stage<0, 4>>();
    rows hidden(2 * Small::hidden), logits(Small::vocab);
    const auto refuses = [&](auto action) {
      CHECK(failure_of{action}.code == errc::request_invalid);
      CHECK(m.position(0) == 0);
    };
    const std::vector<std::uint32_t> outside{3, Small::vocab};
    refuses([&] { m.embed(outside, 0, hidden); });
    refuses([&] { m.embed(std::span{outside}.first(1), 0, hidden); });
    refuses([&] { m.run(0, hidden, 2, 1); });
    refuses([&] { m.run(0, hidden, 1, 0); });
    refuses([&] { m.run(0, {}, 0, 0); });
    refuses([&] { m.head(hidden, logits); });
    refuses([&] { m.head(std::span{hidden}.first(Small::hidden), std::span{logits}.first(3)); });
    const auto too_long = [&](std::size_t rows_given, std::size_t position) {
      const failure_of found{[&] { m.run(0, hidden, rows_given, position); }};
      CHECK(found.code == errc::request_too_long);
    };
    too_long(std::size_t(-1), 0);
    too_long(2, std::size_t(-1));
    too_long(std::size_t(-1), 2);
  }

  TEST_CASE_FIXTURE(files, "as many slots as asked for") {
    load_options options;
    options.slots = 3;
    auto m = load<stage<2, 4>>(options);
    CHECK(m.slot_count() == 3);
    CHECK_THROWS_AS(m.start(3), std::out_of_range);
  }

  TEST_CASE_FIXTURE(files, "a directory of another model is refused before its weights are read") {
    const failure_of found{
        [&] { stage_model<test::Tiny, 0, 2, true, true, CpuF32>::load(directory.path()); }};
    CHECK(found.code == errc::model_config_mismatch);
    CHECK(found.says("n_layer: compiled 2, file says 4"));
  }
}

}  // namespace
