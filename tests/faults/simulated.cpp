// SPDX-License-Identifier: Apache-2.0
#include "support/simulated.hpp"

#include "rooms.hpp"
#include "support/faulty.hpp"

#include <doctest/doctest.h>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

// The tools of this folder, tested before they test.

namespace {

using namespace test;
using namespace std::chrono_literals;
using clock_type = virtual_clock;

static_assert(enfilade::transport<faulty<simulated>>);
static_assert(enfilade::transport<faulty<enfilade::Loopback>>);
static_assert(std::same_as<enfilade::clock_of<simulated::stream>, virtual_clock>);
static_assert(std::same_as<enfilade::clock_of<faulty<simulated>::stream>, virtual_clock>);

struct talk {
  std::string heard;
  enfilade::error_code ended;
  clock_type::time_point at;
  bool over = false;
};

asio::awaitable<void> listen(simulated::listener& door, talk& t) {
  auto stream = co_await door.accept();
  auto all = asio::dynamic_buffer(t.heard);
  co_await asio::async_read(stream, all, asio::redirect_error(asio::use_awaitable, t.ended));
  t.at = clock_type::now();
  t.over = true;
}

asio::awaitable<void> say(asio::any_io_executor executor, simulated::endpoint at, std::string text,
                          enfilade::error_code& failed) {
  auto stream = co_await simulated::dial(executor, at);
  co_await asio::async_write(stream, asio::buffer(text),
                             asio::redirect_error(asio::use_awaitable, failed));
  stream.shutdown_send();
  std::array<char, 1> nothing;
  enfilade::error_code ended;
  co_await asio::async_read(stream, asio::buffer(nothing),
                            asio::redirect_error(asio::use_awaitable, ended));
}

talk carried(network& world, const std::string& text) {
  simulated::listener door{world.io.get_executor(), simulated::endpoint{"a"}};
  talk t;
  enfilade::error_code failed;
  asio::co_spawn(world.io, listen(door, t), asio::detached);
  asio::co_spawn(world.io, say(world.io.get_executor(), door.local(), text, failed),
                 asio::detached);
  world.run_until([&] { return t.over; }, clock_type::now() + 1h);
  return t;
}

TEST_CASE("bytes arrive in order, however they are split and delayed") {
  network world{7};
  world.sky = {10ms, 2s, 2, 0};
  std::string text;
  for (int i = 0; i != 100'000; ++i) text.push_back(static_cast<char>('a' + i % 23));
  const talk t = carried(world, text);
  CHECK(t.over);
  CHECK(t.ended == asio::error::eof);
  CHECK_MESSAGE((t.heard == text), "all of it, in order");
  CHECK(t.at.time_since_epoch() > 10ms);
}

TEST_CASE("each mishap does to the bytes what it says") {
  using kind = mishap::kind;
  const auto with = [](mishap what) {
    network world{1};
    world.fate = [what](const network::connection&, std::size_t side) {
      return side == 0 ? what : mishap{};
    };
    return carried(world, "0123456789");
  };
  CHECK(with({}).heard == "0123456789");
  CHECK(with({kind::half_close, 4, {}}).heard == "0123");
  CHECK(with({kind::half_close, 4, {}}).ended == asio::error::eof);
  CHECK(with({kind::cut, 4, {}}).ended == asio::error::connection_reset);
  const talk vanished = with({kind::black_hole, 4, {}});
  CHECK(vanished.heard.starts_with("0123"));
  CHECK_FALSE(vanished.over);
  CHECK(with({kind::flip, 4, {}}).heard ==
        std::string{"0123"} + static_cast<char>('4' ^ 16) + "56789");
  const talk frozen = with({kind::freeze, 4, 20min});
  CHECK(frozen.heard == "0123456789");
  CHECK(frozen.at.time_since_epoch() >= 20min);
}

TEST_CASE("a timer rings at its moment, and not when it was given up") {
  network world{1};
  std::string order;
  asio::basic_waitable_timer<virtual_clock> late{world.io.get_executor(), 2s};
  asio::basic_waitable_timer<virtual_clock> soon{world.io.get_executor(), 1s};
  const auto note = [&](char who) {
    return [&order, who](const enfilade::error_code& failed) {
      order.push_back(who);
      order.push_back(failed == asio::error::operation_aborted ? '!' : '.');
    };
  };
  late.async_wait(note('l'));
  soon.async_wait(note('s'));
  world.run_for(500ms);
  CHECK(order.empty());
  soon.expires_after(5s);
  soon.async_wait(note('t'));
  world.run_for(10s);
  CHECK(order == "s!l.t.");
  CHECK(clock_type::now().time_since_epoch() == 10500ms);
}

std::uint64_t log_of_a_visit(std::uint64_t seed) {
  const captured quiet{stderr};
  network world{seed};
  world.sky = {5ms, 800ms, 3, 0};
  const rooms<two_rooms<simulated>> building{world.io.get_executor()};
  visit seen;
  request question{some_prompt(), 3};
  asio::co_spawn(world.io, pay_a_visit(building, std::move(question), seen), asio::detached);
  world.run_until([&] { return seen.over; }, clock_type::now() + 10min);
  CHECK_MESSAGE(seen.succeeded(), seen.told());
  return world.log();
}

TEST_CASE("the same seed gives the same events at the same times, another seed others") {
  CHECK(log_of_a_visit(1) == log_of_a_visit(1));
  CHECK(log_of_a_visit(2) == log_of_a_visit(2));
  CHECK(log_of_a_visit(1) != log_of_a_visit(2));
}

}  // namespace
