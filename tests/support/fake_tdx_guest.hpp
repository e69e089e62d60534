// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/tdx_guest_device.hpp>
#include <enfilade/cipher/hash.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "support/fake_kernel.hpp"

namespace test {

/// `/dev/tdx_guest` of a trust domain that the test runs, and the file of its RTMR3. Quotes come
/// from a `fake_tsm` beside it.
class fake_tdx_guest : public fake_kernel::node {
 public:
  explicit fake_tdx_guest(fake_kernel& machine) : machine_(machine) { machine.attach(*this); }

  // --- what a test may choose ------------------------------------------------------------------
  std::array<std::array<std::byte, 48>, 4> registers{};
  bool shows_registers = true;  ///< Linux 6.16 and later
  std::byte report_type{0x81};
  std::chrono::nanoseconds takes{0};
  /// What becomes of a report on its way.
  std::function<void(std::span<std::byte, 1024>)> spoil = [](std::span<std::byte, 1024>) {};
  /// What the file of the register has besides its 48 bytes, or lacks.
  std::int64_t extra_bytes = 0;
  /// Called after each extension, such as to have somebody else extend too.
  std::function<void()> after_extension = [] {};

  bool has(const std::string& path) const override {
    return path == "/dev/tdx_guest" || (shows_registers && path == file);
  }

  int ioctl(unsigned long number, void* argument) override {
    if (number != 0xC4405401) return -ENOTTY;
    auto& request = *static_cast<enfilade::detail::tdx_report_request*>(argument);
    machine_.pass(takes);
    request.report.fill(std::byte{0});
    request.report[0] = report_type;
    std::ranges::copy(request.report_data, request.report.begin() + 128);
    std::fill_n(request.report.begin() + 528, 48, std::byte{0xD7});  // MRTD
    for (std::size_t i = 0; i != registers.size(); ++i)
      std::ranges::copy(registers[i],
                        request.report.begin() + 720 + 48 * static_cast<std::ptrdiff_t>(i));
    spoil(request.report);
    return 0;
  }

  std::int64_t read(const std::string& path, std::size_t offset,
                    std::span<std::byte> into) override {
    if (path != file) return -EINVAL;
    machine_.pass(takes);
    const auto end = static_cast<std::size_t>(48 + extra_bytes);
    const std::size_t size = std::min(into.size(), end - std::min(offset, end));
    for (std::size_t i = 0; i != size; ++i)
      into[i] = offset + i < 48 ? registers[3][offset + i] : std::byte{0};
    return static_cast<std::int64_t>(size);
  }

  std::int64_t write(const std::string& path, std::span<const std::byte> from) override {
    if (path != file || from.size() != 48) return -EINVAL;
    machine_.pass(takes);
    registers[3] = enfilade::sha384(registers[3], from);
    after_extension();
    return 48;
  }

 private:
  static constexpr const char* file = "/sys/class/misc/tdx_guest/measurements/rtmr3:sha384";

  fake_kernel& machine_;
};

}  // namespace test
