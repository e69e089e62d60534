// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/mailbox.hpp>

#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace {

using namespace enfilade;
using seen = std::vector<std::uint32_t>;

asio::awaitable<void> take(mailbox& box, seen& tokens, int count) {
  for (int i = 0; i != count; ++i) {
    const step s = co_await box.receive();
    tokens.push_back(s.failed ? 0 : s.token);
  }
}

const step lost{failure(errc::stage_lost, "stage 1"), 1};

TEST_SUITE("run/mailbox") {
  TEST_CASE("who waits is given what comes") {
    asio::io_context io;
    mailbox box{io.get_executor()};
    box.open(5);
    CHECK(box.request() == 5);
    seen tokens;
    test::task waiting{io, take(box, tokens, 1)};
    test::run_ready(io);
    CHECK(tokens.empty());
    box.deliver(step{42, 0});
    test::run(io);
    CHECK(tokens == seen{42});
  }

  TEST_CASE("what comes before somebody waits is kept: a token, and the loss after it") {
    asio::io_context io;
    mailbox box{io.get_executor()};
    box.open(5);
    box.deliver(step{42, 0});
    box.deliver(lost);
    seen tokens;
    test::task waiting{io, take(box, tokens, 2)};
    test::run(io);
    CHECK(tokens == seen{42, 0});
  }

  TEST_CASE("the next request finds nothing of the one before") {
    asio::io_context io;
    mailbox box{io.get_executor()};
    box.open(5);
    box.deliver(step{42, 0});
    box.deliver(lost);
    box.close();
    CHECK(box.request() == 0);
    box.open(6);
    seen tokens;
    test::task waiting{io, take(box, tokens, 1)};
    test::run_ready(io);
    CHECK(tokens.empty());
    box.deliver(step{7, 0});
    test::run(io);
    CHECK(tokens == seen{7});
  }

  TEST_CASE("more than one outcome can bring is dropped, not queued without end") {
    asio::io_context io;
    mailbox box{io.get_executor()};
    box.open(5);
    for (std::uint32_t i = 1; i != 10; ++i) box.deliver(step{i, 0});
    seen tokens;
    test::task waiting{io, take(box, tokens, 3)};
    test::run_ready(io);
    CHECK(tokens == seen{1, 2});
    box.deliver(lost);
    test::run(io);
  }
}

}  // namespace
