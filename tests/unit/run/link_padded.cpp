// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/padded.hpp>
#include <enfilade/run/link.hpp>

#include "raw_peer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::text_of;

using padded = Padded<AesGcm, 1024>;
using padded_link = enfilade::link<test::socket, padded>;

/// A padding link, and the socket and keys of its peer.
struct observed {
  observed() {
    test::socket here{io};
    asio::local::connect_pair(here, there);
    end = std::make_unique<padded_link>(
        std::move(here),
        session<padded>{test::known_direction<padded>(link_end::downstream),
                        test::known_direction<padded>(link_end::upstream)},
        std::nullopt, "the peer");
  }

  /// The plaintexts of the records that a message of `size` bytes, all 0x77, travels in.
  std::vector<test::bytes> records_of(std::size_t size) {
    test::task sending{io, send(*end, size)};
    test::run_ready(io);
    CHECK(sending.error() == error_code{});
    std::vector<test::bytes> records;
    for (auto& [type, plaintext] : test::arrived_records(there, opens))
      records.push_back(std::move(plaintext));
    return records;
  }

  std::vector<std::size_t> lengths_of(std::size_t size) {
    std::vector<std::size_t> lengths;
    for (const test::bytes& record : records_of(size)) lengths.push_back(record.size());
    return lengths;
  }

  /// What the link makes of a message that the peer sealed: its payload's size, or why there is
  /// none.
  error_code hears(const test::bytes& body, std::optional<std::size_t>& size) {
    asio::write(there, asio::buffer(test::sealed_record(seals, record_type::message, body)));
    test::task receiving{io, receive(*end, size)};
    test::run_ready(io);
    REQUIRE(receiving.done);
    return receiving.error();
  }

  static asio::awaitable<void> send(padded_link& from, std::size_t size) {
    const std::span<std::byte> room = from.prepare(size);
    std::fill(room.begin(), room.end(), std::byte{0x77});
    co_await from.send(text_of(size));
  }
  static asio::awaitable<void> receive(padded_link& from, std::optional<std::size_t>& size) {
    const auto received = co_await from.receive();
    if (received) size = received->payload.size();
  }

  asio::io_context io;
  test::socket there{io};
  std::unique_ptr<padded_link> end;
  detail::direction<padded> seals = test::known_direction<padded>(link_end::upstream);
  detail::direction<padded> opens = test::known_direction<padded>(link_end::downstream);
};

/// A whole message of `size` bytes of text, and zeros up to `padded_to`.
test::bytes message(std::size_t size, std::size_t padded_to) {
  test::bytes all = test::whole_message(text_of(size), size);
  all.resize(padded_to);
  return all;
}

TEST_SUITE("run/link with a padded cipher") {
  TEST_CASE("messages of every length up to the padding look alike") {
    observed peer;
    std::set<std::vector<std::size_t>> seen;
    for (const std::size_t size : {0U, 1U, 3U, 500U, 959U, 960U})
      seen.insert(peer.lengths_of(size));
    CHECK(seen == std::set<std::vector<std::size_t>>{{1024}});
    CHECK(peer.lengths_of(961) == std::vector<std::size_t>{2048});
  }

  TEST_CASE("long messages are padded as a whole, not chunk by chunk") {
    observed peer;
    const std::size_t half = (preferred_chunk + padded::padding) / 2;
    CHECK(peer.lengths_of(preferred_chunk) == std::vector<std::size_t>{half, half});
  }

  TEST_CASE("nothing of an earlier message is in the padding of a later one") {
    observed peer;
    peer.records_of(900);
    const std::vector<test::bytes> shorter = peer.records_of(10);
    REQUIRE(shorter.size() == 1);
    const auto padding = shorter[0].begin() + message_header_size + 10;
    CHECK(*(padding - 1) == std::byte{0x77});
    CHECK(std::all_of(padding, shorter[0].end(), [](std::byte b) { return b == std::byte{0}; }));
  }

  TEST_CASE("what was padded arrives as it was sent") {
    observed peer;
    std::optional<std::size_t> size;
    CHECK(peer.hears(message(10, 1024), size) == error_code{});
    CHECK(size == 10);
    CHECK(peer.hears(message(2000, 3072), size) == error_code{});
    CHECK(size == 2000);
  }

  TEST_CASE("padding that is not as it must be is refused") {
    observed peer;
    std::optional<std::size_t> size;
    test::bytes body = message(100, 1024);
    SUBCASE("none") { body = message(100, 164); }
    SUBCASE("too little") { body = message(100, 1023); }
    SUBCASE("too much") { body = message(100, 2048); }
    SUBCASE("its first byte is not zero") { body[164] = std::byte{1}; }
    SUBCASE("its last byte is not zero") { body[1023] = std::byte{1}; }
    CHECK(peer.hears(body, size) == errc::frame_malformed);
    CHECK_FALSE(size);
  }
}

}  // namespace
