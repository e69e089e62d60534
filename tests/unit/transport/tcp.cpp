// SPDX-License-Identifier: Apache-2.0
#include <enfilade/transport/tcp.hpp>

#include <doctest/doctest.h>

#include "conversation.hpp"

#include <string>

namespace {

using enfilade::Tcp;
namespace asio = enfilade::asio;

static_assert(enfilade::transport<Tcp>);
static_assert(!std::is_aggregate_v<Tcp::endpoint>, "g++ 12 miscompiles temporary aggregates");

const Tcp::endpoint anywhere{"127.0.0.1", 0};

TEST_SUITE("transport/tcp") {
  TEST_CASE("carries bytes both ways") { test::carries_bytes_both_ways<Tcp>(anywhere); }
  TEST_CASE("carries bytes between threads") { test::carries_bytes_between_threads<Tcp>(anywhere); }
  TEST_CASE("carries bytes over IPv6") {
    test::carries_bytes_both_ways<Tcp>(Tcp::endpoint{"::1", 0});
  }
  TEST_CASE("accept ends when it is cancelled") { test::accept_ends_when_cancelled<Tcp>(anywhere); }
  TEST_CASE("accept ends when its listener closes") {
    test::accept_ends_when_closed<Tcp>(anywhere);
  }
  TEST_CASE("accept ends when its listener is destroyed") {
    test::accept_ends_when_destroyed<Tcp>(anywhere);
  }
  TEST_CASE("a second listener at one address is refused") {
    test::second_listener_is_refused<Tcp>(anywhere);
  }

  TEST_CASE("a dial without a listener is refused, and says where") {
    asio::io_context io;
    std::uint16_t port = 0;
    {
      const Tcp::listener gone{io.get_executor(), anywhere};
      port = gone.local().port();
    }
    test::dial_without_a_listener_is_refused<Tcp>(Tcp::endpoint{"127.0.0.1", port});
  }

  TEST_CASE("a host name is resolved by both ends") {
    //[open-a-door
    asio::io_context io;
    Tcp::listener door{io.get_executor(), Tcp::endpoint{"localhost", 0}};
    CHECK(Tcp::format(door.local()) != "tcp:localhost:0");  // the real address and port
    //]
    std::string heard;
    test::task answering{io, test::echo<Tcp>(door)};
    const Tcp::endpoint named{"localhost", door.local().port()};
    test::task asking{io, test::converse<Tcp>(io.get_executor(), named, "by name", heard)};
    test::run(io);
    CHECK(asking.error() == enfilade::error_code{});
    CHECK(heard == "by name");
  }

  TEST_CASE("a host name that nobody bears is unreachable") {
    test::dial_without_a_listener_is_refused<Tcp>(Tcp::endpoint{"nobody.invalid", 7000});
  }

  TEST_CASE("a dial is cancelled while it resolves, without waiting for the resolver") {
    asio::io_context io;
    test::task asking{io, test::dial_only<Tcp>(io.get_executor(), Tcp::endpoint{"localhost", 7})};
    io.poll_one();  // spawned: the look-up has begun, its answer is not yet taken
    asking.stop.emit(asio::cancellation_type::terminal);
    test::run(io);
    CHECK(asking.error() == asio::error::operation_aborted);
  }

  TEST_CASE("a dial is cancelled while it connects") {
    asio::io_context io;
    // 192.0.2.0/24 is kept for documentation (RFC 5737): nobody answers there.
    const Tcp::endpoint nobody{"192.0.2.1", 7000};
    test::task asking{io, test::dial_only<Tcp>(io.get_executor(), nobody)};
    io.poll_one();
    asking.stop.emit(asio::cancellation_type::terminal);
    test::run(io);
    CHECK(asking.error() == asio::error::operation_aborted);
  }

  TEST_CASE("both ends send without delay") {
    asio::io_context io;
    Tcp::listener door{io.get_executor(), anywhere};
    bool dialled = false;
    bool accepted = false;
    test::task answering{io, [](Tcp::listener& from, bool& off) -> asio::awaitable<void> {
                           auto stream = co_await from.accept();
                           asio::ip::tcp::no_delay option;
                           stream.get_option(option);
                           off = option.value();
                         }(door, accepted)};
    test::task asking{io, [](Tcp::listener& to, bool& off) -> asio::awaitable<void> {
                        auto stream =
                            co_await Tcp::dial(co_await asio::this_coro::executor, to.local());
                        asio::ip::tcp::no_delay option;
                        stream.get_option(option);
                        off = option.value();
                      }(door, dialled)};
    test::run(io);
    CHECK(dialled);
    CHECK(accepted);
  }

  TEST_CASE("a listener says which address a peer comes from, without its port") {
    const auto source_of = [](const Tcp::endpoint& at, const char* from) {
      asio::io_context io;
      Tcp::listener door{io.get_executor(), at};
      const auto own = asio::ip::make_address(from);
      Tcp::stream there{io};
      there.open(own.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6());
      there.bind({own, 0});
      there.connect({own, door.local().port()});
      std::uint64_t source = 1;
      test::task accepting{io, [](Tcp::listener& d, std::uint64_t& s) -> asio::awaitable<void> {
                             const auto stream = co_await d.accept();
                             s = d.source(stream);
                           }(door, source)};
      test::run(io);
      return source;
    };
    CHECK(source_of(Tcp::endpoint{"127.0.0.1", 0}, "127.0.0.1") == 0x7f000001);
    CHECK(source_of(Tcp::endpoint{"0.0.0.0", 0}, "127.1.2.3") == 0x7f010203);
    CHECK(source_of(Tcp::endpoint{"::1", 0}, "::1") == 0);  // of an IPv6 address, the network
  }

  TEST_CASE("an address that is not this machine's cannot be listened at") {
    asio::io_context io;
    CHECK(test::error_of([&] {
            Tcp::listener door{io.get_executor(), Tcp::endpoint{"192.0.2.1", 0}};
          }) == enfilade::errc::transport_address_invalid);
  }

  TEST_CASE("port 0 is for listening, not for dialling") {
    asio::io_context io;
    test::task asking{io, test::dial_only<Tcp>(io.get_executor(), anywhere)};
    test::run(io);
    CHECK(asking.error() == enfilade::errc::transport_address_invalid);
  }

  TEST_CASE("addresses are read and written") {
    test::parses_what_it_formats<Tcp>("tcp:127.0.0.1:7000", Tcp::endpoint{"127.0.0.1", 7000});
    test::parses_what_it_formats<Tcp>("tcp:[::1]:7000", Tcp::endpoint{"::1", 7000});
    test::parses_what_it_formats<Tcp>("tcp:[fe80::1%1]:1", Tcp::endpoint{"fe80::1%1", 1});
    test::parses_what_it_formats<Tcp>("tcp:localhost:65535", Tcp::endpoint{"localhost", 65535});
    test::parses_what_it_formats<Tcp>("tcp:stage-1.rooms.example:1",
                                      Tcp::endpoint{"stage-1.rooms.example", 1});
    test::parses_what_it_formats<Tcp>("tcp:stage_1:0", Tcp::endpoint{"stage_1", 0});
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + label.substr(0, 61);
    test::parses_what_it_formats<Tcp>("tcp:" + longest + ":1", Tcp::endpoint{longest, 1});
  }

  TEST_CASE("what is not an address is refused") {
    for (const char* text : {"",
                             "tcp",
                             "tcp:",
                             "tcp::",
                             "tcp::7000",
                             "tcp:host",
                             "tcp:host:",
                             "tcp:host:x",
                             "tcp:host:-1",
                             "tcp:host:+1",
                             "tcp:host: 1",
                             "tcp:host:1 ",
                             "tcp:host:65536",
                             "tcp:host:07000",
                             "tcp:host:99999999999999999999",
                             "tcp:host:0x10",
                             "tcp:host:1:2",
                             "TCP:host:1",
                             "unix:/host:1",
                             "tcp://host:1",
                             "tcp: host:1",
                             "tcp:ho st:1",
                             "tcp:ho\nst:1",
                             "tcp:1.2.3:1",
                             "tcp:127.1:1",
                             "tcp:1.2.3.4.5:1",
                             "tcp:256.0.0.1:1",
                             "tcp:1:1",
                             "tcp:.host:1",
                             "tcp:host.:1",
                             "tcp:a..b:1",
                             "tcp:-a:1",
                             "tcp:a-:1",
                             "tcp:a-.b:1",
                             "tcp:a.-b:1",
                             "tcp:::1:7000",
                             "tcp:[]:1",
                             "tcp:[:1",
                             "tcp:]:1",
                             "tcp:[::1:1",
                             "tcp:[127.0.0.1]:1",
                             "tcp:[host]:1",
                             "tcp:[::1]]:1",
                             "tcp:[::g]:1",
                             "tcp:h\xc3\xb6st:1"})
      test::refuses_to_parse<Tcp>(text);
    test::refuses_to_parse<Tcp>("tcp:" + std::string(64, 'a') + ":1");
    test::refuses_to_parse<Tcp>("tcp:" + std::string(300, 'a') + ":1");
    using namespace std::string_view_literals;
    test::refuses_to_parse<Tcp>("tcp:a\0b:1"sv);
    test::refuses_to_parse<Tcp>("tcp:[::1\0]:1"sv);
  }
}

}  // namespace
