// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/attester.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;

// The least that is an attester: its evidence is the report data itself.
//[least-attester
class Parrot {
 public:
  using policy_role = role::attester;
  static constexpr std::string_view name = "parrot";
  static constexpr std::uint16_t format = 7;
  static constexpr bool takes_time = false;

  explicit Parrot(registers told) : told_(std::move(told)) {}

  result<std::vector<std::byte>> attest(report_data_view data) const {
    if (told_.empty()) return errc::attest_device_unavailable;
    return std::vector<std::byte>(data.begin(), data.end());
  }
  static judged<claims> verify(detail::byte_span evidence, report_data_view data,
                               const appraisal&) {
    if (!std::ranges::equal(evidence, data))
      return refusal{errc::attest_binding_mismatch, "parrot.report_data"};
    return claims{name, {{"feathers", Measurement{std::array{std::byte{9}}}}}};
  }
  result<void> prepare() const { return {}; }

 private:
  registers told_;
};
static_assert(attester<Parrot>);
//]

struct Deaf : Parrot {
  using Parrot::Parrot;
  static judged<claims> verify(detail::byte_span evidence) = delete;
};
struct Nameless {
  using policy_role = role::attester;
};
struct Carrier : Parrot {
  using policy_role = role::transport;
  using Parrot::Parrot;
};

static_assert(!attester<Deaf>);
static_assert(!attester<Nameless>);
static_assert(!attester<Carrier>);
static_assert(!attester<int>);

TEST_SUITE("attest/attester") {
  TEST_CASE("a program measures itself by verifying its own evidence") {
    const auto own = measure(Parrot{{{"seed", Measurement{std::array{std::byte{1}}}}}});
    REQUIRE(own.has_value());
    CHECK(own->attester == "parrot");
    CHECK(own->find("feathers") != nullptr);
  }

  TEST_CASE("where the machine cannot attest, measuring says so") {
    CHECK(measure(Parrot{{}}).error().code == errc::attest_device_unavailable);
  }
}

}  // namespace
