// SPDX-License-Identifier: Apache-2.0
#pragma once

// The part of Asio that every coroutine needs, and its short name. Headers that open sockets or
// timers include those of Asio's headers themselves: this one is on the path of each topology.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace enfilade {

/// Boost.Asio, as Enfilade's signatures name it.
namespace asio = boost::asio;

}  // namespace enfilade
