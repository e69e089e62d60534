// SPDX-License-Identifier: Apache-2.0

// What the load tests knock at: a door as every stage has one, behind it an echo. On SIGTERM it ends
// and prints what it had to do.

#include "load/link.hpp"

#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/run/visitor.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace {

using namespace load;

/// Says everything back to whoever proves to be the guest.
class echo {
 public:
  explicit echo(link_terms<one_link<Costly>> terms) : terms_(std::move(terms)) {}

  asio::awaitable<void> serve(connection stream, visitor<connection> who) {
    const auto with =
        co_await establish<sealed_link>(std::move(stream), terms_, "stranger", std::move(who));
    ++served;
    while (true) {
      const std::optional<message> asked = co_await with->receive();
      if (!asked) break;
      const auto room = with->prepare(asked->payload.size());
      std::memcpy(room.data(), asked->payload.data(), room.size());
      co_await with->send(asked->header);
    }
  }

  std::uint64_t served = 0;

 private:
  link_terms<one_link<Costly>> terms_;
};

int run(const options& given) {
  link_limits limits;
  const std::chrono::milliseconds longest{given.number("--handshake-ms", 10'000, 1, 60'000)};
  limits.handshake = longest;
  asio::io_context io{1};
  Tcp::listener door{io.get_executor(), *Tcp::parse("tcp:127.0.0.1:0")};
  echo server{terms<Costly>(link_end::downstream, "door", "guest", limits)};
  accept_loop loop{io.get_executor(), door, server, "door"};
  asio::signal_set stop{io, SIGINT, SIGTERM};
  stop.async_wait([&io](const error_code& error, int) {
    if (!error) io.stop();
  });
  say("door", "listening at " + Tcp::format(door.local()));
  asio::co_spawn(io, loop.run(), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  io.run();
  std::printf("{\"served\":%llu,\"verified\":%llu}\n",
              static_cast<unsigned long long>(server.served),
              static_cast<unsigned long long>(Costly::verifications));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("door", "Lets the guest in and says back what it says.",
                     {option{"--handshake-ms", "N", "how long a handshake may take"}}, argc, argv,
                     run);
}
