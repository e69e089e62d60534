// SPDX-License-Identifier: Apache-2.0

// Who comes to the door in the load tests. Each mode ends by itself and prints one line of JSON.
//
//   guest    the good client: requests on one link, and newcomers that do a handshake each
//   slow     many sockets that say a byte now and then, and come again when they are thrown out
//   storm    many connections a second that say nothing
//   liars    many handshakes with 32 KiB of evidence that is none
//
// Only 127.0.0.0/8: visitors come from 127.0.1.1, 127.0.1.2, ..., the guest from 127.0.0.1.

#include "load/link.hpp"

#include <enfilade/run/options.hpp>
#include <enfilade/run/program.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace load;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

double since(clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(clock::now() - begun).count();
}

double part(std::vector<double>& of, double which) {
  if (of.empty()) return 0;
  std::ranges::sort(of);
  return of[std::min(of.size() - 1,
                     static_cast<std::size_t>(which * static_cast<double>(of.size())))];
}

asio::awaitable<void> pause(std::int64_t for_ms) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer{executor, milliseconds{for_ms}};
  co_await timer.async_wait(asio::use_awaitable);
}

/// What all modes share: where the door is, where they come from, when they end.
class visit {
 public:
  visit(asio::io_context& context, const options& given)
      : io(context),
        end(clock::now() + milliseconds{given.number("--ms", 1000, 1, 3'600'000)}),
        count(given.number("--count", 1, 1, 1'000'000)),
        sources(static_cast<std::uint32_t>(given.number("--sources", 0, 0, 60'000))),
        most(given.number("--most", 64, 1, 10'000)) {
    const result<Tcp::endpoint> at = Tcp::parse(given.require("--connect"));
    if (!at) throw failure(at.error(), "--connect");
    door_ = {asio::ip::make_address("127.0.0.1"), at->port()};
  }

  /// A connection from the n-th of the addresses, where there are any; nothing where the door did not open.
  asio::awaitable<std::optional<connection>> knock(std::size_t n) {
    connection stream{io};
    stream.open(asio::ip::tcp::v4());
    if (sources != 0) {
      const auto from = 0x7f000101u + static_cast<std::uint32_t>(n % sources);  // 127.0.1.1 and on
      stream.bind({asio::ip::address_v4{from}, 0});
    }
    error_code failed;
    co_await stream.async_connect(door_, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return std::nullopt;
    stream.set_option(asio::ip::tcp::no_delay{true}, failed);
    co_return std::move(stream);
  }

  bool over() const { return clock::now() >= end; }

  asio::io_context& io;
  clock::time_point end;
  std::size_t count;
  std::uint32_t sources;
  std::size_t most;
  std::uint64_t tried = 0;
  std::uint64_t refused = 0;  // ended by the door
  std::uint64_t established = 0;

 private:
  asio::ip::tcp::endpoint door_;
};

// --- guest --------------------------------------------------------------------------------------

struct latencies {
  std::vector<double> requests;
  std::vector<double> newcomers;
  std::uint64_t retries = 0;
  std::uint64_t wrong = 0;
};

asio::awaitable<void> ask(sealed_link& door, std::size_t size, latencies& seen) {
  const auto room = door.prepare(size);
  std::ranges::fill(room, static_cast<std::byte>(size));
  const message_header asked = text_of(size);
  co_await door.send(asked);
  const std::optional<message> answer = co_await door.receive();
  const bool right = answer && answer->payload.size() == size &&
                     std::ranges::all_of(answer->payload, [size](std::byte b) {
                       return b == static_cast<std::byte>(size);
                     });
  if (!right) ++seen.wrong;
}

/// A link, however often the door has to be asked.
asio::awaitable<std::shared_ptr<sealed_link>> come_in(visit& v, latencies& seen) {
  while (true) {
    try {
      std::optional<connection> stream = co_await v.knock(0);
      if (stream) {
        auto mine = terms<insecure::Mock>(link_end::upstream, "guest", "door");
        co_return co_await establish<sealed_link>(std::move(*stream), std::move(mine), "door");
      }
    } catch (const failure&) {
    }
    ++seen.retries;
    co_await pause(20);
  }
}

asio::awaitable<void> keep_asking(visit& v, latencies& seen) {
  const auto door = co_await come_in(v, seen);
  while (!v.over()) {
    const auto begun = clock::now();
    co_await ask(*door, 3072, seen);
    seen.requests.push_back(since(begun));
    co_await pause(5);
  }
  co_await door->close();
}

asio::awaitable<void> keep_coming(visit& v, latencies& seen) {
  while (!v.over()) {
    const auto begun = clock::now();
    const auto door = co_await come_in(v, seen);
    co_await ask(*door, 100, seen);
    seen.newcomers.push_back(since(begun));
    co_await door->close();
    co_await pause(200);
  }
}

// --- strangers ----------------------------------------------------------------------------------

// Waits for the door to throw this one out, and says a byte of what might be a hello meanwhile.
asio::awaitable<void> dawdle(connection& stream, clock::time_point end) {
  const char byte = 'e';
  char answer = 0;
  while (clock::now() < end) {
    error_code failed;
    co_await asio::async_write(stream, asio::buffer(&byte, 1),
                               asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return;
    asio::steady_timer timer{stream.get_executor(), milliseconds{1000}};
    bool waited = false;
    timer.async_wait([&](const error_code& stopped) {
      if (stopped) return;
      waited = true;
      stream.cancel();
    });
    co_await stream.async_read_some(asio::buffer(&answer, 1),
                                    asio::redirect_error(asio::use_awaitable, failed));
    if (!waited) co_return;
  }
}

asio::awaitable<void> be_slow(visit& v, std::size_t n) {
  const milliseconds after{20'000};                     // the door ends it long before
  co_await pause(static_cast<std::int64_t>(n % 1000));  // not all in the same moment
  while (!v.over()) {
    std::optional<connection> stream = co_await v.knock(n);
    ++v.tried;
    if (stream) co_await dawdle(*stream, v.end + after);
    ++v.refused;
    co_await pause(static_cast<std::int64_t>(500 + (n * 7919 + v.tried * 104'729) % 1000));
  }
}

asio::awaitable<void> knock_and_wait(visit& v, std::size_t n) {
  std::optional<connection> stream = co_await v.knock(n);
  char answer = 0;
  error_code ended;
  if (stream)
    co_await stream->async_read_some(asio::buffer(&answer, 1),
                                     asio::redirect_error(asio::use_awaitable, ended));
  ++v.refused;
}

asio::awaitable<void> storm(visit& v) {
  const auto begun = clock::now();
  const auto length = v.end - begun;
  for (; v.tried != v.count; ++v.tried) {
    const auto due = begun + length * v.tried / v.count;
    if (clock::now() < due) {
      asio::steady_timer timer{v.io, due};
      co_await timer.async_wait(asio::use_awaitable);
    }
    asio::co_spawn(v.io, knock_and_wait(v, v.tried), asio::detached);
  }
}

asio::awaitable<void> lie(visit& v, std::size_t n) {
  while (v.tried != v.count && !v.over()) {
    ++v.tried;
    try {
      std::optional<connection> stream = co_await v.knock(n);
      if (!stream) throw failure(errc::transport_unreachable, "door");
      auto mine = terms<Lying>(link_end::upstream, "guest", "");
      const auto door =
          co_await establish<sealed_link>(std::move(*stream), std::move(mine), "door");
      ++v.established;
      door->abandon();
    } catch (const failure&) {
      ++v.refused;
    }
  }
}

// --- modes --------------------------------------------------------------------------------------

int visit_door(const options& given) {
  const std::string mode = given.require("--mode");
  asio::io_context io{1};
  visit v{io, given};
  latencies seen;
  std::exception_ptr failed;
  const auto keep = [&](asio::awaitable<void> body) {
    asio::co_spawn(io, std::move(body), [&](std::exception_ptr e) {
      if (e) failed = e;
    });
  };
  if (mode == "guest") {
    keep(keep_asking(v, seen));
    keep(keep_coming(v, seen));
  } else if (mode == "slow") {
    for (std::size_t n = 0; n != v.count; ++n) keep(be_slow(v, n));
  } else if (mode == "storm") {
    keep(storm(v));
  } else if (mode == "liars") {
    for (std::size_t n = 0; n != v.most; ++n) keep(lie(v, n));
  } else {
    throw failure(errc::usage, "--mode " + mode);
  }
  io.run();
  if (failed) std::rethrow_exception(failed);
  const double p50 = part(seen.requests, 0.50);
  const double newcomer = part(seen.newcomers, 0.50);
  std::printf(
      "{\"tried\":%llu,\"refused\":%llu,\"established\":%llu,\"requests\":%zu,\"p50\":%.3f,"
      "\"p99\":%.3f,\"worst\":%.3f,\"newcomers\":%zu,\"newcomer_p50\":%.3f,"
      "\"newcomer_p90\":%.3f,\"newcomer_worst\":%.3f,\"retries\":%llu,\"wrong\":%llu}\n",
      static_cast<unsigned long long>(v.tried), static_cast<unsigned long long>(v.refused),
      static_cast<unsigned long long>(v.established), seen.requests.size(), p50,
      part(seen.requests, 0.99), part(seen.requests, 1.0), seen.newcomers.size(), newcomer,
      part(seen.newcomers, 0.90), part(seen.newcomers, 1.0),
      static_cast<unsigned long long>(seen.retries), static_cast<unsigned long long>(seen.wrong));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("visitors", "Comes to the door of the load tests, well or ill disposed.",
                     {option{"--mode", "MODE", "guest, slow, storm or liars"},
                      option{"--connect", "ADDR", "the door"}, option{"--ms", "N", "for how long"},
                      option{"--count", "N", "sockets, connections or handshakes"},
                      option{"--sources", "N", "addresses that they come from; 0: 127.0.0.1"},
                      option{"--most", "N", "handshakes at the same time"}},
                     argc, argv, visit_door);
}
