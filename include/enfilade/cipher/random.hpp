// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

#include <sys/random.h>

#include <cerrno>
#include <cstddef>
#include <span>

namespace enfilade {

/// Fills `out` with random bytes of the kernel: getrandom(2), which waits until the pool is seeded.
///
/// `errc::crypto_random_failed` where the kernel refuses; `out` is then not to be used.
inline result<void> random_bytes(std::span<std::byte> out) noexcept {
  while (!out.empty()) {
    const auto got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return errc::crypto_random_failed;
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

}  // namespace enfilade
