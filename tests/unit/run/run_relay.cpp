// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/run_relay.hpp>

#include "support/captured.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace enfilade;

/// What the program says and how it ends; only for command lines with which it does not run.
struct ended {
  explicit ended(std::vector<const char*> words) {
    words.insert(words.begin(), "enfilade-relay");
    const test::captured on_stderr{stderr};
    code = run_relay(static_cast<int>(words.size()), words.data());
    said = on_stderr.text();
  }
  int code;
  std::string said;
};

TEST_SUITE("run/run_relay") {
  TEST_CASE("both addresses are needed") {
    CHECK(ended({"--to", "tcp:127.0.0.1:1"}).said.starts_with("relay: usage: --listen is missing"));
    CHECK(ended({"--listen", "tcp:127.0.0.1:0"}).said.starts_with("relay: usage: --to is missing"));
    CHECK(ended({}).code == 64);
  }

  TEST_CASE("an address of no transport is refused at either end, and named") {
    for (const char* wrong : {"", "127.0.0.1:7000", "tcp:", "udp:127.0.0.1:7000", "unix:relative",
                              "vsock:any", "loopback:room"}) {
      CAPTURE(wrong);
      const ended here({"--listen", wrong, "--to", "tcp:127.0.0.1:1"});
      CHECK(here.code == 64);
      CHECK(here.said.starts_with("relay: transport.address_invalid: "));
      CHECK(here.said.find(wrong) != std::string::npos);
      const ended there({"--listen", "tcp:127.0.0.1:0", "--to", wrong});
      CHECK(there.code == 64);
      CHECK(there.said.starts_with("relay: transport.address_invalid: "));
    }
  }

  TEST_CASE("a taken address is refused by name") {
    asio::io_context io;
    const Tcp::listener taken{io.get_executor(), Tcp::endpoint{"127.0.0.1", 0}};
    const std::string address = Tcp::format(taken.local());
    const ended second({"--listen", address.c_str(), "--to", "unix:/tmp/nobody"});
    CHECK(second.code == 75);
    CHECK(second.said.starts_with("relay: transport.address_in_use: " + address + ": "));
  }
}

}  // namespace
