// SPDX-License-Identifier: Apache-2.0
#include <enfilade/transport/transport.hpp>

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace enfilade;

// The least that is a transport: no byte ever travels. What each declaration below leaves out or
// gets wrong must be noticed by the concept, at the line that names the transport.
//[least-transport
struct Still {
  using policy_role = role::transport;
  static constexpr std::string_view name = "still";
  class endpoint {
   public:
    endpoint() {}
    friend bool operator==(const endpoint&, const endpoint&) = default;
  };
  using stream = asio::local::stream_protocol::socket;
  static result<endpoint> parse(std::string_view);
  static std::string format(const endpoint&);
  static asio::awaitable<stream> dial(asio::any_io_executor, endpoint);
  class listener {
   public:
    listener(asio::any_io_executor, const endpoint&);
    asio::awaitable<stream> accept();
    endpoint local() const;
    void close();
  };
};
static_assert(transport<Still>);
//]

struct OfAnotherRole : Still {
  using policy_role = role::cipher;
};
struct WithoutAName : Still {
  static constexpr int name = 0;
};
struct DialsSomethingElse : Still {
  static asio::awaitable<int> dial(asio::any_io_executor, endpoint);
};
struct WritesOnly : Still {
  struct stream {
    void shutdown_send();
    void close();
    asio::any_io_executor get_executor();
    asio::awaitable<std::size_t> async_write_some(const detail::gathered_out&,
                                                  asio::use_awaitable_t<>);
  };
};
struct NeverCloses : Still {
  class listener {
   public:
    listener(asio::any_io_executor, const endpoint&);
    asio::awaitable<stream> accept();
    endpoint local() const;
  };
};
struct CannotBeRead : Still {
  static endpoint parse(std::string_view);
};
static_assert(!transport<OfAnotherRole>);
static_assert(!transport<WithoutAName>);
static_assert(!transport<DialsSomethingElse>);
static_assert(!transport<WritesOnly>);
static_assert(!transport<NeverCloses>);
static_assert(!transport<CannotBeRead>);
static_assert(!transport<int>);

// A stream of a user's own need not look like a socket.
struct own_stream {
  int ended = 0;
  void shutdown_send() { ++ended; }
};
static_assert(detail::half_closing<own_stream>);
static_assert(!detail::half_closing<int>);

TEST_SUITE("transport/transport") {
  TEST_CASE("endpoints are values") { CHECK(Still::endpoint{} == Still::endpoint{}); }

  TEST_CASE("shutdown_send ends one direction of a socket and leaves the other") {
    asio::io_context io;
    Still::stream left{io};
    Still::stream right{io};
    asio::local::connect_pair(left, right);
    shutdown_send(left);
    std::string heard(1, ' ');
    error_code failed;
    asio::read(right, asio::buffer(heard), failed);
    CHECK(failed == asio::error::eof);
    asio::write(right, asio::buffer("x", 1));
    asio::read(left, asio::buffer(heard));
    CHECK(heard == "x");

    right.close();
    left.close();
    CHECK_NOTHROW(shutdown_send(left));
  }

  TEST_CASE("shutdown_send prefers what a stream says itself") {
    own_stream stream;
    shutdown_send(stream);
    CHECK(stream.ended == 1);
  }
}

}  // namespace
