// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/kernel.hpp>

#include <algorithm>
#include <chrono>

namespace enfilade {

/// The time that a caller gives a device, by the clock of the machine that the device is part of.
///
/// It bounds what the devices do again and again. A system call that is under way cannot be taken
/// back: `/dev/nsm` answers within two minutes, `/dev/sev-guest` within one, a TDX quote within half
/// a minute; an answer that comes after the budget was spent counts as none.
template <system_calls Kernel>
class time_budget {
 public:
  /// From now on; at most an hour.
  time_budget(Kernel& machine, std::chrono::nanoseconds budget)
      : machine_(machine),
        end_(machine.now() + std::min<std::chrono::nanoseconds>(budget, std::chrono::hours{1})) {}

  std::chrono::nanoseconds left() const { return end_ - machine_.now(); }
  bool spent() const { return left().count() <= 0; }

  /// Sleeps that long; returns false, and at once, where the budget would be spent before.
  bool wait(std::chrono::nanoseconds time) const {
    if (time >= left()) return false;
    machine_.sleep(time);
    return true;
  }

 private:
  Kernel& machine_;
  std::chrono::nanoseconds end_;
};

}  // namespace enfilade
