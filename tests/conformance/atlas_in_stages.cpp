// SPDX-License-Identifier: Apache-2.0
//
// Atlas as a pipeline of one, two and three stages, over real links: the scores are the same, bit for
// bit, and the tokens are those of PyTorch (models/atlas/reference.json).
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/compute/cpu_f32.hpp>
#include <enfilade/model/atlas.hpp>
#include <enfilade/parts/embed.hpp>
#include <enfilade/parts/layers.hpp>
#include <enfilade/parts/lm_head.hpp>
#include <enfilade/parts/relay.hpp>
#include <enfilade/pipeline.hpp>
#include <enfilade/run/local_pipeline.hpp>
#include <enfilade/transport/loopback.hpp>

#include "support/test_data.hpp"
#include "unit/run/letters.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::answer;
using test::ids;

template <class Topology>
using of_atlas =
    typename Topology::template of<Atlas>::template with<AesGcm, insecure::Mock, CpuF32, Loopback>;

using One = of_atlas<Pipeline<Embed<Layers<0, 12>>, LmHead>>;
using Two = of_atlas<Pipeline<Embed<Layers<0, 6>>, Relay<Loopback>, Layers<6, 12>, LmHead>>;
using Three = of_atlas<Pipeline<Embed<Layers<0, 4>>, Relay<Loopback>, Layers<4, 8>, Relay<Loopback>,
                                Layers<8, 12>, LmHead>>;

const std::filesystem::path directory =
    std::filesystem::path{__FILE__}.parent_path().parent_path().parent_path() / "models" / "atlas";

struct question {
  explicit question(const nlohmann::json& one)
      : text(one["prompt"].get<std::string>()),
        prompt(one["prompt_ids"].get<ids>()),
        continuation(one["continuation_ids"].get<ids>()) {}
  std::string text;
  ids prompt;
  ids continuation;
};

std::vector<question> questions() {
  std::vector<question> all;
  for (const auto& one : nlohmann::json::parse(test::read_file(directory / "reference.json")))
    all.emplace_back(one);
  return all;
}

template <class Deployment>
asio::awaitable<void> ask_all(const local_pipeline<Deployment>& rooms,
                              const std::vector<question>& all, std::vector<answer>& by_ids,
                              std::vector<answer>& by_text) {
  auto model = co_await rooms.dial();
  for (std::size_t i = 0; i != all.size(); ++i) {
    const std::size_t most = all[i].continuation.size();
    co_await test::ask(model, test::scored(all[i].prompt, most), by_ids[i]);
    request text{all[i].text, most};
    co_await test::ask(model, std::move(text), by_text[i]);
  }
  co_await model.close();
}

struct answers {
  std::vector<answer> by_ids;
  std::vector<answer> by_text;
};

template <class Deployment>
answers answers_of(const std::vector<question>& all) {
  asio::io_context io{1};
  const local_pipeline<Deployment> rooms{io.get_executor(), directory};
  answers heard;
  heard.by_ids.resize(all.size());
  heard.by_text.resize(all.size());
  bool done = false;
  asio::co_spawn(io, ask_all(rooms, all, heard.by_ids, heard.by_text), [&](std::exception_ptr e) {
    CHECK(e == nullptr);
    done = true;
    io.stop();
  });
  io.run_for(std::chrono::minutes{4});
  CHECK(done);
  return heard;
}

TEST_SUITE("conformance/atlas_in_stages") {
  TEST_CASE("one, two and three stages answer alike, bit for bit, and as PyTorch does") {
    const std::vector<question> all = questions();
    REQUIRE_FALSE(all.empty());
    const answers one = answers_of<One>(all);
    const answers two = answers_of<Two>(all);
    const answers three = answers_of<Three>(all);
    for (std::size_t i = 0; i != all.size(); ++i) {
      CAPTURE(all[i].text);
      CHECK(one.by_ids[i].ended);
      CHECK(one.by_ids[i] == two.by_ids[i]);
      CHECK(one.by_ids[i] == three.by_ids[i]);
      CHECK(one.by_text[i].tokens == one.by_ids[i].tokens);
      CHECK(one.by_text[i] == two.by_text[i]);
      CHECK(one.by_text[i] == three.by_text[i]);
      // The pipeline stops where the model ends the text; the reference goes on.
      ids expected = all[i].continuation;
      if (one.by_ids[i].reason == done_reason::end_of_text)
        expected.resize(one.by_ids[i].tokens.size());
      CHECK(one.by_ids[i].tokens == expected);
    }
  }

  TEST_CASE("the capital of France is Paris") {
    std::vector<question> all = questions();
    const auto france = std::find_if(all.begin(), all.end(), [](const question& q) {
      return q.text == "The capital of France is";
    });
    REQUIRE(france != all.end());
    CHECK(answers_of<Two>({*france}).by_text[0].text.starts_with(" Paris"));
  }
}

}  // namespace
