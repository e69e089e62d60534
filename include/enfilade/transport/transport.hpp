// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/compose/role.hpp>
#include <enfilade/error.hpp>
#include <enfilade/transport/asio.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace enfilade {

namespace detail {

// What run/ sends and receives: a record is its 32-byte prefix and its body, in one call.
using gathered_out = std::array<asio::const_buffer, 2>;
using gathered_in = std::array<asio::mutable_buffer, 2>;

/// A stream that ends its sending half by itself, or does it as Asio's sockets do.
template <class S>
concept half_closing = requires(S stream) {
  stream.shutdown_send();
}
|| requires(S stream, error_code failed) {
  stream.shutdown(asio::socket_base::shutdown_send, failed);
};

/// What a link needs of a connection: reading and writing at the same time, half-close, close.
template <class S>
concept byte_stream = std::movable<S> && half_closing<S> &&
    requires(S stream, const gathered_in& in, const gathered_out& out) {
  { stream.get_executor() } -> std::convertible_to<asio::any_io_executor>;
  { stream.async_read_some(in, asio::use_awaitable) } -> std::same_as<asio::awaitable<std::size_t>>;
  {
    stream.async_write_some(out, asio::use_awaitable)
    } -> std::same_as<asio::awaitable<std::size_t>>;
  stream.close();
};

template <class L, class Endpoint, class Stream>
concept listener = std::constructible_from<L, asio::any_io_executor, Endpoint> &&
    requires(L door, const L& the_door) {
  { door.accept() } -> std::same_as<asio::awaitable<Stream>>;
  { the_door.local() } -> std::same_as<Endpoint>;
  door.close();
};

}  // namespace detail

/// How the bytes of a sealed record travel from one end of a link to the other.
///
/// A transport is a stateless policy: it names a stream and opens both ends of it. It never sees
/// plaintext (a `cipher` sealed the record before) and never decides whom to trust (that is the
/// `attester`'s business), so it can be wrong about delivery, never about secrecy.
///
/// | expression            | must be                   | meaning                             |
/// |-----------------------|---------------------------|-------------------------------------|
/// | `T::policy_role`      | `role::transport`         | how `with<...>` recognises it       |
/// | `T::name`             | `std::string_view`        | the first word of addresses: `tcp:` |
/// | `T::endpoint`         | regular                   | where a peer listens                |
/// | `T::parse(text)`      | `result<T::endpoint>`     | reads `name:...`; strict, bounded   |
/// | `T::format(at)`       | `std::string`             | the text that `parse` reads back    |
/// | `T::stream`           | movable, async read/write | one connection, can half-close      |
/// | `T::dial(ex, at)`     | `awaitable<T::stream>`    | connects                            |
/// | `T::listener{ex, at}` | an open door              | listens from here on                |
/// | `listener.accept()`   | `awaitable<T::stream>`    | the next peer                       |
/// | `listener.local()`    | `T::endpoint`             | where it listens (the real port)    |
/// | `listener.close()`    |                           | ends a waiting `accept`             |
/// | `listener.source(s)`  | `std::uint64_t`, optional | where the kernel says `s` came from |
///
/// Constructors of `T::endpoint` and `T::stream` are written out: g++ 12 miscompiles temporary
/// aggregates in an expression with `co_await`.
///
/// Cancellation: `dial` and `accept` honour the coroutine's cancellation slot and then, like an
/// `accept` whose listener was closed, throw `asio::error::operation_aborted`.
/// Errors: thrown as `failure` with the formatted endpoint as `where`: `errc::transport_*`, or the
/// system's own code where the fault is this process's (no more file descriptors).
/// Models: `Tcp`, `Unix`, `Vsock`, `Loopback`.
template <class T>
concept transport = std::same_as<typename T::policy_role, role::transport> &&
    std::regular<typename T::endpoint> && detail::byte_stream<typename T::stream> &&
    detail::listener<typename T::listener, typename T::endpoint, typename T::stream> &&
    requires(asio::any_io_executor executor, typename T::endpoint at, std::string_view text) {
  { T::name } -> std::convertible_to<std::string_view>;
  { T::parse(text) } -> std::same_as<result<typename T::endpoint>>;
  { T::format(at) } -> std::same_as<std::string>;
  { T::dial(executor, at) } -> std::same_as<asio::awaitable<typename T::stream>>;
};

/// Says that nothing more will be sent; what the peer still sends can be read.
///
/// Errors are not reported: where the connection is gone already, there is nothing left to end.
template <detail::half_closing Stream>
void shutdown_send(Stream& stream) {
  if constexpr (requires { stream.shutdown_send(); }) {
    stream.shutdown_send();
  } else {
    error_code ignored;
    stream.shutdown(asio::socket_base::shutdown_send, ignored);
  }
}

}  // namespace enfilade
