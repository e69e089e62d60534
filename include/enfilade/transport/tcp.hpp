// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/transport/address.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/transport.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade {

/// TCP over IPv4 and IPv6: between machines, and between processes where nothing better is at hand.
///
/// Model of `transport`. Addresses are `tcp:HOST:PORT`, an IPv6 address stands in brackets
/// (`tcp:[::1]:7000`), a host name is resolved when it is used. Port 0 is for listening: the kernel
/// chooses, and `listener::local()` tells. Nagle's algorithm is off: a token may not wait for the
/// next one.
struct Tcp {
  using policy_role = role::transport;
  static constexpr std::string_view name = "tcp";

  class endpoint {
   public:
    endpoint() = default;
    endpoint(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}

    const std::string& host() const noexcept { return host_; }
    std::uint16_t port() const noexcept { return port_; }

    friend bool operator==(const endpoint&, const endpoint&) = default;

   private:
    std::string host_;  // without brackets
    std::uint16_t port_ = 0;
  };

  using stream = asio::ip::tcp::socket;

  /// Reads `tcp:HOST:PORT`; `errc::transport_address_invalid` for anything else.
  static result<endpoint> parse(std::string_view text);

  static std::string format(const endpoint& at) {
    const bool bracketed = at.host().find(':') != std::string::npos;
    return "tcp:" + (bracketed ? "[" + at.host() + "]" : at.host()) + ":" +
           std::to_string(at.port());
  }

  /// Connects to the first of the host's addresses that answers.
  static asio::awaitable<stream> dial(asio::any_io_executor executor, endpoint peer);

  /// A listening socket. Stays where it is: a waiting `accept` refers to it.
  class listener {
   public:
    listener(asio::any_io_executor executor, const endpoint& at);
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    asio::awaitable<stream> accept();
    endpoint local() const { return local_; }
    void close() {
      error_code ignored;
      acceptor_.close(ignored);
    }

    /// The IPv4 address, or the first half of the IPv6 address: whoever has one has all the others
    /// of its network.
    std::uint64_t source(const stream& peer) const;

   private:
    asio::ip::tcp::acceptor acceptor_;
    endpoint local_;
  };
};

namespace detail {

/// A name of the Internet, an IPv4 address, or an IPv6 address without its brackets.
inline bool is_host(std::string_view host, bool bracketed) {
  error_code failed;
  if (bracketed) {
    // inet_pton stops at a NUL; the zone after '%' would pass through anything.
    constexpr std::string_view hexadecimal = "0123456789abcdefABCDEF:.";
    constexpr std::string_view zone =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-";
    const std::size_t percent = std::min(host.find('%'), host.size());
    if (host.substr(0, percent).find_first_not_of(hexadecimal) != std::string_view::npos ||
        host.find_first_not_of(zone, percent + 1) != std::string_view::npos)
      return false;
    asio::ip::make_address_v6(std::string{host}, failed);
    return !failed;
  }
  // Only digits and dots can only mean IPv4: the resolver would take "127.1" for 127.0.0.1.
  if (host.find_first_not_of("0123456789.") == std::string_view::npos) {
    asio::ip::make_address_v4(std::string{host}, failed);
    return !failed;
  }
  std::size_t label = 0;  // length so far
  char last = '.';
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (c == '.' ? last == '.' || last == '-' : !letter && !digit && c != '_' && c != '-')
      return false;
    if (c == '-' && last == '.') return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
    last = c;
  }
  return last != '.' && last != '-' && host.size() <= 253;
}

/// Looks a host up without holding its caller: `getaddrinfo` cannot be interrupted, so a cancelled
/// caller leaves, and the answer, when it comes, falls into the channel that both share.
class tcp_lookup {
 public:
  using addresses = asio::ip::tcp::resolver::results_type;

  explicit tcp_lookup(const asio::any_io_executor& executor)
      : resolver_(executor), answer_(executor, 1) {}

