// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/sev_guest_device.hpp>

#include <doctest/doctest.h>

#include <sys/ioctl.h>
#if __has_include(<linux/sev-guest.h>)
#include <linux/sev-guest.h>
#define ENFILADE_HAS_SEV_GUEST_H
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "support/fake_kernel.hpp"
#include "support/fake_sev_guest.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::bytes;
using test::fake_kernel;
using test::fake_sev_guest;

static_assert(sizeof(detail::snp_guest_request) == 32);
static_assert(offsetof(detail::snp_guest_request, request_address) == 8);
static_assert(offsetof(detail::snp_guest_request, response_address) == 16);
static_assert(offsetof(detail::snp_guest_request, exitinfo2) == 24);
static_assert(sizeof(detail::snp_report_request) == 96);
static_assert(offsetof(detail::snp_report_request, vmpl) == 64);
static_assert(offsetof(detail::snp_report_request, reserved) == 68);
static_assert(sizeof(detail::snp_extended_request) == 112);
static_assert(offsetof(detail::snp_extended_request, certificates_address) == 96);
static_assert(offsetof(detail::snp_extended_request, certificates_size) == 104);
static_assert(detail::snp_get_report == _IOWR('S', 0, detail::snp_guest_request));
static_assert(detail::snp_get_extended_report == _IOWR('S', 2, detail::snp_guest_request));

#ifdef ENFILADE_HAS_SEV_GUEST_H
// Ours are the kernel's own.
static_assert(detail::snp_get_report == SNP_GET_REPORT);
static_assert(detail::snp_get_extended_report == SNP_GET_EXT_REPORT);
static_assert(sizeof(detail::snp_report_request) == sizeof(::snp_report_req));
static_assert(sizeof(detail::snp_extended_request) == sizeof(::snp_ext_report_req));
static_assert(sizeof(detail::snp_guest_request) == sizeof(::snp_guest_request_ioctl));
static_assert(detail::snp_response_size == sizeof(::snp_report_resp));
static_assert(offsetof(::snp_ext_report_req, certs_len) == 104);
#endif

constexpr std::array<std::byte, 64> data{std::byte{1}, std::byte{2}, std::byte{3}};

/// A guest with its device, and turns of its own.
struct guest {
  fake_kernel machine;
  fake_sev_guest firmware{machine};
  pace turns{2s};
  sev_guest_device<fake_kernel&> device{machine, turns};
};

std::string answer(const judged<snp_reply>& made, errc code = errc::attest_device_failed) {
  if (made) return "made";
  CHECK(made.error().code == code);
  return std::string{made.error().rule};
}

template <class Spoil>
std::string answer_with(Spoil spoil, errc code = errc::attest_device_failed) {
  guest g;
  spoil(g);
  const std::string rule = answer(g.device.extended_report(data, 0, 60s), code);
  CHECK(g.machine.open_files() == 0);
  return rule;
}

