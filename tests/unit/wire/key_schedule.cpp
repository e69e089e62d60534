// SPDX-License-Identifier: Apache-2.0
#include <enfilade/wire/key_schedule.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace {

using namespace enfilade;
using detail::to_hex;

// The values themselves are pinned by transcript_vector.cpp; here, what depends on what.
TEST_SUITE("wire/key_schedule") {
  TEST_CASE("every key of one secret is different") {
    const Key<32> secret;
    const Key<32> down = detail::direction_secret(secret, link_end::upstream);
    const Key<32> up = detail::direction_secret(secret, link_end::downstream);
    const std::set<std::string> all{
        to_hex(secret.view()),
        to_hex(detail::exporter(secret).view()),
        to_hex(down.view()),
        to_hex(up.view()),
        to_hex(detail::rekeyed(down).view()),
        to_hex(detail::rekeyed(up).view()),
        to_hex(detail::traffic_key(down).view().first(32)),
        to_hex(detail::traffic_key(up).view().first(32)),
    };
    CHECK(all.size() == 8);
  }

  TEST_CASE("the ratchet depends on each end's evidence, and on which end it came from") {
    const Key<32> secret;
    detail::digest a{};
    detail::digest b{};
    b[0] = std::byte{1};
    const auto ratchet = [&](const detail::digest& up, const detail::digest& down) {
      return to_hex(detail::second_secret(secret, up, down).view());
    };
    const std::set<std::string> all{ratchet(a, a), ratchet(a, b), ratchet(b, a), ratchet(b, b)};
    CHECK(all.size() == 4);
  }

  TEST_CASE("what an end confirms and what its evidence signs name that end") {
    const detail::digest any{};
    const Key<32> exporter;
    CHECK(detail::confirmation(link_end::upstream, any, any, any) !=
          detail::confirmation(link_end::downstream, any, any, any));
    CHECK(detail::report_data(link_end::upstream, exporter, any, any) !=
          detail::report_data(link_end::downstream, exporter, any, any));
  }

  TEST_CASE("a transcript depends on both hellos and their order") {
    const auto one = detail::bytes_of("one");
    const auto two = detail::bytes_of("two");
    CHECK(detail::transcript_hash(one, two) != detail::transcript_hash(two, one));
    CHECK(detail::transcript_hash(one, two) != detail::transcript_hash(one, one));
  }
}

}  // namespace