  static asio::awaitable<addresses> run(asio::any_io_executor executor, std::string host,
                                        std::string port) {
    const auto lookup = std::make_shared<tcp_lookup>(executor);
    lookup->resolver_.async_resolve(host, port, asio::ip::tcp::resolver::numeric_service,
                                    [lookup](error_code failed, const addresses& found) {
                                      lookup->answer_.try_send(failed, found);
                                    });
    error_code failed;
    addresses found =
        co_await lookup->answer_.async_receive(asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::experimental::error::channel_cancelled)
      failed = asio::error::operation_aborted;
    if (failed) throw boost::system::system_error(failed);
    co_return found;
  }

 private:
  asio::ip::tcp::resolver resolver_;
  asio::experimental::concurrent_channel<void(error_code, addresses)> answer_;
};

}  // namespace detail

inline result<Tcp::endpoint> Tcp::parse(std::string_view text) {
  const auto rest = detail::after_scheme(text, name);
  if (!rest) return errc::transport_address_invalid;
  const auto colon = rest->rfind(':');
  if (colon == std::string_view::npos) return errc::transport_address_invalid;
  std::string_view host = rest->substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 1;
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto port = detail::parse_decimal<std::uint16_t>(rest->substr(colon + 1), 65535);
  if (!port || !detail::is_host(host, bracketed)) return errc::transport_address_invalid;
  return endpoint{std::string{host}, *port};
}

inline asio::awaitable<Tcp::stream> Tcp::dial(asio::any_io_executor executor, endpoint peer) {
  std::string where = format(peer);
  if (peer.port() == 0) throw failure(errc::transport_address_invalid, where);
  error_code failed;
  stream socket{executor};
  const asio::ip::address literal = asio::ip::make_address(peer.host(), failed);
  try {
    if (!failed) {
      const asio::ip::tcp::endpoint at{literal, peer.port()};
      co_await socket.async_connect(at, asio::use_awaitable);
    } else {
      auto lookup = detail::tcp_lookup::run(executor, peer.host(), std::to_string(peer.port()));
      const auto found = co_await std::move(lookup);
      co_await asio::async_connect(socket, found, asio::use_awaitable);
    }
    socket.set_option(asio::ip::tcp::no_delay{true});
  } catch (const boost::system::system_error& e) {
    throw detail::transport_failure(e.code(), where);
  }
  co_return socket;
}

inline Tcp::listener::listener(asio::any_io_executor executor, const endpoint& at)
    : acceptor_(executor) {
  try {
    asio::ip::tcp::resolver resolver{executor};
    const auto found = resolver.resolve(
        at.host(), std::to_string(at.port()),
        asio::ip::tcp::resolver::numeric_service | asio::ip::tcp::resolver::passive);
    const asio::ip::tcp::endpoint first = *found.begin();
    acceptor_.open(first.protocol());
    acceptor_.set_option(asio::ip::tcp::acceptor::reuse_address{true});
    acceptor_.bind(first);
    acceptor_.listen();
    const auto bound = acceptor_.local_endpoint();
    local_ = endpoint{bound.address().to_string(), bound.port()};
  } catch (const boost::system::system_error& e) {
    throw detail::listen_failure(e.code(), format(at));
  }
}

inline asio::awaitable<Tcp::stream> Tcp::listener::accept() {
  std::string where = format(local_);  // the listener may be gone when the wait ends
  if (!acceptor_.is_open()) throw failure(asio::error::operation_aborted, where);
  error_code failed;
  stream socket =
      co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, failed));
  if (failed) throw detail::transport_failure(failed, where);
  socket.set_option(asio::ip::tcp::no_delay{true}, failed);
  co_return socket;
}

inline std::uint64_t Tcp::listener::source(const stream& peer) const {
  error_code gone;
  const asio::ip::address at = peer.remote_endpoint(gone).address();
  if (gone) return 0;
  if (at.is_v4()) return at.to_v4().to_uint();
  if (at.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, at.to_v6()).to_uint();
  const auto bytes = at.to_v6().to_bytes();
  std::uint64_t network = 0;
  for (std::size_t i = 0; i != 8; ++i) network = network << 8 | bytes[i];
  return network;
}

static_assert(transport<Tcp>);

}  // namespace enfilade
