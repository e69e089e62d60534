// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/tdx_guest_device.hpp>

#include <doctest/doctest.h>

#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>

#include "support/fake_kernel.hpp"
#include "support/fake_tdx_guest.hpp"
#include "support/fake_tsm.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::bytes;
using test::fake_kernel;
using test::fake_tdx_guest;
using test::fake_tsm;

// <linux/tdx-guest.h>, which Debian 12 does not have.
static_assert(sizeof(detail::tdx_report_request) == 1088);
static_assert(offsetof(detail::tdx_report_request, report) == 64);
static_assert(detail::tdx_cmd_get_report0 == _IOWR('T', 1, detail::tdx_report_request));

constexpr std::array<std::byte, 64> data{std::byte{1}, std::byte{2}, std::byte{3}};

template <class T>
std::string answer(const judged<T>& made, errc code = errc::attest_device_failed) {
  if (made) return "made";
  CHECK(made.error().code == code);
  return std::string{made.error().rule};
}

template <class Spoil>
std::string answer_with(Spoil spoil, errc code = errc::attest_device_failed) {
  fake_kernel machine;
  fake_tdx_guest module{machine};
  spoil(machine, module);
  tdx_guest_device<fake_kernel&> device{machine};
  const std::string rule = answer(device.report(data, 5s), code);
  CHECK(machine.open_files() == 0);
  return rule;
}

TEST_SUITE("attest/tdx_guest_device") {
  TEST_CASE("a report shows what the module measures") {
    fake_kernel machine;
    fake_tdx_guest module{machine};
    for (std::size_t i = 0; i != 4; ++i) module.registers[i].fill(static_cast<std::byte>(0xA0 + i));
    tdx_guest_device<fake_kernel&> device{machine};
    CHECK(device.exists());
    const auto made = device.report(data, 5s);
    REQUIRE(made.has_value());
    for (std::size_t i = 0; i != 4; ++i)
      CHECK(std::ranges::equal(made->runtime_register(i), module.registers[i]));
    CHECK(made->measurement()[0] == std::byte{0xD7});
    CHECK(made->measurement()[47] == std::byte{0xD7});
    CHECK(std::ranges::equal(made->report_data(), data));
  }

  TEST_CASE("a report that is none is refused") {
    CHECK(answer_with([](auto&, fake_tdx_guest& m) { m.report_type = std::byte{0}; }) ==
          "tdx_guest.report_type");
    CHECK(answer_with([](auto&, fake_tdx_guest& m) {
            m.spoil = [](std::span<std::byte, 1024> report) { report[191] = std::byte{1}; };
          }) == "tdx_guest.report_data");
  }

  TEST_CASE("every step that fails has its name") {
    const auto failing = [](const char* call, int number, errc code = errc::attest_device_failed) {
      return answer_with(
          [&](fake_kernel& machine, auto&) { machine.fail(call, "/dev/tdx_guest", number); }, code);
    };
    const auto absent = errc::attest_device_unavailable;
    CHECK(failing("open", ENOENT, absent) == "tdx_guest.absent");
    CHECK(failing("open", EACCES, absent) == "tdx_guest.denied");
    CHECK(failing("open", EBUSY) == "tdx_guest.open");
    CHECK(failing("ioctl", ENOTTY) == "tdx_guest.other_device");
    CHECK(failing("ioctl", EINTR) == "tdx_guest.interrupted");
    CHECK(failing("ioctl", EPERM, absent) == "tdx_guest.denied");
    CHECK(failing("ioctl", EIO) == "tdx_guest.ioctl");
  }

  TEST_CASE("an answer after the budget is none, and without a budget nobody is asked") {
    CHECK(answer_with([](auto&, fake_tdx_guest& m) { m.takes = 5s; }) == "tdx_guest.late");
    fake_kernel machine;
    const fake_tdx_guest module{machine};
    tdx_guest_device<fake_kernel&> device{machine};
    CHECK(answer(device.report(data, 0s)) == "tdx_guest.late");
    CHECK(machine.calls("open") == 0);
  }

  TEST_CASE("quotes are those of configfs-tsm") {
    fake_kernel machine;
    tdx_guest_device<fake_kernel&> device{machine};
    CHECK(answer(device.quote(data, 5s), errc::attest_device_unavailable) == "tsm.absent");
    fake_tsm tsm{machine, "tdx_guest", [](std::span<const std::byte, 64> told, unsigned) {
                   return bytes(told.begin(), told.end());
                 }};
    const auto quote = device.quote(data, 5s);
    REQUIRE(quote.has_value());
    CHECK(*quote == bytes(data.begin(), data.end()));
    tsm.busy = 3;
    CHECK(answer(device.quote(data, 5s), errc::attest_device_throttled) == "tsm.busy");
    tsm.busy = 0;
    tsm.provider = "sev_guest";
    CHECK(answer(device.quote(data, 5s), errc::attest_device_unavailable) == "tsm.other_provider");
  }

  TEST_CASE("the device of the real kernel needs nothing to be made") {
    tdx_guest_device real;
    static_assert(std::is_same_v<decltype(real), tdx_guest_device<kernel>>);
    if (!real.exists())
      CHECK(answer(real.report(data, 5s), errc::attest_device_unavailable) == "tdx_guest.absent");
  }
}

}  // namespace
