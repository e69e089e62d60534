// SPDX-License-Identifier: Apache-2.0
#include <enfilade/transport/loopback.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>

#include "conversation.hpp"

namespace {

using enfilade::errc;
using enfilade::Loopback;
namespace asio = enfilade::asio;

static_assert(enfilade::transport<Loopback>);
static_assert(!std::is_aggregate_v<Loopback::endpoint>, "g++ 12 miscompiles temporary aggregates");

const Loopback::endpoint here{"here"};

TEST_SUITE("transport/loopback") {
  TEST_CASE("carries bytes both ways") { test::carries_bytes_both_ways<Loopback>(here); }
  TEST_CASE("carries bytes between threads") {
    test::carries_bytes_between_threads<Loopback>(here);
  }
  TEST_CASE("accept ends when it is cancelled") {
    test::accept_ends_when_cancelled<Loopback>(here);
  }
  TEST_CASE("accept ends when its listener closes") {
    test::accept_ends_when_closed<Loopback>(here);
  }
  TEST_CASE("accept ends when its listener is destroyed") {
    test::accept_ends_when_destroyed<Loopback>(here);
  }
  TEST_CASE("a second listener of one name is refused") {
    test::second_listener_is_refused<Loopback>(here);
  }
  TEST_CASE("a dial without a listener is refused, and says where") {
    test::dial_without_a_listener_is_refused<Loopback>(here);
  }

  TEST_CASE("a name is free again once its listener is closed") {
    asio::io_context io;
    Loopback::listener first{io.get_executor(), here};
    first.close();
    test::dial_without_a_listener_is_refused<Loopback>(here);
    Loopback::listener second{io.get_executor(), here};
    first.close();  // a second time: must not take the name from the second one
    CHECK(test::error_of([&] {
            Loopback::listener third{io.get_executor(), here};
          }) == errc::transport_address_in_use);
  }

  TEST_CASE("two names are two rooms") {
    asio::io_context io;
    Loopback::listener left{io.get_executor(), Loopback::endpoint{"left"}};
    Loopback::listener right{io.get_executor(), Loopback::endpoint{"right"}};
    std::string heard;
    test::task answering{io, test::echo<Loopback>(right)};
    test::task asking{
        io, test::converse<Loopback>(io.get_executor(), right.local(), "to the right", heard)};
    test::run(io);
    CHECK(heard == "to the right");
  }

  TEST_CASE("peers that nobody accepted see the end of the stream") {
    asio::io_context io;
    Loopback::listener door{io.get_executor(), here};
    std::string heard;
    test::task asking{io, [](std::string& all) -> asio::awaitable<void> {
                        auto executor = co_await asio::this_coro::executor;
                        auto stream = co_await Loopback::dial(executor, here);
                        auto buffer = asio::dynamic_buffer(all);
                        co_await asio::async_read(stream, buffer, asio::use_awaitable);
                      }(heard)};
    test::run_ready(io);
    CHECK_FALSE(asking.done);
    door.close();
    test::run(io);
    CHECK(asking.error() == asio::error::eof);
  }

  TEST_CASE("a full queue refuses, as listen(2) does") {
    asio::io_context io;
    Loopback::listener door{io.get_executor(), here};
    int let_in = 0;
    test::task asking{io, [](int& count) -> asio::awaitable<void> {
                        std::vector<Loopback::stream> streams;
                        for (; count < 1000; ++count) {
                          auto executor = co_await asio::this_coro::executor;
                          auto stream = co_await Loopback::dial(executor, here);
                          streams.push_back(std::move(stream));
                        }
                      }(let_in)};
    test::run(io);
    CHECK(asking.error() == errc::transport_unreachable);
    CHECK(let_in == 128);
  }

  TEST_CASE("a listener may come and go in one thread while others dial") {
    std::atomic<bool> enough{false};
    std::atomic<int> met{0};
    std::thread doors{[&] {
      while (!enough) {
        asio::io_context io;
        Loopback::listener door{io.get_executor(), here};
        test::task waiting{
            io, [](Loopback::listener& from, std::atomic<int>& count) -> asio::awaitable<void> {
              auto stream = co_await from.accept();
              ++count;
            }(door, met)};
        io.run_for(std::chrono::milliseconds{1});
      }
    }};
    int tries = 0;
    while (met < 20 && ++tries < 1'000'000) {
      asio::io_context io;
      test::task asking{io, test::dial_only<Loopback>(io.get_executor(), here)};
      io.run();
      CHECK((!asking.thrown || asking.error() == errc::transport_unreachable));
    }
    enough = true;
    doors.join();
    CHECK(met >= 20);
  }

  TEST_CASE("addresses are read and written") {
    test::parses_what_it_formats<Loopback>("loopback:stage.0_a-B",
                                           Loopback::endpoint{"stage.0_a-B"});
  }

  TEST_CASE("what is not an address is refused") {
    using namespace std::string_view_literals;
    for (const auto text : {""sv, "loopback"sv, "loopback:"sv, "loopback:a b"sv, "loopback:a\0"sv,
                            "loopback:a:b"sv, "loopback:\xc3\xa9"sv, "tcp:a"sv, "loopback:a/b"sv})
      test::refuses_to_parse<Loopback>(text);
    test::refuses_to_parse<Loopback>("loopback:" + std::string(65, 'a'));
  }
}

}  // namespace
