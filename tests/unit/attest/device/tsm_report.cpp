// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/tsm_report.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "support/fake_kernel.hpp"
#include "support/fake_tsm.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::bytes;
using test::fake_kernel;
using test::fake_tsm;

constexpr std::array<std::byte, 64> data{std::byte{1}, std::byte{2}, std::byte{3}};

struct guest {
  fake_kernel machine;
  fake_tsm tsm{machine, "sev_guest", test::unsigned_snp_report};
  tsm_report<fake_kernel&> reports{machine};

  judged<tsm_reply> make(std::optional<unsigned> privilege = std::nullopt,
                         std::chrono::nanoseconds budget = 10s) {
    auto made = reports.make("sev_guest", data, privilege, budget);
    // Whatever became of it.
    CHECK(machine.open_files() == 0);
    CHECK(tsm.left_behind() == 0);
    return made;
  }
};

std::string answer(const judged<tsm_reply>& made, errc code = errc::attest_device_failed) {
  if (made) return "made";
  CHECK(made.error().code == code);
  return std::string{made.error().rule};
}

template <class Spoil>
std::string answer_with(Spoil spoil, errc code = errc::attest_device_failed) {
  guest g;
  spoil(g);
  return answer(g.make(), code);
}

/// The rule where a call of a file fails.
std::string failing(const char* call, const char* file, int number,
                    errc code = errc::attest_device_failed) {
  return answer_with([&](guest& g) { g.machine.fail(call, file, number); }, code);
}

