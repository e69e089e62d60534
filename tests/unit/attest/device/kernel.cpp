// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/kernel.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "support/fake_kernel.hpp"

namespace {

using namespace enfilade;

static_assert(system_calls<kernel> && system_calls<kernel&>);
static_assert(system_calls<test::fake_kernel&>);
static_assert(!system_calls<int>);

TEST_SUITE("attest/kernel") {
  TEST_CASE("calls that fail return the error number negated") {
    const kernel machine;
    CHECK(machine.open("/nonexistent/enfilade", O_RDONLY) == -ENOENT);
    CHECK(machine.close(-1) == -EBADF);
    CHECK(machine.mkdir("/nonexistent/enfilade") == -ENOENT);
    CHECK(machine.rmdir("/nonexistent/enfilade") == -ENOENT);
    CHECK_FALSE(machine.exists("/nonexistent/enfilade"));
    std::array<std::byte, 4> room{};
    CHECK(machine.read(-1, room) == -EBADF);
    CHECK(machine.write(-1, room) == -EBADF);
    const int null = machine.open("/dev/null", O_RDWR);
    REQUIRE(null >= 0);
    CHECK(machine.ioctl(null, 0xC0200A00, room.data()) == -ENOTTY);
    CHECK(machine.close(null) == 0);
  }

  TEST_CASE("files are opened, read and written, and not inherited by other programs") {
    const kernel machine;
    const int zero = machine.open("/dev/zero", O_RDWR);
    REQUIRE(zero >= 0);
    std::array<std::byte, 4> room{std::byte{1}, std::byte{1}, std::byte{1}, std::byte{1}};
    CHECK(machine.write(zero, room) == 4);
    CHECK(machine.read(zero, room) == 4);
    CHECK(room == std::array<std::byte, 4>{});
    CHECK((::fcntl(zero, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(machine.close(zero) == 0);
    CHECK(machine.exists("/dev/zero"));
  }

  TEST_CASE("directories are made and removed") {
    const kernel machine;
    const char* folder = std::getenv("TMPDIR");
    const std::string name = std::string{folder != nullptr ? folder : "/tmp"} +
                             "/enfilade-kernel-" + std::to_string(::getpid());
    CHECK(machine.mkdir(name.c_str()) == 0);
    CHECK(machine.exists(name.c_str()));
    CHECK(machine.mkdir(name.c_str()) == -EEXIST);
    CHECK(machine.rmdir(name.c_str()) == 0);
    CHECK_FALSE(machine.exists(name.c_str()));
  }

  TEST_CASE("its clock shows the time that it slept, and it does not sleep for less than nothing") {
    const kernel machine;
    const auto before = machine.now();
    machine.sleep(std::chrono::microseconds{50});
    machine.sleep(std::chrono::seconds{-5});
    CHECK(machine.now() - before >= std::chrono::microseconds{50});
  }
}

}  // namespace
