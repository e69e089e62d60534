// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/close_quietly.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/transport.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

namespace enfilade {

namespace detail {

/// Copies until `from` ends, then passes the end on: the other direction may still flow.
template <class From, class To>
asio::awaitable<void> copy_until_end(From& from, To& to) {
  // One buffer a direction, freed with the connection. It only ever holds ciphertext.
  auto buffer = std::make_unique<std::array<std::byte, 64 * 1024>>();
  try {
    while (true) {
      const std::size_t size =
          co_await from.async_read_some(asio::buffer(*buffer), asio::use_awaitable);
      co_await asio::async_write(to, asio::buffer(buffer->data(), size), asio::use_awaitable);
    }
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::eof) {
      shutdown_send(to);
    } else {  // anything but a clean end: neither direction can go on
      close_quietly(from);
      close_quietly(to);
    }
  }
}

}  // namespace detail

/// The untrusted program between two stages that cannot reach each other (two Nitro enclaves on
/// one host): what `accept_loop` accepts on `From` it carries to `To`, ciphertext both ways.
///
/// It holds no key and sees sizes and timing only. The end of one direction is passed on as the
/// end of that direction (half-close), so a stage learns at once that its neighbour is gone.
template <transport From, transport To>
class relay {
 public:
  explicit relay(typename To::endpoint forward_to) : to_(std::move(forward_to)) {}

  /// Carries one connection until both directions have ended.
  asio::awaitable<void> serve(typename From::stream upstream) {
    // Where nobody answers, closing `upstream` tells the dialler, and the error is thrown.
    typename To::stream downstream = co_await To::dial(upstream.get_executor(), to_);
    auto down = detail::copy_until_end(upstream, downstream);
    auto up = detail::copy_until_end(downstream, upstream);
    using namespace asio::experimental::awaitable_operators;
    co_await (std::move(down) && std::move(up));
  }

 private:
  typename To::endpoint to_;
};

}  // namespace enfilade
