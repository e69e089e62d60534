// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/device_file.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "support/fake_kernel.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using detail::device_file;
using detail::open_failure;
using test::fake_kernel;

class ten_bytes : public fake_kernel::node {
 public:
  explicit ten_bytes(fake_kernel& machine) { machine.attach(*this); }
  std::int64_t claimed = 0;  // what a read says that it gave, if not the truth

  bool has(const std::string& path) const override { return path == "/dev/ten"; }
  int ioctl(unsigned long number, void*) override { return static_cast<int>(number); }
  std::int64_t read(const std::string&, std::size_t offset, std::span<std::byte> into) override {
    if (claimed != 0) return claimed;
    const std::size_t size = std::min(into.size(), 10 - offset);
    std::memset(into.data(), 7, size);
    return static_cast<std::int64_t>(size);
  }
  std::int64_t write(const std::string&, std::span<const std::byte> from) override {
    return static_cast<std::int64_t>(from.size());
  }
};

TEST_SUITE("attest/device_file") {
  TEST_CASE("it closes itself, once") {
    fake_kernel machine;
    const ten_bytes ten{machine};
    {
      device_file file{machine, "/dev/ten", O_RDWR};
      CHECK(static_cast<bool>(file));
      CHECK(machine.open_files() == 1);
      file.close();
      CHECK(machine.open_files() == 0);
      CHECK_FALSE(static_cast<bool>(file));
    }
    { const device_file file{machine, "/dev/ten", O_RDWR}; }
    CHECK(machine.open_files() == 0);
    const device_file none{machine, "/dev/none", O_RDWR};
    CHECK(none.opened() == -ENOENT);
  }

  TEST_CASE("all of a file is read, in whatever pieces it comes") {
    fake_kernel machine;
    const ten_bytes ten{machine};
    machine.read_at_most = 3;
    std::array<std::byte, 16> room{};
    CHECK(device_file{machine, "/dev/ten", O_RDONLY}.read_all(room) == 10);
    CHECK(room[9] == std::byte{7});
    CHECK(machine.calls("read") == 5);
    std::array<std::byte, 4> small{};
    CHECK(device_file{machine, "/dev/ten", O_RDONLY}.read_all(small) == 4);
  }

  TEST_CASE("a read that says that it gave more than there was room is an error") {
    fake_kernel machine;
    ten_bytes ten{machine};
    ten.claimed = 17;
    std::array<std::byte, 16> room{};
    CHECK(device_file{machine, "/dev/ten", O_RDONLY}.read_all(room) == -EIO);
  }

  TEST_CASE("a signal does no harm, and signals for ever do not hold it up for ever") {
    for (const char* call : {"open", "ioctl", "read", "write"}) {
      CAPTURE(call);
      for (const bool for_ever : {false, true}) {
        fake_kernel machine;
        const ten_bytes ten{machine};
        machine.fail(call, "/dev/ten", EINTR, for_ever ? -1 : 7);
        device_file file{machine, "/dev/ten", O_RDWR};
        std::array<std::byte, 4> room{};
        const std::string name{call};
        const std::int64_t answer = name == "open"    ? file.opened()
                                    : name == "ioctl" ? file.ioctl(5, nullptr)
                                    : name == "read"  ? file.read_all(room)
                                                      : file.write(room);
        if (for_ever) {
          CHECK(answer == -EINTR);
          CHECK(machine.calls(name) == 8);
        } else {
          CHECK(answer > 0);
        }
      }
    }
  }

  TEST_CASE("why a file cannot be opened has three names") {
    const detail::open_rules rules{"x.absent", "x.denied", "x.open"};
    for (const int number : {ENOENT, ENODEV, ENXIO, ENOTDIR})
      CHECK(open_failure(-number, rules) == refusal{errc::attest_device_unavailable, "x.absent"});
    for (const int number : {EACCES, EPERM, EROFS})
      CHECK(open_failure(-number, rules) == refusal{errc::attest_device_unavailable, "x.denied"});
    for (const int number : {EBUSY, EMFILE, EIO, EINTR})
      CHECK(open_failure(-number, rules) == refusal{errc::attest_device_failed, "x.open"});
  }
}

}  // namespace
