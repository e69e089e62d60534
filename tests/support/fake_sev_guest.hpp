// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/sev_guest_device.hpp>
#include <enfilade/attest/device/snp_certificate_table.hpp>
#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/fake_kernel.hpp"
#include "support/test_authority.hpp"

namespace test {

/// Makes a report or a quote about the data; the second argument is the privilege level.
using evidence_maker = std::function<bytes(std::span<const std::byte, 64>, unsigned)>;

/// A report that nobody has signed: its size, the privilege level and the data are right.
inline bytes unsigned_snp_report(std::span<const std::byte, 64> data, unsigned privilege) {
  bytes report(1184);
  enfilade::detail::store_le(report.data(), std::uint32_t{2});
  enfilade::detail::store_le(report.data() + 0x30, std::uint32_t{privilege});
  std::ranges::copy(data, report.begin() + 0x50);
  return report;
}

/// The table of the host's certificates, by the GUIDs that AMD gave them.
inline bytes certificate_table(
    const std::vector<std::pair<enfilade::detail::snp_guid, bytes>>& certificates) {
  bytes table((certificates.size() + 1) * 24);
  for (std::size_t i = 0; i != certificates.size(); ++i) {
    const auto& [guid, der] = certificates[i];
    std::memcpy(table.data() + 24 * i, guid.data(), guid.size());
    enfilade::detail::store_le(table.data() + 24 * i + 16,
                               static_cast<std::uint32_t>(table.size()));
    enfilade::detail::store_le(table.data() + 24 * i + 20, static_cast<std::uint32_t>(der.size()));
    table.insert(table.end(), der.begin(), der.end());
  }
  return table;
}

/// `/dev/sev-guest` of a guest that the test runs, with the limits of the kernel's driver.
class fake_sev_guest : public fake_kernel::node {
 public:
  explicit fake_sev_guest(fake_kernel& machine) : machine_(machine) { machine.attach(*this); }

  // --- what a test may choose ------------------------------------------------------------------
  evidence_maker make = unsigned_snp_report;
  bytes certificates;                      ///< the table
  std::uint32_t room_wanted = 0;           ///< what the host wants at least for it
  std::uint32_t room_at_most = 16 * 1024;  ///< what the kernel takes
  int busy = 0;                            ///< so many requests are turned away
  bool busy_is_fatal = false;              ///< and the kernel destroys its key for that (Linux 6.1)
  std::chrono::nanoseconds least_gap{0};   ///< the host is busy for what comes sooner
  std::uint64_t exitinfo2 = 0;             ///< of every request, where it is not 0
  int error = EIO;                         ///< the error number that goes with it
  std::uint32_t status = 0;                ///< of the firmware, inside the answer
  std::optional<std::uint32_t> claimed_size;  ///< of the report
  std::chrono::nanoseconds takes{0};          ///< how long a request takes

  // --- and what it may ask -----------------------------------------------------------------------
  const std::vector<std::chrono::nanoseconds>& requests() const { return requests_; }
  const bytes& last_request() const { return last_request_; }

  bool has(const std::string& path) const override { return path == "/dev/sev-guest"; }

  int ioctl(unsigned long number, void* argument) override {
    namespace detail = enfilade::detail;
    auto& call = *static_cast<detail::snp_guest_request*>(argument);
    call.exitinfo2 = 0xFF;
    if (call.message_version == 0) return -EINVAL;
    const bool extended = number == 0xC0205302;
    if (!extended && number != 0xC0205300) return -ENOTTY;
    auto& request = *reinterpret_cast<detail::snp_extended_request*>(call.request_address);
    auto* const begin = reinterpret_cast<const std::byte*>(call.request_address);
    last_request_.assign(begin, begin + (extended ? 112 : 96));
    const std::uint32_t room = extended ? request.certificates_size : 0;
    if (room > room_at_most || room % 4096 != 0) return -EINVAL;
    if (key_destroyed_) return -ENOTTY;

    const bool too_soon = !requests_.empty() && machine_.now() - requests_.back() < least_gap;
    requests_.push_back(machine_.now());
    machine_.pass(takes);
    if (too_soon || busy != 0) {
      if (busy > 0) --busy;
      key_destroyed_ = busy_is_fatal;
      call.exitinfo2 = std::uint64_t{2} << 32;
      return -EIO;
    }
    if (exitinfo2 != 0) {
      call.exitinfo2 = exitinfo2;
      return -error;
    }
    if (extended && room < room_wanted) {
      call.exitinfo2 = std::uint64_t{1} << 32;
      request.certificates_size = room_wanted;
      return -EIO;
    }
    call.exitinfo2 = 0;
    if (extended) {
      auto* const to = reinterpret_cast<std::byte*>(request.certificates_address);
      std::fill_n(to, room, std::byte{0});
      std::ranges::copy(certificates, to);
    }
    auto* const response = reinterpret_cast<std::byte*>(call.response_address);
    std::fill_n(response, 4000, std::byte{0});
    detail::store_le(response, status);
    if (status != 0) return 0;
    const bytes report = make(request.report.user_data, request.report.vmpl);
    detail::store_le(response + 4,
                     claimed_size.value_or(static_cast<std::uint32_t>(report.size())));
    std::ranges::copy(report, response + 32);
    return 0;
  }

 private:
  fake_kernel& machine_;
  bool key_destroyed_ = false;
  std::vector<std::chrono::nanoseconds> requests_;
  bytes last_request_;
};

}  // namespace test
