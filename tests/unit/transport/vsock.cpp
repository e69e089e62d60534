// SPDX-License-Identifier: Apache-2.0
#include <enfilade/transport/vsock.hpp>

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <iostream>
#include <string>

#include "conversation.hpp"

// Traffic needs two ends, and this kernel may have no vsock loopback: what can be had from one end
// alone is tested here.

namespace {

using enfilade::errc;
using enfilade::Vsock;
namespace asio = enfilade::asio;

static_assert(enfilade::transport<Vsock>);
static_assert(!std::is_aggregate_v<Vsock::endpoint>, "g++ 12 miscompiles temporary aggregates");

const Vsock::endpoint anywhere{Vsock::endpoint::any, 0};

bool kernel_has_vsock() {
  const int fd = ::socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd >= 0) ::close(fd);
  if (fd < 0) std::cout << "skipped: this kernel has no AF_VSOCK: transport/vsock\n";
  return fd >= 0;
}

TEST_SUITE("transport/vsock") {
  TEST_CASE("a kernel without the address family says so") {
    asio::io_context io;
    const auto code = test::error_of([&] { Vsock::listener door{io.get_executor(), anywhere}; });
    CHECK((code == enfilade::error_code{} || code == errc::transport_unsupported));
    CHECK(
        enfilade::detail::transport_failure(asio::error::address_family_not_supported, "").code() ==
        errc::transport_unsupported);
  }

  TEST_CASE("a listener gets a port and tells it") {
    if (!kernel_has_vsock()) return;
    asio::io_context io;
    const Vsock::listener door{io.get_executor(), anywhere};
    CHECK(door.local().cid() == Vsock::endpoint::any);
    CHECK(door.local().port() != 0);
    CHECK(door.local().port() != VMADDR_PORT_ANY);
  }

  TEST_CASE("a second listener at one port is refused") {
    if (!kernel_has_vsock()) return;
    test::second_listener_is_refused<Vsock>(anywhere);
  }
  TEST_CASE("accept ends when it is cancelled") {
    if (!kernel_has_vsock()) return;
    test::accept_ends_when_cancelled<Vsock>(anywhere);
  }
  TEST_CASE("accept ends when its listener closes") {
    if (!kernel_has_vsock()) return;
    test::accept_ends_when_closed<Vsock>(anywhere);
  }
  TEST_CASE("accept ends when its listener is destroyed") {
    if (!kernel_has_vsock()) return;
    test::accept_ends_when_destroyed<Vsock>(anywhere);
  }

  TEST_CASE("a dial to nobody ends: refused by a kernel with loopback, else when it is cancelled") {
    if (!kernel_has_vsock()) return;
    asio::io_context io;
    const Vsock::endpoint nobody{VMADDR_CID_LOCAL, 47'811};
    test::task asking{io, test::dial_only<Vsock>(io.get_executor(), nobody)};
    test::run_ready(io);
    if (!asking.done) asking.stop.emit(asio::cancellation_type::terminal);
    test::run(io);
    const auto code = asking.error();
    CHECK((code == asio::error::operation_aborted || code == errc::transport_unreachable));
  }

  TEST_CASE("nobody can be dialled at any CID or at port 0") {
    asio::io_context io;
    test::task any{
        io, test::dial_only<Vsock>(io.get_executor(), Vsock::endpoint{Vsock::endpoint::any, 1})};
    test::task port{io, test::dial_only<Vsock>(io.get_executor(), Vsock::endpoint{3, 0})};
    test::run(io);
    CHECK(any.error() == errc::transport_address_invalid);
    CHECK(port.error() == errc::transport_address_invalid);
  }

  TEST_CASE("the kernel's address says what Asio passes on") {
    using wire = enfilade::detail::vsock_protocol::endpoint;
    wire at{3, 5000};
    const auto* raw = reinterpret_cast<const sockaddr_vm*>(at.data());
    CHECK(raw->svm_family == AF_VSOCK);
    CHECK(raw->svm_cid == 3);
    CHECK(raw->svm_port == 5000);
    CHECK(at.size() == sizeof(sockaddr_vm));
    CHECK(at == wire{3, 5000});
    CHECK(at < wire{3, 5001});
    CHECK(at < wire{4, 1});
    CHECK_THROWS_AS(at.resize(at.capacity() + 1), boost::system::system_error);
  }

  TEST_CASE("addresses are read and written") {
    test::parses_what_it_formats<Vsock>("vsock:3:5000", Vsock::endpoint{3, 5000});
    test::parses_what_it_formats<Vsock>("vsock:any:5000",
                                        Vsock::endpoint{Vsock::endpoint::any, 5000});
    test::parses_what_it_formats<Vsock>("vsock:4294967294:4294967294",
                                        Vsock::endpoint{4294967294, 4294967294});
    test::parses_what_it_formats<Vsock>("vsock:0:0", Vsock::endpoint{0, 0});
  }

  TEST_CASE("what is not an address is refused") {
    for (const char* text :
         {"", "vsock", "vsock:", "vsock:3", "vsock:3:", "vsock::5000", "vsock:3:x", "vsock:-1:5000",
          "vsock:3:-1", "vsock:4294967295:1", "vsock:1:4294967295", "vsock:4294967296:1",
          "vsock:3:5000:1", "vsock:03:5000", "vsock: 3:5000", "vsock:3:5000 ", "vsock:0x3:5000",
          "vsock:ANY:1", "tcp:3:5000"})
      test::refuses_to_parse<Vsock>(text);
  }
}

}  // namespace
