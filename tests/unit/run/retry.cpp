// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/retry.hpp>

#include <doctest/doctest.h>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>

namespace {

using namespace enfilade;

TEST_SUITE("run/retry") {
  static_assert(is_temporary(errc::transport_unreachable));
  static_assert(!is_temporary(errc::attest_measurement_mismatch));

  // Every error is named in one of these two lists or follows from its exit code, so that a new
  // one has to be thought about.
  TEST_CASE("of all errors, those are tried again that pass by themselves") {
    constexpr std::array passes{
        errc::transport_unreachable, errc::transport_timeout,       errc::transport_address_in_use,
        errc::crypto_key_exhausted,  errc::attest_device_throttled, errc::stage_lost,
        errc::stage_overloaded,      errc::stage_stopping,          errc::process_out_of_memory};
    for (const error_facts& facts : detail::error_table) {
      INFO(facts.name);
      CHECK(is_temporary(facts.value) == (std::ranges::count(passes, facts.value) == 1));
    }
  }

  TEST_CASE("S16: nothing that refuses, is malformed, or comes from an attacker is tried again") {
    for (const error_facts& facts : detail::error_table) {
      INFO(facts.name);
      const bool peer_absent_or_busy = facts.exit_code == 69 || facts.exit_code == 75;
      if (is_temporary(facts.value)) CHECK(peer_absent_or_busy);
    }
  }

  TEST_CASE("what looks temporary by its exit code and is not, is here with its reason") {
    CHECK_FALSE(is_temporary(errc::transport_closed));   // how a peer ends that refuses this end
    CHECK_FALSE(is_temporary(errc::frame_truncated));    // half a request may have been done
    CHECK_FALSE(is_temporary(errc::request_cancelled));  // somebody wanted it so
  }

  TEST_CASE("an error code of the system is not tried again") {
    CHECK(is_temporary(make_error_code(errc::stage_stopping)));
    CHECK_FALSE(is_temporary(error_code{boost::asio::error::connection_refused}));
    CHECK_FALSE(is_temporary(error_code{}));
  }
}

}  // namespace
