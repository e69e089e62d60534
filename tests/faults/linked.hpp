// SPDX-License-Identifier: Apache-2.0
#pragma once

// Two ends of one link over the simulated network, and coroutines whose end is noted.

#include <enfilade/error.hpp>

#include "support/simulated.hpp"
#include "unit/run/handshakes.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace test {

using enfilade::errc;

struct over_the_simulation : one_link<> {
  using link_type = enfilade::link<simulated::stream, AesGcm>;
};
using link_type = over_the_simulation::link_type;

/// What a coroutine came to.
struct ending {
  bool over = false;
  error_code code;
  std::string nameless;
  asio::cancellation_signal stop;

  bool named() const {
    return over && code && code.category() == enfilade::error_category() &&
           code != errc::internal && nameless.empty();
  }
};

inline asio::awaitable<void> noting(ending& end, asio::awaitable<void> body) {
  try {
    co_await std::move(body);
  } catch (const enfilade::failure& f) {
    end.code = f.code();
  } catch (const std::exception& e) {
    end.nameless = e.what();
  }
  end.over = true;
}

inline void start(network& world, ending& end, asio::awaitable<void> body) {
  end.over = false;
  end.code = {};
  end.nameless.clear();
  asio::awaitable<void> running = noting(end, std::move(body));
  asio::co_spawn(world.io, std::move(running),
                 asio::bind_cancellation_slot(end.stop.slot(), asio::detached));
}

/// Two ends of a fresh connection.
struct two_streams {
  explicit two_streams(network& world)
      : on(world.connect(world.io.get_executor(), world.io.get_executor(), "pair")),
        up(world.io.get_executor(), on, 0),
        down(world.io.get_executor(), on, 1) {}
  std::shared_ptr<network::connection> on;
  simulated::stream up;
  simulated::stream down;
};

inline asio::awaitable<void> shake(simulated::stream stream,
                                   enfilade::link_terms<over_the_simulation> terms,
                                   std::shared_ptr<link_type>& made) {
  made = co_await enfilade::establish<link_type>(std::move(stream), std::move(terms), "peer");
}

/// A link over a good network, whose writes wait for room, as they do for a busy peer.
struct linked {
  explicit linked(network& world) {
    two_streams streams{world};
    start(world, up_end,
          shake(std::move(streams.up), upstream_terms<over_the_simulation>(expect('d')), up));
    start(world, down_end,
          shake(std::move(streams.down), downstream_terms<over_the_simulation>(expect('u')), down));
    world.run_until([this] { return up_end.over && down_end.over; },
                    virtual_clock::now() + std::chrono::seconds{20});
  }
  std::shared_ptr<link_type> up;
  std::shared_ptr<link_type> down;
  ending up_end;
  ending down_end;
};

}  // namespace test
