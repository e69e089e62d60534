// SPDX-License-Identifier: Apache-2.0

// The formula of docs/guide/deploy.md: what a peer costs before it is known, and what a link keeps.
// Counted by the allocator of the C library, so only without sanitizers.

#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/pulse.hpp>
#include <enfilade/transport/loopback.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/handshake.hpp>

#include "support/captured.hpp"
#include "unit/run/handshakes.hpp"
#include "unit/run/raw_peer.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <boost/asio/detached.hpp>

#include <malloc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using stream = Loopback::stream;

constexpr std::size_t kilobyte = 1024;

/// Bytes that the program has allocated and not given back.
std::size_t in_use() {
  const auto all = ::mallinfo2();
  return all.uordblks + all.hblkhd;
}

/// A door behind which every peer does its handshake, and then nothing.
struct hall {
  using deployment = test::one_link<>;
  link_terms<deployment> terms = test::downstream_terms(test::expect('u'));

  asio::awaitable<void> serve(stream peer, visitor<stream> who) {
    auto with = co_await establish<test::link>(std::move(peer), terms, "peer", std::move(who));
    while (true) {
      const std::optional<message> said = co_await with->receive();
      if (!said) break;
    }
  }
};

/// Says hello as a peer must, hears the answer, announces the longest evidence, and sends none.
asio::awaitable<void> announce(asio::any_io_executor executor, Loopback::endpoint at,
                               std::vector<stream>& left) {
  stream to = co_await Loopback::dial(executor, at);
  {
    const auto terms = test::upstream_terms(expectations::anyone());
    handshake<AesGcm> shake{terms.parameters()};
    while (true) {
      const handshake_step step = shake.next();
      if (step.what == handshake_step::action::write)
        co_await asio::async_write(to, asio::buffer(step.output.data(), step.output.size()),
                                   asio::use_awaitable);
      else if (step.what == handshake_step::action::read)
        co_await asio::async_read(to, asio::buffer(step.input.data(), step.input.size()),
                                  asio::use_awaitable);
      else if (step.what == handshake_step::action::verify)
        shake.accept();
      else
        break;  // `attest`: it is this end's turn to show evidence
    }
  }
  record_header header;
  header.type = record_type::evidence;
  header.body_length = max_evidence_body;
  std::array<std::byte, record_prefix_size> prefix{};
  encode(header, std::span{prefix}.first<record_header_size>());
  co_await asio::async_write(to, asio::buffer(prefix), asio::use_awaitable);
  left.push_back(std::move(to));
}

TEST_SUITE("load/memory") {
  // 64 KiB of evidence, 18 KiB of keys (Crypto++ keeps 4.6 KiB for each of the four GCM objects of
  // two directions), 8 KiB of coroutines and the handshake itself.
  TEST_CASE("a stranger who announces the longest evidence costs 96 KiB at most") {
    constexpr std::size_t count = 64;
    admission_limits limits;
    limits.strangers = count;
    limits.handshakes_at_once = count;
    asio::io_context io{1};
    Loopback::listener door{io.get_executor(), *Loopback::parse("loopback:memory")};
    hall server;
    accept_loop loop{io.get_executor(), door, server, "hall", limits};
    asio::co_spawn(io, loop.run(), asio::detached);
    std::vector<stream> left;
    left.reserve(count + 1);
    const auto knock = [&](std::size_t peers) {
      for (std::size_t i = 0; i != peers; ++i) {
        const std::size_t before = left.size();
        asio::co_spawn(io, announce(io.get_executor(), door.local(), left), asio::detached);
        const auto give_up = std::chrono::steady_clock::now() + 10s;
        io.restart();
        while (left.size() == before && std::chrono::steady_clock::now() < give_up)
          io.run_one_for(100ms);
        REQUIRE(left.size() == before + 1);
        io.restart();
        io.poll();
      }
    };
    knock(1);  // what is allocated once and for all
    const std::size_t before = in_use();
    knock(count - 1);
    const std::size_t each = (in_use() - before) / (count - 1);
    MESSAGE("bytes for a stranger: ", each);
    CHECK(loop.strangers() == count);
    CHECK(each > max_evidence_body);
    CHECK(each <= max_evidence_body + 32 * kilobyte);
    const test::captured on_stderr{stderr};
    left.clear();
    door.close();
    test::run(io);
    CHECK(loop.strangers() == 0);
  }

  TEST_CASE("a link gives the memory of a long message back") {
    asio::io_context io{1};
    stream here{io};
    stream there{io};
    asio::local::connect_pair(here, there);
    const auto up = std::make_shared<test::link>(
        std::move(here), test::known_session(link_end::upstream), std::nullopt, "down");
    const auto down = std::make_shared<test::link>(
        std::move(there), test::known_session(link_end::downstream), std::nullopt, "up");
    std::size_t heard = 0;
    asio::co_spawn(
        io,
        [](std::shared_ptr<test::link> from, std::size_t& count) -> asio::awaitable<void> {
          while (true) {
            const std::optional<message> said = co_await from->receive();
            if (!said) break;
            ++count;
          }
        }(down, heard),
        asio::detached);
    const auto say = [&](std::size_t size) {
      const auto room = up->prepare(size);
      std::fill(room.begin(), room.end(), std::byte{1});
      test::task sending{io, up->send(test::text_of(size))};
      const std::size_t so_far = heard;
      const auto give_up = std::chrono::steady_clock::now() + 10s;
      io.restart();
      while ((heard == so_far || !sending.done) && std::chrono::steady_clock::now() < give_up)
        io.run_one_for(100ms);
      REQUIRE(sending.done);
      REQUIRE(heard == so_far + 1);
    };
    constexpr std::size_t small = 3072;
    constexpr std::size_t large = 4096 * kilobyte;
    say(small);
    const std::size_t at_rest = in_use();
    say(large);
    CHECK(in_use() + 16 * kilobyte >=
          at_rest + 2 * large);  // both ends, instead of a small one each

    SUBCASE("after some small messages, at both ends") {
      for (unsigned i = 0; i != detail::aligned_buffer::patience; ++i) say(small);
      say(small);
      CHECK(in_use() <= at_rest + 2 * 64 * kilobyte);
    }
    SUBCASE("with the first heartbeat, at the end that listens") {
      link_limits often;
      often.heartbeat = 10ms;
      asio::co_spawn(io, keep_pulse(std::weak_ptr<test::link>{up}, often), asio::detached);
      io.restart();
      io.run_for(200ms);
      CHECK(in_use() <= at_rest + large + 64 * kilobyte);
    }
    up->abandon();
    down->abandon();
    io.restart();
    io.run_for(100ms);
  }
}

}  // namespace
