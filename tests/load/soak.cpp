// SPDX-License-Identifier: Apache-2.0

// One link that is used without a pause: it rekeys often, and nothing grows.

#include <enfilade/run/link.hpp>
#include <enfilade/run/pulse.hpp>

#include "support/campaign.hpp"
#include "unit/run/raw_peer.hpp"

#include <doctest/doctest.h>

#include <boost/asio/detached.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::socket;

constexpr std::uint64_t records_of_a_key = 400;

/// Kilobytes of this process in memory.
std::size_t resident() {
  std::ifstream status{"/proc/self/status"};
  std::string word;
  while (status >> word)
    if (word == "VmRSS:") {
      std::size_t kilobytes = 0;
      status >> kilobytes;
      return kilobytes;
    }
  return 0;
}

std::size_t descriptors() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// A session that must rekey: a key for one record more than is due would end it.
session_limits tight() {
  session_limits limits;
  limits.rekey_records = records_of_a_key;
  limits.last_records = records_of_a_key + 1;
  return limits;
}

std::byte turned(std::byte b, std::uint64_t request) {
  return b ^ static_cast<std::byte>(request * 37);
}

/// Mostly the size of a token, sometimes of a prompt, rarely of a long one in many chunks.
std::size_t size_of(std::mt19937_64& random) {
  const std::uint64_t kind = random() % 1000;
  if (kind == 0) return std::size_t{1} << 20;
  if (kind < 20) return 1 + random() % (std::size_t{64} << 10);
  return 1 + random() % 4000;
}

/// Says every message back with each byte turned.
asio::awaitable<void> answer(std::shared_ptr<test::link> to) {
  while (true) {
    const std::optional<message> asked = co_await to->receive();
    if (!asked) break;
    const std::uint64_t request = asked->header.request;
    const auto room = to->prepare(asked->payload.size());
    std::ranges::transform(asked->payload, room.begin(),
                           [request](std::byte b) { return turned(b, request); });
    co_await to->send(asked->header);
  }
}

struct account {
  std::uint64_t right = 0;
  std::vector<std::size_t> memory;  // ten samples or more, evenly
  std::size_t most_descriptors = 0;
  std::size_t least_descriptors = SIZE_MAX;
};

asio::awaitable<void> ask(std::shared_ptr<test::link> of, std::uint64_t count, std::uint64_t seed,
                          account& kept) {
  std::mt19937_64 random{seed};
  for (std::uint64_t request = 1; request <= count; ++request) {
    const std::size_t size = size_of(random);
    const auto first = static_cast<std::byte>(random());
    message_header header = test::text_of(size);
    header.request = request;
    std::ranges::fill(of->prepare(size), first);
    co_await of->send(header);
    const std::optional<message> told = co_await of->receive();
    const std::byte wanted = turned(first, request);
    if (told && told->header == header && told->payload.size() == size &&
        std::ranges::all_of(told->payload, [wanted](std::byte b) { return b == wanted; }))
      ++kept.right;
    if (request % (count / 40) != 0) continue;
    kept.memory.push_back(resident());
    kept.most_descriptors = std::max(kept.most_descriptors, descriptors());
    kept.least_descriptors = std::min(kept.least_descriptors, descriptors());
  }
  co_await of->close();
}

TEST_SUITE("load/soak") {
  TEST_CASE("a link that rekeys a hundred times and more answers right, and nothing grows") {
    test::campaign campaign{"load.soak"};
    const std::uint64_t count = test::effort(400'000, 40'000'000);
    asio::io_context io{1};
    socket here{io};
    socket there{io};
    asio::local::connect_pair(here, there);
    auto up = std::make_shared<test::link>(
        std::move(here), test::known_session(link_end::upstream, tight()), std::nullopt, "down");
    auto down = std::make_shared<test::link>(
        std::move(there), test::known_session(link_end::downstream, tight()), std::nullopt, "up");
    link_limits often;
    often.heartbeat = std::chrono::milliseconds{20};
    often.silence = std::chrono::seconds{5};
    asio::co_spawn(io, keep_pulse(std::weak_ptr<test::link>{up}, often), asio::detached);
    asio::co_spawn(io, keep_pulse(std::weak_ptr<test::link>{down}, often), asio::detached);
    account kept;
    asio::co_spawn(io, answer(std::move(down)), asio::detached);
    test::task asking{io, ask(std::move(up), count, campaign.seed(), kept)};
    io.run();
    REQUIRE(asking.done);
    CHECK(asking.error() == error_code{});
    CHECK(kept.right == count);
    campaign.tried(count);
    campaign.refused(kept.right);  // of what could go wrong with them

    // Each way carried `count` records at the least, and no key more than so many.
    const std::uint64_t rekeys = 2 * (count / (records_of_a_key + 1));
    MESSAGE("at least ", rekeys, " rekeys");
    if (test::fast_build) CHECK(rekeys >= 100);

    CHECK(kept.most_descriptors == kept.least_descriptors);
    REQUIRE(kept.memory.size() >= 40);
    // Medians, since a sample may fall into one of the rare long messages, whose memory is given back.
    const auto median = [](std::vector<std::size_t> of) {
      std::ranges::sort(of);
      return of[of.size() / 2];
    };
    const auto quarter = static_cast<std::ptrdiff_t>(kept.memory.size() / 4);
    const std::size_t early = median({kept.memory.begin(), kept.memory.begin() + quarter});
    const std::size_t late = median({kept.memory.end() - quarter, kept.memory.end()});
    MESSAGE("resident: ", early, " kB in the first quarter, ", late, " kB in the last");
    if (test::fast_build) CHECK(late <= early + 1024);
  }
}

}  // namespace
