// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/link.hpp>

#include "raw_peer.hpp"
#include "unit/transport/conversation.hpp"

#include <enfilade/transport/tcp.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::raw_peer;
using test::text_of;
using test::whole_message;

static_assert(!std::copyable<test::link> && !std::movable<test::link>, "a link stays where it is");

std::byte nth_byte(std::size_t i) { return static_cast<std::byte>(i * 31 + i / 256); }

/// Two links over a connection of transport `T`.
template <transport T>
struct two_links {
  using link_type = enfilade::link<typename T::stream, AesGcm>;

  explicit two_links(session_limits limits = {}) {
    const std::string any = T::name == "tcp" ? "tcp:127.0.0.1:0" : "loopback:two-links";
    typename T::listener door{io.get_executor(), *T::parse(any)};
    test::task dialling{io, dial(door.local(), limits)};
    test::task accepting{io, accept(door, limits)};
    test::run(io);
    REQUIRE(up);
    REQUIRE(down);
  }

  asio::io_context io;
  std::unique_ptr<link_type> up;
  std::unique_ptr<link_type> down;

 private:
  asio::awaitable<void> dial(typename T::endpoint at, session_limits limits) {
    auto stream = co_await T::dial(io.get_executor(), at);
    up = std::make_unique<link_type>(std::move(stream),
                                     test::known_session(link_end::upstream, limits), std::nullopt,
                                     "stage 1");
  }
  asio::awaitable<void> accept(typename T::listener& door, session_limits limits) {
    auto stream = co_await door.accept();
    down = std::make_unique<link_type>(std::move(stream),
                                       test::known_session(link_end::downstream, limits),
                                       std::nullopt, "stage 0");
  }
};

template <class Link>
asio::awaitable<void> send_texts(Link& from, std::vector<std::size_t> sizes) {
  for (const std::size_t size : sizes) {
    const std::span<std::byte> room = from.prepare(size);
    for (std::size_t i = 0; i != size; ++i) room[i] = nth_byte(i + size);
    co_await from.send(text_of(size));
  }
}

template <class Link>
asio::awaitable<void> expect_texts(Link& to, std::vector<std::size_t> sizes) {
  for (const std::size_t size : sizes) {
    const auto received = co_await to.receive();
    REQUIRE(received.has_value());
    CHECK(received->header == text_of(size));
    REQUIRE(received->payload.size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(received->payload.data()) % 64 == 0);
    bool same = true;
    for (std::size_t i = 0; i != size; ++i)
      same = same && received->payload[i] == nth_byte(i + size);
    CHECK_MESSAGE(same, size);
  }
}

template <class Link>
asio::awaitable<void> close(Link& from) {
  co_await from.close();
}

template <class Link>
asio::awaitable<void> expect_goodbye(Link& to) {
  const auto received = co_await to.receive();
  CHECK_FALSE(received.has_value());
}

template <class Link>
asio::awaitable<void> send_one(Link& from, message_header header) {
  from.prepare(100);
  co_await from.send(header);
}

template <class Link>
asio::awaitable<void> receive_one(Link& to, bool& came) {
  const auto received = co_await to.receive();
  came = received.has_value();
}

/// All sizes at which something changes: nothing, a cache line, a row, a chunk and its neighbours,
/// more than one record may hold, the most that a message may hold.
const std::vector<std::size_t> sizes{0,
                                     1,
                                     64,
                                     3072,
                                     preferred_chunk - 65,
                                     preferred_chunk - 64,
                                     preferred_chunk - 63,
                                     2 * preferred_chunk - 64,
                                     300'000,
                                     max_record_body + 1,
                                     3 << 20,
                                     max_payload_size};

template <transport T>
void carries_messages_of_every_size() {
  two_links<T> both;
  test::task sending{both.io, send_texts(*both.up, sizes)};
  test::task receiving{both.io, expect_texts(*both.down, sizes)};
  test::run(both.io);
  CHECK(sending.error() == error_code{});
  CHECK(receiving.error() == error_code{});
}

