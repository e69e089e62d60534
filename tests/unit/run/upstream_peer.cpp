// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/upstream_peer.hpp>

#include <enfilade/run/step.hpp>

#include "raw_peer.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using peer = upstream_peer<test::socket, AesGcm>;

/// A stage's view of its upstream neighbour, and that neighbour.
struct neighbours {
  neighbours() {
    test::socket here{io};
    test::socket there{io};
    asio::local::connect_pair(here, there);
    auto down = std::make_unique<test::link>(
        std::move(here), test::known_session(link_end::downstream), std::nullopt, "client");
    stage = std::make_unique<peer>(io.get_executor(), std::move(down));
    up = std::make_unique<test::link>(std::move(there), test::known_session(link_end::upstream),
                                      std::nullopt, "stage 0");
  }

  asio::io_context io;
  std::unique_ptr<peer> stage;
  std::unique_ptr<test::link> up;
};

struct received {
  message_header header;
  std::string text;
};

asio::awaitable<void> receive(test::link& from, std::vector<received>& all, std::size_t count) {
  while (all.size() != count) {
    const auto told = co_await from.receive();
    REQUIRE(told.has_value());
    const auto chars = told->as<char>();
    received one;
    one.header = told->header;
    one.text.assign(chars.begin(), chars.end());
    all.push_back(std::move(one));
  }
}

asio::awaitable<void> send_token(peer& to, std::uint64_t id, std::string text) {
  message_header header;
  header.kind = message_kind::token;
  header.dtype = message_dtype::u8;
  header.rank = 1;
  header.value = id;
  header.shape[0] = static_cast<std::uint32_t>(text.size());
  header.payload_size = text.size();
  co_await to.send(header, std::as_bytes(std::span{text.data(), text.size()}));
}

TEST_SUITE("run/upstream_peer") {
  TEST_CASE_FIXTURE(neighbours, "senders take turns, so that no message lies inside another") {
    std::vector<std::unique_ptr<test::task>> sending;
    for (unsigned i = 0; i != 20; ++i)
      sending.push_back(std::make_unique<test::task>(
          io, send_token(*stage, i, std::string(200'000, static_cast<char>('a' + i)))));
    std::vector<received> all;
    test::task receiving{io, receive(*up, all, 20)};
    test::run(io);
    REQUIRE(all.size() == 20);
    for (unsigned i = 0; i != 20; ++i) {
      CHECK(all[i].header.value == i);
      CHECK(all[i].text == std::string(200'000, static_cast<char>('a' + i)));
    }
  }

  TEST_CASE_FIXTURE(neighbours, "a failure tells cause, stage, slot, request and place") {
    test::task sending{io, stage->send_failure(3, 9, errc::stage_overloaded, 2, "stage 2")};
    std::vector<received> all;
    test::task receiving{io, receive(*up, all, 1)};
    test::run(io);
    REQUIRE(all.size() == 1);
    const message_header& header = all[0].header;
    CHECK(header.kind == message_kind::failure);
    CHECK(header.value == static_cast<std::uint64_t>(errc::stage_overloaded));
    CHECK(header.stage == 2);
    CHECK(header.slot == 3);
    CHECK(header.request == 9);
    CHECK(all[0].text == "stage 2");
  }

  TEST_CASE_FIXTURE(neighbours,
                    "a place that is too long is cut, and one that is none is allowed") {
    const std::string endless(10'000, 'x');
    test::task first{io, stage->send_failure(0, 1, errc::internal, 0, endless)};
    test::task second{io, stage->send_failure(0, 1, errc::internal, 0, "")};
    std::vector<received> all;
    test::task receiving{io, receive(*up, all, 2)};
    test::run(io);
    REQUIRE(all.size() == 2);
    CHECK(all[0].text == std::string(max_failure_text, 'x'));
    CHECK(all[1].text.empty());
  }

  TEST_CASE_FIXTURE(neighbours, "what the rooms below have shown is sent as it is, also nothing") {
    const std::string entries(100'000, 'e');
    test::task first{io, stage->send_rooms(7, std::as_bytes(std::span{entries}))};
    test::task second{io, stage->send_rooms(8, {})};
    std::vector<received> all;
    test::task receiving{io, receive(*up, all, 2)};
    test::run(io);
    REQUIRE(all.size() == 2);
    CHECK(all[0].header.kind == message_kind::room_evidence);
    CHECK(all[0].header.request == 7);
    CHECK(all[0].text == entries);
    CHECK(all[1].header.request == 8);
    CHECK(all[1].text.empty());
  }

  TEST_CASE_FIXTURE(neighbours, "the end of an answer says why it ended") {
    test::task sending{io, stage->send_done(4, done_reason::end_of_text)};
    std::vector<received> all;
    test::task receiving{io, receive(*up, all, 1)};
    test::run(io);
    REQUIRE(all.size() == 1);
    CHECK(all[0].header.kind == message_kind::done);
    CHECK(all[0].header.request == 4);
    CHECK(all[0].header.value == static_cast<std::uint64_t>(done_reason::end_of_text));
  }

  TEST_CASE_FIXTURE(neighbours, "a peer that left is an error to whoever sends, and to the next") {
    up->abandon();
    const std::string text(500'000, 'x');
    test::task first{io, send_token(*stage, 1, text)};
    test::task second{io, send_token(*stage, 2, text)};
    test::run(io);
    CHECK(first.error() == errc::transport_closed);
    CHECK(second.error() == errc::transport_closed);
  }
}

}  // namespace
