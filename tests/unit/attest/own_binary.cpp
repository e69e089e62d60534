// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/own_binary.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace {

using enfilade::Measurement;
using enfilade::detail::hash_file;
using enfilade::detail::own_binary;

TEST_SUITE("attest/own_binary") {
  TEST_CASE("is the SHA-256 of this program's file") {
    std::ifstream self{"/proc/self/exe", std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{self}, {}};
    REQUIRE_FALSE(bytes.empty());
    REQUIRE(own_binary().has_value());
    CHECK(*own_binary() == Measurement{enfilade::sha256(enfilade::detail::bytes_of(bytes))});
  }

  TEST_CASE("is computed once") { CHECK(&own_binary() == &own_binary()); }

  TEST_CASE("a file that cannot be read is no measurement") {
    using enfilade::errc;
    CHECK(hash_file("/nonexistent/file").error() == errc::attest_device_unavailable);
    CHECK_MESSAGE(hash_file("/proc/self").error() == errc::attest_device_unavailable, "a folder");
  }
}

}  // namespace
