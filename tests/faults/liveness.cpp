// SPDX-License-Identifier: Apache-2.0
#include "linked.hpp"
#include "rooms.hpp"
#include "wire_watch.hpp"

#include <enfilade/wire/message.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <memory>

// What the campaigns of this folder found, each as one story: links that lived and could never
// again do anything.

namespace {

using namespace test;
using namespace std::chrono_literals;

// `link_limits::silence`, and a beat to notice.
constexpr auto noticed = 7s;

asio::awaitable<void> hear(link_type& from) { co_await from.receive(); }

asio::awaitable<void> say(link_type& to, std::size_t size) {
  const auto room = to.prepare(size);
  std::fill(room.begin(), room.end(), std::byte{1});
  message_header header;
  header.kind = message_kind::generate;
  header.dtype = message_dtype::u8;
  header.rank = 1;
  header.shape[0] = static_cast<std::uint32_t>(size);
  header.payload_size = size;
  co_await to.send(header);
}

TEST_CASE("a length that was stretched on the way does not keep a link waiting for heartbeats") {
  network world{1};
  linked ends{world};
  REQUIRE((ends.up && ends.down));
  network::way& down = world.connections()[0]->down;
  // 100 bytes become thousands, which only heartbeats would ever fill.
  down.fate = {mishap::kind::flip, down.written.size() + 1, {}};
  ending heard;
  ending said;
  start(world, heard, hear(*ends.down));
  start(world, said, say(*ends.up, 100));
  CHECK(world.run_until([&] { return heard.over; }, virtual_clock::now() + noticed));
  CHECK(heard.code == errc::transport_timeout);
}

TEST_CASE("an end that cannot get rid of its record gives up, though it does not listen") {
  network world{1};
  linked ends{world};
  REQUIRE((ends.up && ends.down));
  world.connections()[0]->frozen_until = virtual_clock::time_point::max();
  ending said;
  start(world, said, say(*ends.up, 1'000'000));
  CHECK(world.run_until([&] { return said.over; }, virtual_clock::now() + noticed));
  CHECK(said.code == errc::transport_timeout);
}

TEST_CASE("a pulse goes on beating while its own heartbeat cannot leave") {
  network world{1};
  linked ends{world};
  REQUIRE((ends.up && ends.down));
  world.sky.window = 16;
  world.connections()[0]->frozen_until = virtual_clock::time_point::max();
  ending heard;
  start(world, heard, hear(*ends.up));
  CHECK(world.run_until([&] { return heard.over; }, virtual_clock::now() + noticed));
  CHECK(heard.code == errc::transport_timeout);
}

TEST_CASE("a peer that takes its time, and sends heartbeats, is not given up") {
  network world{1};
  linked ends{world};
  REQUIRE((ends.up && ends.down));
  ending heard;
  start(world, heard, hear(*ends.up));
  world.run_for(120s);
  CHECK_FALSE(heard.over);
  ending said;
  start(world, said, say(*ends.down, 100));
  CHECK(world.run_until([&] { return heard.over; }, virtual_clock::now() + noticed));
  CHECK_FALSE(heard.code);
}

TEST_CASE("requests that wait for a stage that does not answer fail together, not one by one") {
  const captured quiet{stderr};
  network world{1};
  constexpr std::size_t slots = 4;
  const rooms<two_rooms<simulated>> building{world.io.get_executor(), slots};
  // Who dials the stage below reaches somebody who never says a word. Clients are well.
  std::string stage_room;
  world.fate = [&](const network::connection& on, std::size_t) {
    if (stage_room.empty()) stage_room = on.room;  // the first that is dialled is stage 0's
    if (on.room == stage_room) return mishap{};
    return mishap{mishap::kind::black_hole, 0, {}};
  };
  visit seen[slots];
  for (visit& one : seen) {
    request question{some_prompt(), 1};
    asio::co_spawn(world.io, pay_a_visit(building, std::move(question), one), asio::detached);
  }
  world.run_for(5s);
  for (const visit& one : seen) CHECK_MESSAGE(one.code == errc::stage_lost, one.told());
}

}  // namespace
