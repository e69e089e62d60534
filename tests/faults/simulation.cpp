// SPDX-License-Identifier: Apache-2.0
#include "simulated_day.hpp"
#include "support/campaign.hpp"

#include <enfilade/cipher/plain.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>

// Thousands of days, each another seed. One that failed is seen again, event by event, with
//   ENFILADE_SEED=<seed> faults --source-file='*/faults/simulation.cpp'

namespace {

using namespace test;

// The longest chain of waits: to dial stage 0 and its handshake, or for stage 0 to do the same with
// stage 1, and then for a silence to be noticed at each link.
constexpr auto longest_operation = 10s + 10s + 6s + 6s;

void check_day(simulated_day<>& day, std::uint64_t seed, campaign& count) {
  INFO("replay: ENFILADE_SEED=" << seed << " faults --source-file='*/faults/simulation.cpp'");
  count.tried();
  bool good = day.storm();
  CHECK_MESSAGE(good, "an operation does not end");
  for (const auto& one : day.guests()) {
    const bool well = one->ended_well() && one->longest <= longest_operation;
    CHECK_MESSAGE(well, one->code.message()
                            << " " << one->nameless << (one->wrong ? ", a wrong answer" : "")
                            << ", " << one->longest / 1ms << " ms");
    good = good && well;
  }
  day.clear_up();
  for (const auto& one : day.late_guests()) {
    const bool served = one->over && one->answered == 1 && !one->wrong && !one->code;
    CHECK_MESSAGE(served, (std::string{"after the storm: "} + one->told()));
    good = good && served;
  }
  const std::size_t open = day.world().open_ends();
  CHECK_MESSAGE(open == 2, "only the link between the stages stays");
  const std::size_t seen = shown(day.world(), secrets());
  CHECK_MESSAGE(seen == 0, "secrets travelled in clear");
  CHECK_MESSAGE(day.early() == 0, "records of the application before the handshake was over");
  const std::size_t repeated = seal_log::current().repeated;
  CHECK_MESSAGE(repeated == 0, "a nonce was used twice under one key");
  if (good && open == 2 && seen == 0 && day.early() == 0 && repeated == 0) count.refused();
}

TEST_CASE("whatever a network does: no plaintext, no nonce twice, right answers, and an end") {
  const bool replay = std::getenv("ENFILADE_SEED") != nullptr && !long_campaigns();
  std::optional<captured> quiet;
  if (!replay) quiet.emplace(stderr);
  campaign count{"faults.simulation"};
  const std::uint64_t days = replay ? 1 : effort(2000, 500'000);
  std::size_t answered = 0;
  std::size_t failed = 0;
  for (std::uint64_t i = 0; i != days; ++i) {
    const std::uint64_t seed = count.seed() + i;
    simulated_day<> day{seed, replay};
    check_day(day, seed, count);
    for (const auto& one : day.guests()) {
      answered += one->answered;
      failed += one->code ? 1 : 0;
    }
  }
  CHECK(count.tries() == count.refusals());
  // A storm in which nothing fails is none, and one in which nobody is answered shows nothing.
  if (days >= 20) CHECK(answered > days / 4);
  if (days >= 20) CHECK(failed > days / 4);
}

TEST_CASE("a day repeats itself: the same seed, the same events at the same times") {
  const captured quiet{stderr};
  for (std::uint64_t seed = 1; seed != 11; ++seed) {
    CAPTURE(seed);
    std::uint64_t logs[2];
    for (std::uint64_t& log : logs) {
      simulated_day<> day{seed};
      day.storm();
      day.clear_up();
      log = day.world().log();
    }
    CHECK(logs[0] == logs[1]);
  }
}

TEST_CASE("who watches sees plaintext where there is any") {
  const captured quiet{stderr};
  simulated_day<insecure::Plain> day{3};
  day.clear_up();
  CHECK(shown(day.world(), secrets()) > 5);
}

TEST_CASE("who watches notices an application that speaks before its time, and a nonce twice") {
  network world{1};
  const auto executor = world.io.get_executor();
  const auto on = world.connect(executor, executor, "nowhere");
  const auto write = [](network::way& way, record_type type) {
    record_header header;
    header.type = type;
    header.body_length = type == record_type::confirm ? confirm_size : 64;
    std::array<std::byte, record_prefix_size> prefix{};
    encode(header, std::span{prefix}.first<record_header_size>());
    way.written.insert(way.written.end(), prefix.begin(), prefix.end());
    way.written.resize(way.written.size() + header.body_length);
  };
  write(on->down, record_type::confirm);
  write(on->up, record_type::confirm);
  CHECK_FALSE(speaks_too_early(*on, 0));
  write(on->down, record_type::message);
  CHECK(speaks_too_early(*on, 0));
  on->up.read = on->up.written.size();
  CHECK_FALSE(speaks_too_early(*on, 0));
  CHECK_FALSE(speaks_too_early(*on, 1));
  on->down.written.clear();
  write(on->down, record_type::message);
  CHECK(speaks_too_early(*on, 0));

  seal_log::current() = {};
  const Key<32> key;
  const std::array<std::byte, 12> iv{};
  observed<AesGcm> cipher{key, iv};
  std::array<std::byte, 16> tag;
  cipher.seal(1, {}, {}, tag);
  cipher.seal(2, {}, {}, tag);
  CHECK(seal_log::current().repeated == 0);
  observed<AesGcm> again{key, iv};
  again.seal(2, {}, {}, tag);
  CHECK(seal_log::current().repeated == 1);
}

}  // namespace