TEST_SUITE("run/link") {
  TEST_CASE("messages of every size arrive as they were sent, aligned to 64 bytes") {
    SUBCASE("over Loopback") { carries_messages_of_every_size<Loopback>(); }
    SUBCASE("over Tcp") { carries_messages_of_every_size<Tcp>(); }
  }

  TEST_CASE("both ends send and receive at the same time, more than any socket holds") {
    two_links<Loopback> both;
    const std::vector<std::size_t> many(8, 1'000'000);
    test::task down_out{both.io, send_texts(*both.down, many)};
    test::task up_out{both.io, send_texts(*both.up, many)};
    test::task up_in{both.io, expect_texts(*both.up, many)};
    test::task down_in{both.io, expect_texts(*both.down, many)};
    test::run(both.io);
    for (const test::task* one : {&down_out, &up_out, &up_in, &down_in})
      CHECK(one->error() == error_code{});
  }

  TEST_CASE("a tensor is written where it is sent from, and viewed where it was received") {
    two_links<Loopback> both;
    message_header header;
    header.kind = message_kind::activation;
    header.dtype = message_dtype::f32;
    header.rank = 2;
    header.shape = {2, 3, 0, 0};
    header.payload_size = 24;
    const std::span<float> rows = both.up->prepare_as<float>(6);  // (2, 3)
    CHECK(reinterpret_cast<std::uintptr_t>(rows.data()) % 64 == 0);
    for (std::size_t i = 0; i != 6; ++i) rows[i] = static_cast<float>(i) / 2;
    test::task sending{both.io, [](auto& from, message_header h) -> asio::awaitable<void> {
                         co_await from.send(h);
                       }(*both.up, header)};
    test::task receiving{both.io, [](auto& to) -> asio::awaitable<void> {
                           const auto received = co_await to.receive();
                           REQUIRE(received.has_value());
                           const std::span<float> seen = received->template as<float>();
                           REQUIRE(seen.size() == 6);
                           CHECK(seen[5] == 2.5F);
                           seen[5] = 0;  // the receiver may compute in place
                         }(*both.down)};
    test::run(both.io);
    CHECK(sending.error() == error_code{});
    CHECK(receiving.error() == error_code{});
  }

  TEST_CASE("a goodbye is heard as the end, and not as a cut") {
    two_links<Loopback> both;
    test::task first{both.io, send_texts(*both.up, {5})};
    test::run_ready(both.io);
    test::task leaving{both.io, close(*both.up)};
    test::task receiving{both.io, expect_texts(*both.down, {5})};
    test::run_ready(both.io);
    test::task last{both.io, expect_goodbye(*both.down)};
    test::run(both.io);
    CHECK(leaving.error() == error_code{});
    CHECK(receiving.error() == error_code{});
    CHECK(last.error() == error_code{});
  }

  TEST_CASE("a long conversation changes its keys on the way, unnoticed") {
    session_limits few;
    few.rekey_records = 3;
    two_links<Loopback> both{few};
    const std::vector<std::size_t> many(40,
                                        200'000);  // two records each, so inside of messages too
    test::task sending{both.io, send_texts(*both.up, many)};
    test::task receiving{both.io, expect_texts(*both.down, many)};
    test::run(both.io);
    CHECK(sending.error() == error_code{});
    CHECK(receiving.error() == error_code{});
  }

  TEST_CASE("a key that is due is changed by a record of its own") {
    session_limits few;
    few.rekey_records = 2;
    raw_peer peer{few};
    const std::vector<std::size_t> three{1, 1, 1};
    test::task sending{peer.io, send_texts(*peer.end, three)};
    test::run(peer.io);
    std::vector<record_type> seen;
    for (int i = 0; i != 4; ++i) {
      std::array<std::byte, record_prefix_size> prefix{};
      asio::read(peer.there, asio::buffer(prefix));
      const auto header = decode(std::span{prefix}.first<record_header_size>());
      REQUIRE(header.has_value());
      test::bytes body(header->body_length);
      asio::read(peer.there, asio::buffer(body));
      seen.push_back(header->type);
    }
    CHECK(seen == std::vector<record_type>{record_type::message, record_type::message,
                                           record_type::rekey, record_type::message});
  }

  TEST_CASE("what is not a message of this end is not sent") {
    two_links<Loopback> both;
    message_header wrong = text_of(100);
    error_code expected = errc::frame_malformed;
    SUBCASE("a field that the kind does not use") { wrong.slot = 1; }
    SUBCASE("a shape that is not the payload's") { wrong.shape[0] = 99; }
    SUBCASE("a message longer than any peer accepts") {
      wrong = text_of(max_payload_size + 1);
      expected = errc::frame_too_large;
    }
    test::task sending{both.io, send_one(*both.up, wrong)};
    test::run(both.io);
    CHECK(sending.error() == expected);

    test::task after{both.io, send_texts(*both.up, {7})};
    test::task receiving{both.io, expect_texts(*both.down, {7})};
    test::run(both.io);
    CHECK_MESSAGE(receiving.error() == error_code{}, "nothing of it was on the wire");
  }

  TEST_CASE("a peer that is gone is noticed by sending") {
    raw_peer peer;
    peer.hang_up();
    const std::vector<std::size_t> enough(100, 100'000);
    test::task sending{peer.io, send_texts(*peer.end, enough)};
    test::run(peer.io);
    CHECK(sending.error() == errc::transport_closed);
  }

  TEST_CASE("giving a link up ends a receive that waits, and is no fault of the peer") {
    two_links<Loopback> both;
    bool came = false;
    test::task waiting{both.io, receive_one(*both.down, came)};
    test::run_ready(both.io);
    both.down->abandon();
    test::run(both.io);
    CHECK(waiting.error() == errc::transport_closed);
    test::task again{both.io, receive_one(*both.down, came)};
    test::run(both.io);
    CHECK(again.error() == errc::transport_closed);
    test::task other{both.io, receive_one(*both.up, came)};
    test::run(both.io);
    CHECK(other.error() == errc::frame_truncated);
    CHECK_FALSE(came);
  }

  TEST_CASE("a sign of life is no message") {
    raw_peer peer;
    peer.send(peer.record(record_type::heartbeat));
    peer.send(peer.message_record(9));
    peer.send(peer.record(record_type::heartbeat));
    peer.send(peer.record(record_type::close));
    const auto heard = peer.listen();
    CHECK(heard.payloads == std::vector<std::size_t>{9});
    CHECK(heard.closed);
  }

  TEST_CASE("a new key of the peer's is followed, between messages and inside of one") {
    raw_peer peer;
    peer.send(peer.message_record());
    peer.send(peer.record(record_type::rekey));
    test::bytes all = whole_message(text_of(128), 128);
    const test::bytes half(all.begin(), all.begin() + 128);
    const test::bytes rest(all.begin() + 128, all.end());
    peer.send(peer.record(record_type::message, half, flag_more));
    peer.send(peer.record(record_type::rekey));
    peer.send(peer.record(record_type::message, rest));
    const auto heard = peer.listen();
    CHECK(heard.payloads == std::vector<std::size_t>{100, 128});
    CHECK(heard.code == error_code{});
  }
}

TEST_SUITE("run/link, cut") {
  TEST_CASE("a stream that ends without a goodbye was cut, wherever that was") {
    raw_peer peer;
    const test::bytes record = peer.message_record();
    std::size_t keep = 0;
    SUBCASE("between two messages") { keep = 0; }
    SUBCASE("in the header") { keep = 7; }
    SUBCASE("in the tag") { keep = 20; }
    SUBCASE("after the prefix") { keep = record_prefix_size; }
    SUBCASE("one byte before the end") { keep = record.size() - 1; }
    peer.send(peer.seals.sequence() == 1 ? record : test::bytes{});
    peer.send(test::bytes(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(keep)));
    peer.hang_up();
    const auto heard = peer.listen();
    CHECK(heard.payloads.size() == 1);  // the whole one before
    CHECK(heard.code == (keep >= record_prefix_size ? errc::frame_replay : errc::frame_truncated));
    CHECK(heard.where == "the raw peer");
  }

  TEST_CASE("a message of which a chunk is missing at the end was cut") {
    raw_peer peer;
    peer.send(peer.record(record_type::message, whole_message(text_of(256), 64), flag_more));
    peer.hang_up();
    const auto heard = peer.listen();
    CHECK(heard.payloads.empty());
    CHECK(heard.code == errc::frame_truncated);
  }
}

/// What the link says of a record that somebody on the way has altered.
raw_peer::heard altered(std::size_t at, std::byte flipped) {
  raw_peer peer;
  test::bytes record = peer.message_record();
  record.at(at) ^= flipped;
  peer.send(record);
  peer.hang_up();
  return peer.listen();
}

TEST_SUITE("run/link, tampered with") {
  constexpr std::size_t sequence_at = 8;

  TEST_CASE("each altered field is refused by its own name, and nothing is delivered") {
    const auto refused_as = [](std::size_t at, std::byte bit, errc name) {
      CAPTURE(at);
      const auto heard = altered(at, bit);
      CHECK(heard.payloads.empty());
      CHECK(heard.code == name);
    };
    refused_as(0, std::byte{1}, errc::frame_truncated);     // a longer body, which never comes
    refused_as(3, std::byte{1}, errc::frame_too_large);     // 16 MiB in one record
    refused_as(4, std::byte{0x80}, errc::frame_malformed);  // a type that nobody knows
    refused_as(4, std::byte{6}, errc::frame_unexpected);    // evidence, long after the handshake
    refused_as(5, std::byte{1}, errc::frame_malformed);     // "more", but not a multiple of 64
    refused_as(5, std::byte{2}, errc::frame_malformed);     // a flag that nobody knows
    refused_as(6, std::byte{2}, errc::frame_bad_version);
    refused_as(sequence_at, std::byte{1}, errc::frame_out_of_order);
    refused_as(record_header_size, std::byte{1}, errc::crypto_auth_failed);        // the tag
    refused_as(record_prefix_size, std::byte{1}, errc::crypto_auth_failed);        // the body
    refused_as(record_prefix_size + 163, std::byte{1}, errc::crypto_auth_failed);  // its last byte
  }

  TEST_CASE("no flipped bit anywhere in a record goes unnoticed") {
    for (std::size_t at = 0; at != record_prefix_size + message_header_size + 100; ++at)
      for (unsigned bit = 0; bit < 8; bit += 3) {
        const auto heard = altered(at, std::byte{1} << bit);
        const bool refused = heard.payloads.empty() && !heard.closed && heard.code;
        if (!refused) FAIL_CHECK("byte " << at << ", bit " << bit);
      }
  }

  TEST_CASE("a shortened record is not authentic") {
    raw_peer peer;
    test::bytes record = peer.message_record();
    record[0] = static_cast<std::byte>(record.size() - record_prefix_size - 1);
    record.pop_back();
    peer.send(record);
    CHECK(peer.listen().code == errc::crypto_auth_failed);
  }

  TEST_CASE("a record that comes twice, late, or never is refused by its own name") {
    raw_peer peer;
    const test::bytes first = peer.message_record(1);
    const test::bytes second = peer.message_record(2);
    const test::bytes third = peer.message_record(3);
    peer.send(first);
    std::vector<std::size_t> before{1};
    errc name = errc::frame_out_of_order;
    SUBCASE("replayed") {
      peer.send(first);
      name = errc::frame_replay;
    }
    SUBCASE("replayed later") {
      peer.send(second);
      peer.send(first);
      before.push_back(2);
      name = errc::frame_replay;
    }
    SUBCASE("dropped") { peer.send(third); }
    SUBCASE("overtaken") {
      peer.send(third);
      peer.send(second);
    }
    const auto heard = peer.listen();
    CHECK(heard.payloads == before);
    CHECK(heard.code == name);
  }

  TEST_CASE("an old record under a new number is not authentic") {
    raw_peer peer;
    test::bytes first = peer.message_record(1);
    peer.send(first);
    first[sequence_at] = std::byte{1};
    peer.send(first);
    const auto heard = peer.listen();
    CHECK(heard.payloads.size() == 1);
    CHECK(heard.code == errc::crypto_auth_failed);
  }

  TEST_CASE("a record sent back to its sender is not authentic") {
    raw_peer peer;
    test::task sending{peer.io, send_texts(*peer.end, {100})};
    test::run(peer.io);
    test::bytes own(record_prefix_size + message_header_size + 100);
    asio::read(peer.there, asio::buffer(own));
    peer.send(own);
    CHECK(peer.listen().code == errc::crypto_auth_failed);
  }

  TEST_CASE("a forged goodbye is not one") {
    raw_peer peer;
    test::bytes goodbye = peer.record(record_type::close);
    goodbye[record_header_size] ^= std::byte{1};
    peer.send(goodbye);
    const auto heard = peer.listen();
    CHECK_FALSE(heard.closed);
    CHECK(heard.code == errc::crypto_auth_failed);
  }

  TEST_CASE("one altered chunk spoils its whole message") {
    raw_peer peer;
    test::bytes all = whole_message(text_of(128), 128);
    const test::bytes half(all.begin(), all.begin() + 128);
    const test::bytes rest(all.begin() + 128, all.end());
    peer.send(peer.record(record_type::message, half, flag_more));
    test::bytes last = peer.record(record_type::message, rest);
    last.back() ^= std::byte{1};
    peer.send(last);
    const auto heard = peer.listen();
    CHECK(heard.payloads.empty());
    CHECK(heard.code == errc::crypto_auth_failed);
  }

  TEST_CASE("after an error the link is dead in both directions, and keeps its first reason") {
    raw_peer peer;
    test::bytes record = peer.message_record();
    record.back() ^= std::byte{1};
    peer.send(record);
    peer.send(peer.message_record());
    CHECK(peer.listen().code == errc::crypto_auth_failed);
    const auto again = peer.listen();
    CHECK(again.payloads.empty());
    CHECK(again.code == errc::crypto_auth_failed);
    test::task sending{peer.io, send_texts(*peer.end, {1})};
    test::run(peer.io);
    CHECK(sending.error() == errc::crypto_auth_failed);
  }
}

TEST_SUITE("run/link, cancelled") {
  TEST_CASE("a receive that is cancelled at any byte goes on there when it is called again") {
    raw_peer whole;
    const std::size_t size = whole.message_record(300).size();
    for (std::size_t arrived = 0; arrived != size; ++arrived) {
      CAPTURE(arrived);
      raw_peer peer;
      const test::bytes record = peer.message_record(300);
      peer.send({record.begin(), record.begin() + static_cast<std::ptrdiff_t>(arrived)});
      bool came = false;
      {
        test::task waiting{peer.io, receive_one(*peer.end, came)};
        test::run_ready(peer.io);
        waiting.stop.emit(asio::cancellation_type::terminal);
        test::run_ready(peer.io);
        REQUIRE(waiting.done);
        CHECK(waiting.error() == asio::error::operation_aborted);
      }
      peer.send({record.begin() + static_cast<std::ptrdiff_t>(arrived), record.end()});
      const auto heard = peer.listen();
      CHECK(heard.payloads == std::vector<std::size_t>{300});
    }
  }

  TEST_CASE("R1: a send that is cancelled in the middle leaves nothing to go on with") {
    raw_peer peer;
    const std::vector<std::size_t> more_than_a_socket_holds{8'000'000};
    test::task sending{peer.io, send_texts(*peer.end, more_than_a_socket_holds)};
    test::run_ready(peer.io);
    REQUIRE_FALSE(sending.done);
    sending.stop.emit(asio::cancellation_type::terminal);
    test::run_ready(peer.io);
    REQUIRE(sending.done);
    CHECK(sending.error());
    test::task again{peer.io, send_texts(*peer.end, {1})};
    test::run_ready(peer.io);
    CHECK(again.error() == errc::transport_closed);
    test::task leaving{peer.io, close(*peer.end)};
    test::run_ready(peer.io);
    CHECK_MESSAGE(leaving.error() == errc::transport_closed, "not even a goodbye");
  }

  TEST_CASE("a sender that waits for its turn and is cancelled has harmed nobody") {
    raw_peer peer;
    const std::vector<std::size_t> much{3'000'000};
    test::task first{peer.io, send_texts(*peer.end, much)};
    test::run_ready(peer.io);
    REQUIRE_FALSE(first.done);
    test::task second{peer.io, close(*peer.end)};
    test::run_ready(peer.io);
    second.stop.emit(asio::cancellation_type::terminal);
    test::run_ready(peer.io);
    for (test::bytes sink(1 << 20); !first.done; test::run_ready(peer.io))
      asio::read(peer.there, asio::buffer(sink, peer.there.available()));
    CHECK(first.error() == error_code{});
    CHECK(second.error() == asio::error::operation_aborted);
  }
}

TEST_SUITE("run/link, a peer with the keys that does not behave") {
  raw_peer::heard said(record_type type, test::bytes body, std::uint8_t flags = 0) {
    raw_peer peer;
    peer.send(peer.record(type, std::move(body), flags));
    peer.hang_up();
    return peer.listen();
  }

  TEST_CASE("authentic nonsense is refused") {
    message_header header = text_of(10);
    errc name = errc::frame_malformed;
    std::size_t size = 10;
    SUBCASE("a kind that nobody knows") { header.kind = static_cast<message_kind>(99); }
    SUBCASE("a type of element that nobody knows") { header.dtype = static_cast<message_dtype>(9); }
    SUBCASE("a shape that is not the payload's") { header.shape[0] = 11; }
    SUBCASE("more payload than announced") { size = 11; }
    SUBCASE("less payload than announced") { size = 9; }
    SUBCASE("a payload that no message may have") {
      header = text_of(max_payload_size + 1);
      name = errc::frame_too_large;
    }
    SUBCASE("16 MiB announced, and nothing of it sent") {
      header = text_of(max_payload_size);
      size = 0;
    }
    const auto heard = said(record_type::message, whole_message(header, size));
    CHECK(heard.payloads.empty());
    CHECK(heard.code == name);
  }

  TEST_CASE("a message must begin with a whole header") {
    CHECK(said(record_type::message, test::bytes(63)).code == errc::frame_malformed);
  }

  TEST_CASE("records of a handshake have no place in a link") {
    CHECK(said(record_type::confirm, test::bytes(confirm_size)).code == errc::frame_unexpected);
    CHECK(said(record_type::hello, test::bytes(hello_size)).code == errc::frame_unexpected);
  }

  TEST_CASE("a goodbye inside a message is not a clean end") {
    raw_peer peer;
    peer.send(peer.record(record_type::message, whole_message(text_of(256), 64), flag_more));
    peer.send(peer.record(record_type::close));
    const auto heard = peer.listen();
    CHECK_FALSE(heard.closed);
    CHECK(heard.code == errc::frame_unexpected);
  }

  TEST_CASE("a message without end is stopped at 16 MiB") {
    raw_peer peer;
    test::task receiving{
        peer.io, [](test::link& to) -> asio::awaitable<void> { co_await to.receive(); }(*peer.end)};
    test::bytes first =
        whole_message(text_of(max_payload_size), max_record_body - message_header_size);
    const test::bytes chunk(max_record_body);
    std::size_t sent = 0;
    test::task sending{
        peer.io,
        [](raw_peer& from, test::bytes begin, test::bytes next,
           std::size_t& count) -> asio::awaitable<void> {
          test::bytes body = begin;
          for (; count != 20; ++count) {
            const test::bytes one = from.record(record_type::message, body, flag_more);
            co_await asio::async_write(from.there, asio::buffer(one), asio::use_awaitable);
            body = next;
          }
        }(peer, first, chunk, sent)};
    test::run_ready(peer.io);
    CHECK(receiving.error() == errc::frame_too_large);
    CHECK(sent < 19);
    peer.end->abandon();
    test::run(peer.io);
  }
}

}  // namespace
