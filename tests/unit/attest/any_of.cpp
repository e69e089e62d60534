// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/attest/nitro/nitro.hpp>
#include <enfilade/attest/snp/snp.hpp>
#include <enfilade/attest/tdx/tdx.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using bytes = std::vector<std::byte>;

using Fleet = AnyOf<Nitro, SevSnp, Tdx>;
static_assert(attester<Fleet>);
static_assert(Fleet::name == "any-of-nitro-sev-snp-tdx");
static_assert(Fleet::format == 0x100 && Fleet::takes_time);
static_assert(!Fleet::insecure);
static_assert(attester<AnyOf<Nitro>>);
static_assert(AnyOf<Nitro, insecure::Mock>::insecure, "E11 looks at this");
static_assert(!AnyOf<insecure::Mock>::takes_time);
static_assert(AnyOf<insecure::Mock, AnyOf<Nitro, Tdx>>::name == "any-of-mock-any-of-nitro-tdx");

/// An attester that does as the test says.
template <std::uint16_t Format>
class Puppet {
 public:
  using policy_role = role::attester;
  static constexpr std::string_view name = Format == 11 ? "left" : "right";
  static constexpr std::uint16_t format = Format;
  static constexpr bool takes_time = false;

  inline static errc broken{};  // 0: nothing is
  inline static int prepared = 0;
  inline static std::size_t size = 1;

  explicit Puppet(registers told) : told_(std::move(told)) {}

  result<void> prepare() const {
    ++prepared;
    return broken == errc{} ? result<void>{} : result<void>{broken};
  }
  result<bytes> attest(report_data_view) const {
    if (broken != errc{}) return broken;
    return bytes(size, told_.empty() ? std::byte{0} : told_.front().second.bytes().front());
  }
  static judged<claims> verify(detail::byte_span evidence, report_data_view, const appraisal&) {
    if (evidence.empty()) return refusal{errc::attest_malformed, "puppet.empty"};
    return claims{name, {{"first", *Measurement::from(evidence.first(1))}}};
  }

 private:
  registers told_;
};
using Left = Puppet<11>;
using Right = Puppet<12>;
using Both = AnyOf<Left, Right>;

struct stage {
  std::array<std::byte, 64> data{};
  Both own{{{"told", Measurement{std::array{std::byte{7}}}}}};

  stage() {
    Left::broken = Right::broken = {};
    Left::prepared = Right::prepared = 0;
    Left::size = 1;
  }

  refusal refused(const bytes& of) const {
    const auto found = Both::verify(of, data, {});
    REQUIRE(found.has_error());
    return found.error();
  }
};

TEST_SUITE("attest/any_of") {
  TEST_CASE_FIXTURE(stage,
                    "the first whose device is there attests, and evidence says which it was") {
    const auto of_left = own.attest(data);
    REQUIRE(of_left.has_value());
    CHECK(*of_left == bytes{std::byte{11}, std::byte{0}, std::byte{7}});
    Left::broken = errc::attest_device_unavailable;
    const auto of_right = own.attest(data);
    REQUIRE(of_right.has_value());
    CHECK(*of_right == bytes{std::byte{12}, std::byte{0}, std::byte{7}});
    CHECK(Both::verify(*of_left, data, {})->attester == "left");
    CHECK(Both::verify(*of_right, data, {})->attester == "right");
    CHECK(Both::verify(*of_right, data, {})->find("first") != nullptr);
  }

  TEST_CASE_FIXTURE(stage, "a device that is there and fails is not passed over") {
    Left::broken = errc::attest_device_throttled;
    CHECK(own.attest(data).error() == errc::attest_device_throttled);
    CHECK(own.prepare().error() == errc::attest_device_throttled);
    CHECK_MESSAGE(Right::prepared == 0, "what comes after it is left alone");
  }

  TEST_CASE_FIXTURE(stage, "a machine without any of them says so") {
    Left::broken = Right::broken = errc::attest_device_unavailable;
    CHECK(own.attest(data).error() == errc::attest_device_unavailable);
    CHECK(own.prepare().error() == errc::attest_device_unavailable);
  }

  TEST_CASE_FIXTURE(stage, "all that may attest are prepared") {
    CHECK(own.prepare().has_value());
    CHECK(Left::prepared == 1);
    CHECK(Right::prepared == 1);
    Right::broken = errc::attest_device_unavailable;
    CHECK(own.prepare().has_value());
    Right::broken = errc::attest_registers_taken;
    CHECK(own.prepare().error() == errc::attest_registers_taken);
    Left::broken = errc::attest_device_unavailable;
    Right::broken = {};
    CHECK(own.prepare().has_value());
  }

  TEST_CASE_FIXTURE(stage, "evidence of another kind is refused by its name") {
    const refusal size{errc::attest_malformed, "any_of.size"};
    const refusal format{errc::attest_unsupported_format, "any_of.format"};
    CHECK(refused({}) == size);
    CHECK(refused({std::byte{11}}) == size);
    CHECK(refused(bytes(64 * 1024 + 1)) == size);
    CHECK(refused(bytes(2)) == format);
    CHECK(refused({std::byte{0}, std::byte{11}, std::byte{7}}) == format);
    CHECK(refused({std::byte{11}, std::byte{0}}) ==
          refusal{errc::attest_malformed, "puppet.empty"});
  }

  TEST_CASE_FIXTURE(stage, "evidence that leaves no room for the format is none") {
    Left::size = Both::max_size - 2;
    CHECK(own.attest(data)->size() == 64 * 1024);
    CHECK(Both::verify(*own.attest(data), data, {}).has_value());
    ++Left::size;
    CHECK(own.attest(data).error() == errc::internal);
  }

  TEST_CASE_FIXTURE(stage, "expectations name each platform of a fleet") {
    const Measurement seven{std::array{std::byte{7}}};
    const auto wanted = expectations::any_of(
        {demands{"left", {{"first", seven}}}, demands{"right", {{"first", seven}}}});
    REQUIRE(wanted.has_value());
    for (const errc first : {errc{}, errc::attest_device_unavailable}) {
      Left::broken = first;
      CHECK(wanted->check(*Both::verify(*own.attest(data), data, {})).has_value());
      CHECK(expectations::pinned("any-of-left-right", {{"first", seven}})
                ->check(*Both::verify(*own.attest(data), data, {}))
                .has_error());
    }
  }

  TEST_CASE("a machine without a TEE may play one while its program is written") {
    using Workbench = AnyOf<Nitro, insecure::Mock>;
    const std::array<std::byte, 64> data{};
    const Workbench own{{{"weights", Measurement{std::array<std::byte, 32>{}}}}};
    if (kernel{}.exists(nsm_device<>::path)) return;
    REQUIRE(own.prepare().has_value());
    const auto shown = own.attest(data);
    REQUIRE(shown.has_value());
    CHECK(Workbench::verify(*shown, data, {})->attester == "mock");
    std::array<std::byte, 64> other = data;
    other[0] = std::byte{1};
    CHECK(Workbench::verify(*shown, other, {}).error().code == errc::attest_binding_mismatch);
  }
}

}  // namespace
