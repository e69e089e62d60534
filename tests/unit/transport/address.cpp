// SPDX-License-Identifier: Apache-2.0
#include <enfilade/transport/address.hpp>

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

namespace {

using namespace enfilade;
using namespace enfilade::detail;

TEST_SUITE("transport/address") {
  TEST_CASE("a scheme stands before the first colon") {
    CHECK(after_scheme("tcp:x", "tcp") == "x");
    CHECK(after_scheme("tcp:", "tcp") == "");
    CHECK(after_scheme("tcp::", "tcp") == ":");
    CHECK_FALSE(after_scheme("tcp", "tcp"));
    CHECK_FALSE(after_scheme("tcpx:", "tcp"));
    CHECK_FALSE(after_scheme("", "tcp"));
    CHECK(after_scheme("tcp:" + std::string(296, 'x'), "tcp"));
    CHECK_FALSE(after_scheme("tcp:" + std::string(297, 'x'), "tcp"));
  }

  TEST_CASE("a number has one way to be written") {
    CHECK(parse_decimal<std::uint16_t>("0", 65535) == std::uint16_t{0});
    CHECK(parse_decimal<std::uint16_t>("65535", 65535) == std::uint16_t{65535});
    CHECK(parse_decimal<std::uint32_t>("4294967295", 4294967295) == 4294967295);
    for (const char* text : {"", "00", "01", "+1", "-1", " 1", "1 ", "1x", "0x1", "65536", "1e3"})
      CHECK_FALSE_MESSAGE(parse_decimal<std::uint16_t>(text, 65535), text);
    CHECK_FALSE(parse_decimal<std::uint32_t>("4294967295", 4294967294));
  }

  TEST_CASE("each way that a socket fails has its name") {
    const auto of = [](int value) {
      const error_code code{value, boost::system::system_category()};
      const failure named = transport_failure(code, "tcp:x:1");
      CHECK(named.where() == "tcp:x:1");
      return named.code();
    };
    for (int e : {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ENOENT, ENODEV, EADDRNOTAVAIL,
                  ECONNRESET, ECONNABORTED, EAGAIN})
      CHECK_MESSAGE(of(e) == errc::transport_unreachable, e);
    CHECK(of(ETIMEDOUT) == errc::transport_timeout);
    CHECK(of(EADDRINUSE) == errc::transport_address_in_use);
    CHECK(of(ENAMETOOLONG) == errc::transport_address_invalid);
    CHECK(of(EACCES) == errc::transport_denied);
    CHECK(of(EPERM) == errc::transport_denied);
    CHECK(of(EAFNOSUPPORT) == errc::transport_unsupported);
    CHECK(of(EPROTONOSUPPORT) == errc::transport_unsupported);
    CHECK_MESSAGE(of(EMFILE).value() == EMFILE, "a fault of this process keeps its own name");
    CHECK_MESSAGE(of(ECANCELED) == boost::asio::error::operation_aborted, "no fault at all");
    for (const error_code& code : {make_error_code(boost::asio::error::host_not_found),
                                   make_error_code(boost::asio::error::host_not_found_try_again),
                                   make_error_code(boost::asio::error::no_data)})
      CHECK(transport_failure(code, "").code() == errc::transport_unreachable);
  }

  TEST_CASE("a door at an address that is not here is a wrong address, not an absent peer") {
    const auto of = [](int value) {
      return listen_failure({value, boost::system::system_category()}, "x").code();
    };
    CHECK(of(EADDRNOTAVAIL) == errc::transport_address_invalid);
    CHECK(of(ENOENT) == errc::transport_address_invalid);
    CHECK(of(EADDRINUSE) == errc::transport_address_in_use);
    CHECK(of(EACCES) == errc::transport_denied);
  }
}

}  // namespace
