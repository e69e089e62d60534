// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/evidence_bundle.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::string_view_literals;
using bytes = std::vector<std::byte>;

const auto told = detail::bytes_of("\0"sv);
const auto report = detail::bytes_of("a report"sv);
const auto first = detail::bytes_of("first"sv);
const auto second = detail::bytes_of("second"sv);

bytes encoded() { return *evidence_bundle{told, report, {first, second}}.encode(); }

std::string_view broken_rule(const bytes& of) {
  const auto bundle = evidence_bundle::parse(of);
  return bundle ? std::string_view{} : bundle.error().rule;
}

/// The bundle with another value at one place.
bytes with(std::size_t at, unsigned char value) {
  bytes changed = encoded();
  changed[at] = std::byte{value};
  return changed;
}

TEST_SUITE("attest/evidence_bundle") {
  TEST_CASE("what was put in is taken out") {
    const bytes whole = encoded();
    CHECK(evidence_bundle::is_one(whole));
    const auto bundle = evidence_bundle::parse(whole);
    REQUIRE(bundle.has_value());
    CHECK(std::ranges::equal(bundle->told, told));
    CHECK(std::ranges::equal(bundle->report, report));
    REQUIRE(bundle->certificates.size() == 2);
    CHECK(std::ranges::equal(bundle->certificates[0], first));
    CHECK(std::ranges::equal(bundle->certificates[1], second));
  }

  TEST_CASE("a report alone is none") {
    CHECK_FALSE(evidence_bundle::is_one(report));
    CHECK_FALSE(evidence_bundle::is_one({}));
    CHECK(broken_rule(bytes(report.begin(), report.end())) == "bundle.magic");
  }

  TEST_CASE("every part that is wrong is refused by its rule") {
    // 8 magic, 4 + 1 told, 4 + 8 report, 1 count, 4 + 5, 4 + 6
    CHECK(broken_rule(with(0, 'x')) == "bundle.magic");
    CHECK(broken_rule(with(8, 0)) == "bundle.told");
    CHECK(broken_rule(with(11, 0xFF)) == "bundle.told");
    CHECK(broken_rule(with(16, 0xFF)) == "bundle.report");
    CHECK(broken_rule(with(25, 9)) == "bundle.certificates");
    CHECK(broken_rule(with(25, 3)) == "bundle.certificates");
    CHECK(broken_rule(with(26, 0)) == "bundle.certificates");
    CHECK(broken_rule(with(25, 1)) == "bundle.trailing_bytes");
    CHECK(broken_rule(bytes(evidence_bundle::max_size + 1)) == "bundle.size");
  }

  TEST_CASE("every truncation is refused") {
    const bytes whole = encoded();
    for (std::size_t size = 0; size != whole.size(); ++size) {
      const bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      CHECK(broken_rule(part).starts_with("bundle."));
    }
  }

  TEST_CASE("what no bundle holds is not written") {
    CHECK(evidence_bundle{{}, report, {}}.encode().error() == errc::internal);
    CHECK(evidence_bundle{told, {}, {}}.encode().error() == errc::internal);
    const std::vector<detail::byte_span> nine(9, first);
    CHECK(evidence_bundle{told, report, nine}.encode().error() == errc::internal);
    const bytes huge(evidence_bundle::max_size);
    CHECK(evidence_bundle{told, huge, {}}.encode().error() == errc::internal);
  }
}

}  // namespace
