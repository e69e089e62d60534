// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/transport/address.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/transport.hpp>
#include <enfilade/transport/vsock_protocol.hpp>

#include <boost/asio/redirect_error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade {

/// AF_VSOCK: the only wire between a Nitro enclave and its parent instance.
///
/// Model of `transport`. Addresses are `vsock:CID:PORT`; the parent is CID 3, an enclave is told
/// its own at launch, and a listener that serves whatever CID it was given says `vsock:any:PORT`.
/// Port 0 is for listening: the kernel chooses, and `listener::local()` tells. Two enclaves cannot
/// reach each other: between them stands `enfilade-relay` on the parent. Linux only; a kernel
/// without the address family answers `errc::transport_unsupported`.
struct Vsock {
  using policy_role = role::transport;
  static constexpr std::string_view name = "vsock";

  class endpoint {
   public:
    static constexpr std::uint32_t any = VMADDR_CID_ANY;

    endpoint() = default;
    endpoint(std::uint32_t cid, std::uint32_t port) : cid_(cid), port_(port) {}

    std::uint32_t cid() const noexcept { return cid_; }
    std::uint32_t port() const noexcept { return port_; }

    friend bool operator==(const endpoint&, const endpoint&) = default;

   private:
    std::uint32_t cid_ = any;
    std::uint32_t port_ = 0;
  };

  using stream = detail::vsock_protocol::socket;

  /// Reads `vsock:CID:PORT`; `errc::transport_address_invalid` for anything else.
  static result<endpoint> parse(std::string_view text) {
    const auto rest = detail::after_scheme(text, name);
    if (!rest) return errc::transport_address_invalid;
    const auto colon = rest->find(':');
    if (colon == std::string_view::npos) return errc::transport_address_invalid;
    const std::string_view cid_text = rest->substr(0, colon);
    // The greatest number of each means "any" to the kernel: said in words, or with port 0.
    const auto cid = cid_text == "any"
                         ? std::optional{endpoint::any}
                         : detail::parse_decimal<std::uint32_t>(cid_text, VMADDR_CID_ANY - 1);
    const auto port =
        detail::parse_decimal<std::uint32_t>(rest->substr(colon + 1), VMADDR_PORT_ANY - 1);
    if (!cid || !port) return errc::transport_address_invalid;
    return endpoint{*cid, *port};
  }

  static std::string format(const endpoint& at) {
    return "vsock:" + (at.cid() == endpoint::any ? "any" : std::to_string(at.cid())) + ":" +
           std::to_string(at.port());
  }

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
    }

    /// The CID of the machine that the peer is on.
    std::uint64_t source(const stream& peer) const {
      error_code gone;
      const auto at = peer.remote_endpoint(gone);
      return gone ? 0 : at.cid();
    }

   private:
    detail::vsock_protocol::acceptor acceptor_;
    endpoint local_;
  };
};

inline asio::awaitable<Vsock::stream> Vsock::dial(asio::any_io_executor executor, endpoint peer) {
  std::string where = format(peer);
  if (peer.cid() == endpoint::any || peer.port() == 0)
    throw failure(errc::transport_address_invalid, where);
  stream socket{executor};
  error_code failed;
  const detail::vsock_protocol::endpoint at{peer.cid(), peer.port()};
  co_await socket.async_connect(at, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) throw detail::transport_failure(failed, where);
  co_return socket;
}

inline Vsock::listener::listener(asio::any_io_executor executor, endpoint at)
    : acceptor_(executor) {
  try {
    acceptor_.open(detail::vsock_protocol{});
    acceptor_.bind({at.cid(), at.port() == 0 ? VMADDR_PORT_ANY : at.port()});
    acceptor_.listen();
    const auto bound = acceptor_.local_endpoint();
    local_ = endpoint{bound.cid(), bound.port()};
  } catch (const boost::system::system_error& e) {
    throw detail::listen_failure(e.code(), format(at));
  }
}

inline asio::awaitable<Vsock::stream> Vsock::listener::accept() {
  std::string where = format(local_);  // the listener may be gone when the wait ends
  if (!acceptor_.is_open()) throw failure(asio::error::operation_aborted, where);
  error_code failed;
  stream socket =
      co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, failed));
  if (failed) throw detail::transport_failure(failed, where);
  co_return socket;
}

static_assert(transport<Vsock>);

}  // namespace enfilade
