// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/rtmr.hpp>

#include <enfilade/attest/tdx/extended_rtmr.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>

#include "support/fake_kernel.hpp"
#include "support/fake_tdx_guest.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::fake_kernel;
using test::fake_tdx_guest;

constexpr const char* file = "/rtmr3:sha384";

template <class T>
std::string answer(const judged<T>& made, errc code = errc::attest_device_failed) {
  if (made) return "done";
  CHECK(made.error().code == code);
  return std::string{made.error().rule};
}

struct domain {
  fake_kernel machine;
  fake_tdx_guest module{machine};
  rtmr<fake_kernel&> register3{machine};
};

constexpr std::array<std::byte, 48> digest{std::byte{7}};

TEST_SUITE("attest/rtmr") {
  TEST_CASE("what is extended is read back") {
    domain d;
    CHECK(d.register3.exists());
    CHECK(*d.register3.read(1s) == std::array<std::byte, 48>{});
    CHECK(answer(d.register3.extend(digest, 1s)) == "done");
    CHECK(*d.register3.read(1s) == extended_rtmr(std::array<std::byte, 48>{}, digest));
    CHECK(d.module.registers[2] == std::array<std::byte, 48>{});
    CHECK(d.machine.open_files() == 0);
  }

  TEST_CASE("short reads are put together; what has another size is no register") {
    domain d;
    d.machine.read_at_most = 5;
    CHECK(answer(d.register3.read(1s)) == "done");
    d.module.extra_bytes = 1;
    CHECK(answer(d.register3.read(1s)) == "rtmr.size");
    d.module.extra_bytes = -1;
    CHECK(answer(d.register3.read(1s)) == "rtmr.size");
    d.module.extra_bytes = -48;
    CHECK(answer(d.register3.read(1s)) == "rtmr.size");
  }

  TEST_CASE("an older kernel has no such interface, and says so by its name") {
    domain d;
    d.module.shows_registers = false;
    CHECK_FALSE(d.register3.exists());
    CHECK(answer(d.register3.read(1s), errc::attest_device_unavailable) == "rtmr.absent");
    CHECK(answer(d.register3.extend(digest, 1s), errc::attest_device_unavailable) == "rtmr.absent");
  }

  TEST_CASE("every step that fails has its name") {
    const auto reading = [](const char* call, int number, errc code) {
      domain d;
      d.machine.fail(call, file, number);
      return answer(d.register3.read(1s), code);
    };
    const auto extending = [](const char* call, int number, errc code) {
      domain d;
      d.machine.fail(call, file, number);
      return answer(d.register3.extend(digest, 1s), code);
    };
    CHECK(reading("open", EACCES, errc::attest_device_unavailable) == "rtmr.denied");
    CHECK(reading("open", EIO, errc::attest_device_failed) == "rtmr.open");
    CHECK(reading("read", EIO, errc::attest_device_failed) == "rtmr.read");
    CHECK(extending("open", EACCES, errc::attest_device_unavailable) == "rtmr.denied");
    CHECK(extending("write", EPERM, errc::attest_device_unavailable) == "rtmr.denied");
    CHECK(extending("write", EINVAL, errc::attest_device_failed) == "rtmr.write");
    domain d;
    d.machine.write_at_most = 47;
    CHECK(answer(d.register3.extend(digest, 1s)) == "rtmr.write");
    CHECK(d.module.registers[3] == std::array<std::byte, 48>{});
  }

  TEST_CASE("an answer after the budget is none, and without a budget nobody is asked") {
    domain d;
    CHECK(answer(d.register3.read(0s)) == "rtmr.late");
    CHECK(answer(d.register3.extend(digest, 0s)) == "rtmr.late");
    CHECK(d.machine.calls("open") == 0);
    d.module.takes = 1s;
    CHECK(answer(d.register3.read(1s)) == "rtmr.late");
    CHECK(answer(d.register3.extend(digest, 1s)) == "rtmr.late");
  }

  TEST_CASE("the register of the real kernel needs nothing to be made") {
    rtmr real;
    static_assert(std::is_same_v<decltype(real), rtmr<kernel>>);
    if (!real.exists())
      CHECK(answer(real.read(1s), errc::attest_device_unavailable) == "rtmr.absent");
  }
}

}  // namespace
