// SPDX-License-Identifier: Apache-2.0
#pragma once

// Two ends of one link, each with its own deployment and terms, over a pair of sockets.

#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/transport/loopback.hpp>

#include "unit/transport/conversation.hpp"

#include <boost/asio/local/connect_pair.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace test {

using enfilade::AesGcm;
using enfilade::expectations;
using enfilade::link_end;
using enfilade::link_limits;
using enfilade::link_terms;
using enfilade::Measurement;
using enfilade::registers;
using enfilade::insecure::Mock;
using socket = enfilade::Loopback::stream;

/// As much of a deployment as a link needs. `Plan` stands for the whole plan.
template <char Plan = 'a', class Cipher = AesGcm, class Attester = Mock>
struct one_link {
  using cipher = Cipher;
  using attester = Attester;
  using link_type = enfilade::link<socket, Cipher>;
  static std::array<std::byte, 32> plan_digest() {
    std::array<std::byte, 32> digest{};
    digest.fill(static_cast<std::byte>(Plan));
    return digest;
  }
};

inline Measurement measured_as(char value) {
  std::array<std::byte, 4> bytes{};
  bytes.fill(static_cast<std::byte>(value));
  return Measurement{bytes};
}

/// A program that claims to be `binary` with these weights.
inline std::shared_ptr<const Mock> program(char binary, char weights = 'w') {
  registers told;
  told.emplace_back("binary", measured_as(binary));
  told.emplace_back("weights", measured_as(weights));
  return std::make_shared<const Mock>(std::move(told));
}

/// Expects exactly that program.
inline expectations expect(char binary, char weights = 'w') {
  registers pins;
  pins.emplace_back("binary", measured_as(binary));
  pins.emplace_back("weights", measured_as(weights));
  return *expectations::pinned("mock", std::move(pins));
}

/// One end's attempt at a link: the link, or why there is none.
template <class Deployment>
class attempt {
 public:
  using link_type = typename Deployment::link_type;

  attempt(asio::io_context& io, socket stream, link_terms<Deployment> terms)
      : running_(io, run(std::move(stream), std::move(terms))) {}

  bool over() const noexcept { return running_.done; }

  std::shared_ptr<link_type> link;
  error_code code;
  std::string where;

 private:
  asio::awaitable<void> run(socket stream, link_terms<Deployment> terms) {
    try {
      link = co_await enfilade::establish<link_type>(std::move(stream), std::move(terms), "peer");
    } catch (const enfilade::failure& f) {
      code = f.code();
      where = f.where();
    }
  }

  task running_;
};

/// Runs until every attempt has come to its end. A link lives on after that: it has a pulse.
template <class... Attempts>
void run_until_over(asio::io_context& io, const Attempts&... attempts) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  io.restart();
  while (!(attempts.over() && ...) && std::chrono::steady_clock::now() < give_up)
    io.run_one_for(std::chrono::milliseconds{100});
  REQUIRE((attempts.over() && ...));
}

/// Limits that give a handshake so much time, and no step more.
inline link_limits within(std::chrono::nanoseconds longest) {
  link_limits limits;
  limits.handshake = limits.handshake_step = longest;
  return limits;
}

/// A pair of connected sockets and what drives them.
struct socket_pair {
  asio::io_context io;
  socket up{io};
  socket down{io};

  socket_pair() { asio::local::connect_pair(up, down); }
};

/// Both ends at once.
template <class Up = one_link<>, class Down = one_link<>>
struct meeting : private socket_pair {
  meeting(link_terms<Up> above, link_terms<Down> below)
      : upstream(io, std::move(socket_pair::up), std::move(above)),
        downstream(io, std::move(socket_pair::down), std::move(below)) {
    run_until_over(io, upstream, downstream);
  }

  using socket_pair::io;
  attempt<Up> upstream;
  attempt<Down> downstream;
};

template <class Deployment = one_link<>>
link_terms<Deployment> upstream_terms(expectations of_below, std::size_t link = 1,
                                      const link_limits& limits = {}) {
  return {link_end::upstream, link, program('u'), std::move(of_below), limits};
}

template <class Deployment = one_link<>>
link_terms<Deployment> downstream_terms(expectations of_above, std::size_t link = 1,
                                        const link_limits& limits = {}) {
  return {link_end::downstream, link, program('d'), std::move(of_above), limits};
}

}  // namespace test
