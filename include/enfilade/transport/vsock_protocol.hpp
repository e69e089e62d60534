// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <sys/socket.h>

#include <linux/vm_sockets.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace enfilade::detail {

/// AF_VSOCK as Asio sees a protocol: it knows none of its own that can listen there.
class vsock_protocol {
 public:
  class endpoint {
   public:
    using protocol_type = vsock_protocol;

    endpoint() noexcept : endpoint(VMADDR_CID_ANY, VMADDR_PORT_ANY) {}
    endpoint(std::uint32_t cid, std::uint32_t port) noexcept {
      address_.svm_family = AF_VSOCK;
      address_.svm_cid = cid;
      address_.svm_port = port;
    }

    std::uint32_t cid() const noexcept { return address_.svm_cid; }
    std::uint32_t port() const noexcept { return address_.svm_port; }

    // What Asio asks of an endpoint.
    protocol_type protocol() const noexcept { return {}; }
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&address_); }
    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&address_); }
    std::size_t size() const noexcept { return sizeof address_; }
    std::size_t capacity() const noexcept { return sizeof address_; }
    void resize(std::size_t size) const {
      if (size > capacity())
        throw boost::system::system_error(boost::asio::error::invalid_argument);
    }

    friend bool operator==(const endpoint& a, const endpoint& b) noexcept {
      return a.cid() == b.cid() && a.port() == b.port();
    }
    friend auto operator<=>(const endpoint& a, const endpoint& b) noexcept {
      return std::pair{a.cid(), a.port()} <=> std::pair{b.cid(), b.port()};
    }

   private:
    sockaddr_vm address_{};
  };

  using socket = boost::asio::basic_stream_socket<vsock_protocol>;
  using acceptor = boost::asio::basic_socket_acceptor<vsock_protocol>;

  int family() const noexcept { return AF_VSOCK; }
  int type() const noexcept { return SOCK_STREAM; }
  int protocol() const noexcept { return 0; }

  friend bool operator==(const vsock_protocol&, const vsock_protocol&) = default;
};

}  // namespace enfilade::detail
