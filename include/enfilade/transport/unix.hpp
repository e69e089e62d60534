// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/transport/address.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/socket_file.hpp>
#include <enfilade/transport/transport.hpp>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade {

/// Unix sockets: between two processes of one machine.
///
/// Model of `transport`. Addresses are `unix:/PATH`, absolute and at most 107 bytes long. The
/// socket file has mode 0600 from the moment it exists, appears only once somebody listens behind
/// it, and is removed by `close`. A file that a dead listener left is replaced; a live listener is
/// `errc::transport_address_in_use`, and so is any file that is not a socket.
struct Unix {
  using policy_role = role::transport;
  static constexpr std::string_view name = "unix";

  class endpoint {
   public:
    endpoint() = default;
    explicit endpoint(std::string path) : path_(std::move(path)) {}

    const std::string& path() const noexcept { return path_; }

    friend bool operator==(const endpoint&, const endpoint&) = default;

   private:
    std::string path_;
  };

  using stream = asio::local::stream_protocol::socket;

  /// Reads `unix:/PATH`; `errc::transport_address_invalid` for anything else.
  static result<endpoint> parse(std::string_view text) {
    const auto path = detail::after_scheme(text, name);
    if (!path || !path->starts_with('/') || path->ends_with('/') ||
        path->size() > detail::max_socket_path)
      return errc::transport_address_invalid;
    for (const char c : *path)  // an address is printed in one line of a terminal
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return errc::transport_address_invalid;
    return endpoint{std::string{*path}};
  }

  static std::string format(const endpoint& at) { return "unix:" + at.path(); }

  static asio::awaitable<stream> dial(asio::any_io_executor executor, endpoint peer);

  /// A listening socket. Stays where it is: a waiting `accept` refers to it.
  class listener {
   public:
    listener(asio::any_io_executor executor, endpoint at);
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    asio::awaitable<stream> accept();
    endpoint local() const { return local_; }
    void close() {
      error_code ignored;
      acceptor_.close(ignored);
      file_.remove();
    }

    /// The user that the peer ran as when it connected.
    std::uint64_t source(const stream& peer) const;

   private:
    asio::local::stream_protocol::acceptor acceptor_;
    detail::socket_file file_;
    endpoint local_;
  };
};

inline asio::awaitable<Unix::stream> Unix::dial(asio::any_io_executor executor, endpoint peer) {
  std::string where = format(peer);
  if (peer.path().empty() || peer.path().size() > detail::max_socket_path)
    throw failure(errc::transport_address_invalid, where);
  stream socket{executor};
  error_code failed;
  const asio::local::stream_protocol::endpoint at{peer.path()};
  co_await socket.async_connect(at, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) throw detail::transport_failure(failed, where);
  co_return socket;
}

inline Unix::listener::listener(asio::any_io_executor executor, endpoint at)
    : acceptor_(executor), local_(std::move(at)) {
  try {
    acceptor_.open();
    file_ = detail::socket_file{acceptor_.native_handle(), local_.path()};
  } catch (const boost::system::system_error& e) {
    throw detail::listen_failure(e.code(), format(local_));
  }
}

inline asio::awaitable<Unix::stream> Unix::listener::accept() {
  std::string where = format(local_);  // the listener may be gone when the wait ends
  if (!acceptor_.is_open()) throw failure(asio::error::operation_aborted, where);
  error_code failed;
  stream socket =
      co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, failed));
  if (failed) throw detail::transport_failure(failed, where);
  co_return socket;
}

inline std::uint64_t Unix::listener::source(const stream& peer) const {
  ::ucred who{};
  ::socklen_t size = sizeof who;
  // `native_handle` changes nothing, but Asio has no const form of it.
  const int handle = const_cast<stream&>(peer).native_handle();
  if (::getsockopt(handle, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return 0;
  return who.uid;
}

static_assert(transport<Unix>);

}  // namespace enfilade
