// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/wire/limits.hpp>

#include <chrono>

namespace enfilade {

/// How long a link waits for what, and how much its keys may do. Each end has its own.
///
/// `heartbeat` and `silence` belong together: an end that hears nothing for `silence` gives the
/// link up, so the other end's `heartbeat` must be several times shorter.
struct link_limits {
  session_limits session;

  /// From a connection to a link: all of it, and each wait for the peer's next record.
  std::chrono::nanoseconds handshake = std::chrono::seconds{10};
  std::chrono::nanoseconds handshake_step = std::chrono::seconds{3};

  /// To a connection.
  std::chrono::nanoseconds dial = std::chrono::seconds{10};

  /// An end that has sent nothing for so long says that it is alive.
  std::chrono::nanoseconds heartbeat = std::chrono::seconds{1};

  /// A peer of whom no whole record comes for so long, while this end listens or cannot get rid of
  /// a record of its own, is dead. A record, of up to 128 KiB, must be through in that time.
  std::chrono::nanoseconds silence = std::chrono::seconds{5};
};

}  // namespace enfilade