TEST_SUITE("attest/tsm_report") {
  TEST_CASE("evidence is made about the data, in a directory that is gone afterwards") {
    guest g;
    g.tsm.aux = bytes(5000, std::byte{9});
    CHECK(g.reports.exists());
    const auto made = g.make();
    REQUIRE(made.has_value());
    CHECK(made->out == test::unsigned_snp_report(data, 0));
    CHECK(made->aux == g.tsm.aux);
    CHECK(g.tsm.made() == 1);
    CHECK(g.tsm.privilege_written() == -1);
  }

  TEST_CASE("TDX has neither privilege levels nor anything beside its quotes") {
    fake_kernel machine;
    const fake_tsm tsm{machine, "tdx_guest", [](std::span<const std::byte, 64> told, unsigned) {
                         return bytes(told.begin(), told.end());
                       }};
    tsm_report<fake_kernel&> reports{machine};
    const auto made = reports.make("tdx_guest", data, std::nullopt, 5s);
    REQUIRE(made.has_value());
    CHECK(made->out == bytes(data.begin(), data.end()));
    CHECK(made->aux.empty());
    CHECK(answer(reports.make("tdx_guest", data, 0, 5s)) == "tsm.privilege_level_unknown");
  }

  TEST_CASE("a privilege level is written where one is wanted or the kernel's default is too low") {
    guest g;
    CHECK(g.make(2)->out == test::unsigned_snp_report(data, 2));
    CHECK(g.tsm.privilege_written() == 2);
    CHECK(answer(g.make(4), errc::internal) == "tsm.privilege_level");

    // Under a service module the guest runs at a level above 0.
    guest under_svsm;
    under_svsm.tsm.privilege_floor = 2;
    CHECK(under_svsm.make()->out == test::unsigned_snp_report(data, 2));
    CHECK(answer(under_svsm.make(3)) == "made");
    CHECK(answer(under_svsm.make(1)) == "tsm.privilege_level_below_floor");
    // What happens to those who do not look at the floor.
    under_svsm.machine.fail("open", "/privlevel_floor", ENOENT);
    CHECK(answer(under_svsm.make()) == "tsm.invalid_argument");
  }

  TEST_CASE("pieces are put together, however short the reads are") {
    guest g;
    g.tsm.aux = bytes(777, std::byte{9});
    g.machine.read_at_most = 7;
    const auto made = g.make();
    REQUIRE(made.has_value());
    CHECK(made->out == test::unsigned_snp_report(data, 0));
    CHECK(made->aux == g.tsm.aux);
  }

  TEST_CASE("the data is written in one piece or not at all") {
    guest g;
    g.machine.write_at_most = 63;
    CHECK(answer(g.make()) == "tsm.short_write");
  }

  TEST_CASE("evidence into which somebody else wrote is made anew, a few times") {
    guest g;
    g.tsm.races = 2;
    const auto made = g.make();
    REQUIRE(made.has_value());
    CHECK(made->out == test::unsigned_snp_report(data, 0));
    CHECK(g.tsm.made() == 3);

    guest h;
    h.tsm.races = -1;
    CHECK(answer(h.make()) == "tsm.raced");
    CHECK(h.tsm.made() == 3);
  }

  TEST_CASE("a busy quoting service is asked anew after a pause, a few times and in the budget") {
    guest g;
    g.tsm.busy = 2;
    CHECK(answer(g.make()) == "made");
    CHECK(g.machine.slept() == 2s);

    guest h;
    h.tsm.busy = 3;
    CHECK(answer(h.make(), errc::attest_device_throttled) == "tsm.busy");
    CHECK(h.tsm.made() == 3);
    CHECK(h.machine.slept() == 2s);

    guest hurried;
    hurried.tsm.busy = 3;
    CHECK(answer(hurried.make(std::nullopt, 1s), errc::attest_device_throttled) == "tsm.busy");
    CHECK(hurried.tsm.made() == 1);
    CHECK(hurried.machine.slept() == 0s);
  }

  TEST_CASE("an answer after the budget is none, and without a budget nobody is asked") {
    guest g;
    g.tsm.takes = 30s;
    CHECK(answer(g.make(std::nullopt, 30s)) == "tsm.late");
    CHECK(answer(g.make(std::nullopt, 31s)) == "made");
    CHECK(answer(g.make(std::nullopt, 0s)) == "tsm.late");
    CHECK(g.tsm.made() == 2);
    // Races use the budget up as well.
    g.tsm.races = -1;
    CHECK(answer(g.make(std::nullopt, 31s)) == "tsm.late");
    CHECK(g.tsm.made() == 4);
  }

  TEST_CASE("a machine without configfs-tsm, or with that of another TEE, has none") {
    fake_kernel machine;
    tsm_report<fake_kernel&> reports{machine};
    CHECK_FALSE(reports.exists());
    const auto absent = errc::attest_device_unavailable;
    CHECK(answer(reports.make("sev_guest", data, std::nullopt, 5s), absent) == "tsm.absent");
    CHECK(answer_with([](guest& g) { g.tsm.provider = "tdx_guest"; }, absent) ==
          "tsm.other_provider");
    CHECK(answer_with([](guest& g) { g.tsm.provider = "sev_gues"; }, absent) ==
          "tsm.other_provider");
    CHECK(answer_with([](guest& g) { g.tsm.provider = ""; }, absent) == "tsm.other_provider");
  }

  TEST_CASE("every step that fails has its name") {
    const auto absent = errc::attest_device_unavailable;
    CHECK(failing("mkdir", "", ENXIO, absent) == "tsm.absent");
    CHECK(failing("mkdir", "", EACCES, absent) == "tsm.denied");
    CHECK(failing("mkdir", "", EEXIST) == "tsm.mkdir");
    CHECK(failing("open", "/provider", ENOENT, absent) == "tsm.provider_read");
    CHECK(failing("open", "/provider", EACCES, absent) == "tsm.denied");
    CHECK(failing("read", "/provider", ENXIO, absent) == "tsm.no_provider");
    CHECK(failing("read", "/provider", EIO) == "tsm.provider_read");
    CHECK(failing("open", "/generation", EIO) == "tsm.generation");
    CHECK(failing("read", "/generation", EIO) == "tsm.generation");
    CHECK(failing("open", "/privlevel_floor", EACCES, absent) == "tsm.denied");
    CHECK(failing("read", "/privlevel_floor", EIO) == "tsm.privilege_floor");
    CHECK(failing("open", "/inblob", EACCES, absent) == "tsm.denied");
    CHECK(failing("open", "/inblob", EIO) == "tsm.inblob_refused");
    CHECK(failing("write", "/inblob", EIO) == "tsm.inblob_refused");
    CHECK(failing("write", "/inblob", EFAULT) == "tsm.fault");
    CHECK(failing("write", "/inblob", EBUSY, errc::attest_device_throttled) == "tsm.busy");
    CHECK(failing("open", "/outblob", EIO) == "tsm.blob_open");
    CHECK(failing("open", "/outblob", ENOENT, absent) == "tsm.blob_absent");
    CHECK(failing("read", "/outblob", EINVAL) == "tsm.invalid_argument");
    CHECK(failing("read", "/outblob", EFBIG) == "tsm.blob_too_long");
    CHECK(failing("read", "/outblob", EINTR) == "tsm.interrupted");
    CHECK(failing("read", "/outblob", ENOTTY) == "tsm.key_disabled");
    CHECK(failing("read", "/outblob", EIO) == "tsm.blob_read");
    CHECK(failing("read", "/outblob", ETIMEDOUT, errc::attest_device_throttled) == "tsm.timed_out");
    CHECK(failing("read", "/outblob", EAGAIN, errc::attest_device_throttled) == "tsm.busy");
    CHECK(failing("read", "/auxblob", EIO) == "tsm.blob_read");
    CHECK(failing("open", "/auxblob", EIO) == "tsm.blob_open");
    CHECK(failing("open", "/auxblob", ENOENT) == "made");

    guest g;
    g.machine.fail("write", "/privlevel", EIO);
    CHECK(answer(g.make(1)) == "tsm.privilege_level_refused");
  }

  TEST_CASE("what is written for the kernel and not taken over shows as a race") {
    // configfs forgets errors of inblob when the file is closed; the generation does not.
    guest g;
    g.tsm.generation_text = "0\n";
    CHECK(answer(g.make()) == "tsm.raced");
  }

  TEST_CASE("numbers are numbers") {
    const auto generation = [](std::string_view text) {
      return answer_with([&](guest& g) { g.tsm.generation_text = text; });
    };
    CHECK(generation("\n") == "tsm.generation");
    CHECK(generation("-1\n") == "tsm.generation");
    CHECK(generation("1 \n") == "tsm.generation");
    CHECK(generation("0x1\n") == "tsm.generation");
    CHECK(generation("18446744073709551616\n") == "tsm.generation");
    CHECK(generation(std::string(32, '0')) == "tsm.generation");
    CHECK(answer_with([](guest& g) { g.tsm.privilege_floor = 4; }) == "tsm.privilege_floor");
  }

  TEST_CASE("what is handed out has a size that evidence has") {
    const auto out = [](std::size_t size) {
      return answer_with(
          [size](guest& g) { g.tsm.make = [size](auto, unsigned) { return bytes(size); }; });
    };
    CHECK(out(0) == "tsm.outblob_empty");
    CHECK(out(1) == "made");
    CHECK(out(32 * 1024) == "made");
    CHECK(out(32 * 1024 + 1) == "tsm.blob_too_long");
    CHECK(out(10 * 1024 * 1024) == "tsm.blob_too_long");
    CHECK(answer_with([](guest& g) { g.tsm.aux = bytes(64 * 1024); }) == "made");
    CHECK(answer_with([](guest& g) { g.tsm.aux = bytes(64 * 1024 + 1); }) == "tsm.blob_too_long");
  }

  TEST_CASE("the reports of the real kernel need nothing to be made") {
    tsm_report real;
    static_assert(std::is_same_v<decltype(real), tsm_report<kernel>>);
    if (!real.exists())
      CHECK(answer(real.make("sev_guest", data, std::nullopt, 5s),
                   errc::attest_device_unavailable) == "tsm.absent");
  }
}

}  // namespace
