// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/time_budget.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

namespace enfilade {

/// Lets requests pass one by one, each so long after the one before it.
///
/// The host of an SEV-SNP guest takes one report request in two seconds or so and throttles whoever
/// asks more often; a kernel that is throttled may destroy the key with which it talks to the
/// firmware, and then there are no more reports until the next boot. So we stay below that by
/// ourselves. May be shared between threads.
class pace {
 public:
  explicit constexpr pace(std::chrono::nanoseconds gap) noexcept : gap_(gap) {}

  /// Waits for the next turn and takes it. Returns false, and at once, where the budget would be
  /// spent before; the turn then is free for others.
  template <system_calls Kernel>
  bool take_turn(Kernel& machine, const time_budget<Kernel>& budget) {
    std::int64_t next = next_.load();
    for (;;) {
      const std::int64_t now = machine.now().count();
      const std::int64_t turn = std::max(now, next);
      if (std::chrono::nanoseconds{turn - now} >= budget.left()) return false;
      // A failed exchange means that another thread took this turn; `next` is now the one after it.
      if (next_.compare_exchange_weak(next, turn + gap_.count())) {
        machine.sleep(std::chrono::nanoseconds{turn - now});
        return true;
      }
    }
  }

 private:
  std::chrono::nanoseconds gap_;
  std::atomic<std::int64_t> next_{std::numeric_limits<std::int64_t>::min()};
};

/// The turns of this process at `/dev/sev-guest`: one in two seconds.
inline pace& sev_guest_pace() {
  static pace turns{std::chrono::seconds{2}};
  return turns;
}

}  // namespace enfilade