TEST_SUITE("attest/sev_guest_device") {
  TEST_CASE("a report is made about the data, for the privilege level") {
    guest g;
    CHECK(g.device.exists());
    const auto made = g.device.report(data, 3, 5s);
    REQUIRE(made.has_value());
    CHECK(made->report == test::unsigned_snp_report(data, 3));
    CHECK(made->certificates.empty());
    CHECK(g.machine.open_files() == 0);
  }

  TEST_CASE("the bytes of a request are those of the kernel's header") {
    guest g;
    CHECK(answer(g.device.report(data, 2, 5s)) == "made");
    bytes wanted(96);
    std::ranges::copy(data, wanted.begin());
    wanted[64] = std::byte{2};
    CHECK(g.firmware.last_request() == wanted);
    CHECK(answer(g.device.extended_report(data, 2, 5s)) == "made");
    bytes extended = g.firmware.last_request();
    REQUIRE(extended.size() == 112);
    CHECK(std::ranges::equal(std::span{extended}.first(96), wanted));
    CHECK(detail::load_le<std::uint64_t>(extended.data() + 96) != 0);
    CHECK(detail::load_le<std::uint32_t>(extended.data() + 104) == 16384);
    CHECK(detail::load_le<std::uint32_t>(extended.data() + 108) == 0);
  }

  TEST_CASE("an extended report comes with the host's certificates") {
    guest g;
    g.firmware.certificates =
        test::certificate_table({{detail::snp_vcek_guid, bytes(1360, std::byte{5})}});
    const auto made = g.device.extended_report(data, 0, 5s);
    REQUIRE(made.has_value());
    CHECK(made->certificates.size() == 16384);
    const auto table = read_snp_certificate_table(made->certificates);
    REQUIRE(table.has_value());
    CHECK(table->vcek.size() == 1360);
  }

  TEST_CASE("a host that wants more room for its certificates gets it, once and within limits") {
    guest g;
    g.firmware.room_at_most = 64 * 1024;
    g.firmware.room_wanted = 20 * 1024;
    const auto made = g.device.extended_report(data, 0, 5s);
    REQUIRE(made.has_value());
    CHECK(made->certificates.size() == 20 * 1024);
    CHECK(g.firmware.requests().size() == 2);

    const auto wants = [](std::uint32_t room) {
      return answer_with([room](guest& h) {
        h.firmware.room_at_most = 1024 * 1024;
        h.firmware.room_wanted = room;
      });
    };
    CHECK(wants(64 * 1024) == "made");
    CHECK(wants(68 * 1024) == "sev_guest.certificates_size");
    CHECK(wants(0xFFFFF000) == "sev_guest.certificates_size");
    CHECK(wants(16 * 1024 + 1) == "sev_guest.certificates_size");
    // More than this kernel takes: it says so.
    CHECK(answer_with([](guest& h) { h.firmware.room_wanted = 20 * 1024; }) ==
          "sev_guest.invalid_argument");
  }

  TEST_CASE("a host whose wishes grow without end is not followed for ever") {
    guest g;
    g.firmware.room_at_most = 1024 * 1024;
    g.firmware.room_wanted = 20 * 1024;
    // Each time that it is asked, it wants a page more than the last time.
    class greedy : public fake_kernel::node {
     public:
      explicit greedy(fake_sev_guest& under) : under_(under) {}
      bool has(const std::string& path) const override { return under_.has(path); }
      int ioctl(unsigned long number, void* argument) override {
        under_.room_wanted += 4096;
        return under_.ioctl(number, argument);
      }
      fake_sev_guest& under_;
    };
    greedy host{g.firmware};
    fake_kernel machine;
    machine.attach(host);
    sev_guest_device<fake_kernel&> device{machine, g.turns};
    CHECK(answer(device.extended_report(data, 0, 60s)) == "sev_guest.certificates_grow");
    CHECK(g.firmware.requests().size() == 5);
  }

  TEST_CASE("a plain report wants no room") {
    guest g;
    g.firmware.exitinfo2 = std::uint64_t{1} << 32;
    CHECK(answer(g.device.report(data, 0, 5s)) == "sev_guest.host_error");
  }

  TEST_CASE("a busy host is asked anew after a pause, a few times") {
    guest g;
    g.firmware.busy = 4;
    CHECK(answer(g.device.report(data, 0, 60s)) == "made");
    CHECK(g.firmware.requests().size() == 5);
    CHECK(g.machine.slept() == 8s);

    guest h;
    h.firmware.busy = -1;
    CHECK(answer(h.device.report(data, 0, 60s), errc::attest_device_throttled) == "sev_guest.busy");
    CHECK(h.firmware.requests().size() == 5);
    CHECK(h.machine.slept() == 8s);
  }

  TEST_CASE("nobody waits longer than the budget for a busy host") {
    guest g;
    g.firmware.busy = -1;
    CHECK(answer(g.device.report(data, 0, 5s), errc::attest_device_throttled) ==
          "sev_guest.turn_after_budget");
    CHECK(g.firmware.requests().size() == 3);
    CHECK(g.machine.slept() == 4s);
  }

  TEST_CASE("requests are so far apart that a host which throttles never has to") {
    guest g;
    g.firmware.least_gap = 2s;
    g.firmware.busy_is_fatal = true;
    for (int i = 0; i != 5; ++i) CHECK(answer(g.device.report(data, 0, 10s)) == "made");
    CHECK(g.machine.slept() == 8s);
    // Without that, the second one would have cost the guest its key.
    pace none{0s};
    sev_guest_device<fake_kernel&> hasty{g.machine, none};
    CHECK(answer(hasty.report(data, 0, 1s)) == "sev_guest.key_disabled");
    CHECK(answer(g.device.report(data, 0, 10s)) == "sev_guest.key_disabled");
  }

  TEST_CASE("errors of host and firmware are told apart") {
    const auto with = [](std::uint64_t exitinfo2, int error,
                         errc code = errc::attest_device_failed) {
      return answer_with(
          [&](guest& g) {
            g.firmware.exitinfo2 = exitinfo2;
            g.firmware.error = error;
          },
          code);
    };
    CHECK(with(std::uint64_t{2} << 32, EIO, errc::attest_device_throttled) == "sev_guest.busy");
    CHECK(with(std::uint64_t{3} << 32, EIO) == "sev_guest.host_error");
    CHECK(with(0x16, EIO) == "sev_guest.firmware_error");
    // 0xFF: the firmware was not called.
    CHECK(with(0xFF, EAGAIN, errc::attest_device_throttled) == "sev_guest.busy");
    CHECK(with(0xFF, EBUSY, errc::attest_device_throttled) == "sev_guest.busy");
    CHECK(with(0xFF, ETIMEDOUT, errc::attest_device_throttled) == "sev_guest.timed_out");
    CHECK(with(0xFF, EINVAL) == "sev_guest.invalid_argument");
    CHECK(with(0xFF, ENOTTY) == "sev_guest.key_disabled");
    CHECK(with(0xFF, EINTR) == "sev_guest.interrupted");
    CHECK(with(0xFF, EACCES, errc::attest_device_unavailable) == "sev_guest.denied");
    CHECK(with(0xFF, EFAULT) == "sev_guest.ioctl");
    CHECK(with(std::uint64_t{1} << 32, EIO) == "sev_guest.certificates_size");
  }

  TEST_CASE("an answer that is no report is refused") {
    CHECK(answer_with([](guest& g) { g.firmware.status = 0x16; }) == "sev_guest.invalid_parameter");
    CHECK(answer_with([](guest& g) { g.firmware.status = 0x27; }) == "sev_guest.invalid_key");
    CHECK(answer_with([](guest& g) { g.firmware.status = 1; }) == "sev_guest.status");
    for (const std::uint32_t size : {0U, 1183U, 1185U, 3969U, 0xFFFFFFFFU})
      CHECK(answer_with([size](guest& g) { g.firmware.claimed_size = size; }) ==
            "sev_guest.report_size");
    CHECK(answer_with([](guest& g) {
            g.firmware.make = [](auto, unsigned privilege) {
              return test::unsigned_snp_report(std::array<std::byte, 64>{}, privilege);
            };
          }) == "sev_guest.report_data");
  }

  TEST_CASE("a machine without the device, or without the right to it, has none") {
    fake_kernel machine;
    pace turns{2s};
    sev_guest_device<fake_kernel&> absent{machine, turns};
    CHECK_FALSE(absent.exists());
    CHECK(answer(absent.report(data, 0, 5s), errc::attest_device_unavailable) ==
          "sev_guest.absent");
    CHECK(answer_with([](guest& g) { g.machine.fail("open", "/dev/sev-guest", EACCES); },
                      errc::attest_device_unavailable) == "sev_guest.denied");
    CHECK(answer_with([](guest& g) { g.machine.fail("open", "/dev/sev-guest", EBUSY); }) ==
          "sev_guest.open");
  }

  TEST_CASE("an answer after the budget is none, and without a budget nobody is asked") {
    guest g;
    g.firmware.takes = 60s;
    CHECK(answer(g.device.report(data, 0, 60s)) == "sev_guest.late");
    CHECK(answer(g.device.report(data, 0, 61s)) == "made");
    CHECK(answer(g.device.report(data, 0, 0s)) == "sev_guest.late");
    CHECK(g.firmware.requests().size() == 2);
  }

  TEST_CASE("the device of the real kernel needs nothing to be made") {
    sev_guest_device real;
    static_assert(std::is_same_v<decltype(real), sev_guest_device<kernel>>);
    if (!real.exists())
      CHECK(answer(real.report(data, 0, 5s), errc::attest_device_unavailable) ==
            "sev_guest.absent");
  }
}

}  // namespace
