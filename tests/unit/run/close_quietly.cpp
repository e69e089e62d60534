// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/close_quietly.hpp>

#include <doctest/doctest.h>

#include <boost/system/errc.hpp>

namespace {

struct stubborn {
  int closed = 0;
  void close() {
    ++closed;
    throw boost::system::system_error{
        boost::system::errc::make_error_code(boost::system::errc::io_error)};
  }
};

struct willing {
  int closed = 0;
  void close() { ++closed; }
};

static_assert(noexcept(enfilade::close_quietly(std::declval<stubborn&>())));

TEST_SUITE("run/close_quietly") {
  TEST_CASE("a stream is closed") {
    willing stream;
    enfilade::close_quietly(stream);
    CHECK(stream.closed == 1);
  }

  TEST_CASE("an error of closing is nobody's business") {
    stubborn stream;
    enfilade::close_quietly(stream);
    CHECK(stream.closed == 1);
  }
}

}  // namespace
