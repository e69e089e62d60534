// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/accept_loop.hpp>
#include <enfilade/run/admission.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/run/relay.hpp>
#include <enfilade/transport/tcp.hpp>
#include <enfilade/transport/unix.hpp>
#include <enfilade/transport/vsock.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <exception>
#include <string>
#include <string_view>

namespace enfilade {

namespace detail {

template <transport From, transport To>
int carry(const std::string& listen, const std::string& to, const admission_limits& limits) {
  const auto here = From::parse(listen);
  if (!here) throw failure(here.error(), listen);
  const auto there = To::parse(to);
  if (!there) throw failure(there.error(), to);

  asio::io_context io{1};
  typename From::listener door{io.get_executor(), *here};
  relay<From, To> carrier{*there};
  accept_loop loop{io.get_executor(), door, carrier, "relay", limits};
  asio::signal_set stop{io, SIGINT, SIGTERM};
  stop.async_wait([&io](const error_code& error, int) {
    if (!error) io.stop();
  });
  say("relay", "listening at " + From::format(door.local()) + ", to " + To::format(*there));
  asio::co_spawn(io, loop.run(), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  io.run();
  return 0;
}

template <transport From>
int carry_from(const std::string& listen, const std::string& to, const admission_limits& limits) {
  if (to.starts_with("tcp:")) return carry<From, Tcp>(listen, to, limits);
  if (to.starts_with("unix:")) return carry<From, Unix>(listen, to, limits);
  if (to.starts_with("vsock:")) return carry<From, Vsock>(listen, to, limits);
  throw failure(errc::transport_address_invalid, to);
}

}  // namespace detail

/// The program `enfilade-relay`: `--listen ADDR --to ADDR`, each of any transport between processes.
inline int run_relay(int argc, const char* const* argv) {
  return run_program(
      "relay", "Copies the sealed bytes between two stages. It holds no key and is not trusted.",
      {option{"--listen", "ADDR", "where the upstream stage dials"},
       option{"--to", "ADDR", "where the downstream stage listens"},
       option{"--per-source", "N", "connections of one address, CID or user (default 32)"}},
      argc, argv, [](const options& given) {
        const std::string listen = given.require("--listen");
        const std::string to = given.require("--to");
        admission_limits limits;
        limits.per_source = given.number("--per-source", limits.per_source, 1, limits.known);
        if (listen.starts_with("tcp:")) return detail::carry_from<Tcp>(listen, to, limits);
        if (listen.starts_with("unix:")) return detail::carry_from<Unix>(listen, to, limits);
        if (listen.starts_with("vsock:")) return detail::carry_from<Vsock>(listen, to, limits);
        throw failure(errc::transport_address_invalid, listen);
      });
}

}  // namespace enfilade
