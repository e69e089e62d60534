// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/snp_device.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>

#include "support/fake_kernel.hpp"
#include "support/fake_sev_guest.hpp"
#include "support/fake_tsm.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::bytes;
using test::fake_kernel;
using test::fake_sev_guest;
using test::fake_tsm;

constexpr std::array<std::byte, 64> data{std::byte{1}, std::byte{2}, std::byte{3}};

std::string answer(const judged<snp_reply>& made, errc code = errc::attest_device_failed) {
  if (made) return "made";
  CHECK(made.error().code == code);
  return std::string{made.error().rule};
}

TEST_SUITE("attest/snp_device") {
  TEST_CASE("configfs-tsm is asked first, and then nobody else") {
    fake_kernel machine;
    const fake_sev_guest device{machine};
    fake_tsm tsm{machine, "sev_guest", test::unsigned_snp_report};
    tsm.aux = bytes(24);
    pace turns{2s};
    snp_device<fake_kernel&> snp{machine, turns};
    CHECK(snp.exists());
    const auto made = snp.report(data, 1, 5s);
    REQUIRE(made.has_value());
    CHECK(made->report == test::unsigned_snp_report(data, 1));
    CHECK(made->certificates == tsm.aux);
    CHECK(device.requests().empty());

    // A refusal is a refusal: the other one would say the same, or worse.
    tsm.busy = 3;
    CHECK(answer(snp.report(data, {}, 10s), errc::attest_device_throttled) == "tsm.busy");
    CHECK(device.requests().empty());
  }

  TEST_CASE("without configfs-tsm, or without the right to it, /dev/sev-guest is asked") {
    fake_kernel machine;
    fake_sev_guest device{machine};
    device.certificates = test::certificate_table({{detail::snp_ask_guid, bytes(30)}});
    pace turns{2s};
    snp_device<fake_kernel&> snp{machine, turns};
    CHECK(snp.exists());
    const auto made = snp.report(data, 2, 5s);
    REQUIRE(made.has_value());
    CHECK(made->report == test::unsigned_snp_report(data, 2));
    CHECK(read_snp_certificate_table(made->certificates)->ask.size() == 30);

    fake_tsm tsm{machine, "sev_guest", test::unsigned_snp_report};
    machine.fail("mkdir", "", EACCES);
    CHECK(answer(snp.report(data, {}, 5s)) == "made");
    CHECK(device.requests().size() == 2);
  }

  TEST_CASE("without either there is none, and of the budget there is one") {
    fake_kernel machine;
    pace turns{2s};
    snp_device<fake_kernel&> snp{machine, turns};
    CHECK_FALSE(snp.exists());
    CHECK(answer(snp.report(data, {}, 5s), errc::attest_device_unavailable) == "sev_guest.absent");
    fake_sev_guest device{machine};
    device.busy = -1;
    CHECK(answer(snp.report(data, {}, 5s), errc::attest_device_throttled) ==
          "sev_guest.turn_after_budget");
    CHECK(machine.slept() < 5s);
  }

  TEST_CASE("what configfs-tsm hands out is a report about the data") {
    fake_kernel machine;
    fake_tsm tsm{machine, "sev_guest", [](auto, unsigned) { return bytes(1183); }};
    snp_device<fake_kernel&> snp{machine};
    CHECK(answer(snp.report(data, {}, 5s)) == "snp_device.report_size");
    tsm.make = [](auto, unsigned) { return bytes(1184); };
    CHECK(answer(snp.report(data, {}, 5s)) == "snp_device.report_data");
  }

  TEST_CASE("the device of the real kernel needs nothing to be made") {
    snp_device real;
    static_assert(std::is_same_v<decltype(real), snp_device<kernel>>);
    if (!real.exists())
      CHECK(answer(real.report(data, {}, 5s), errc::attest_device_unavailable) ==
            "sev_guest.absent");
  }
}

}  // namespace
