// SPDX-License-Identifier: Apache-2.0
#pragma once

// What somebody sees who watches the simulated network and knows efl/1, but no key.

#include <enfilade/detail/bytes.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/limits.hpp>

#include "support/simulated.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace test {

/// Where the last record of the handshake ends in what one end wrote; nothing while it is not out.
inline std::optional<std::size_t> end_of_handshake(std::span<const std::byte> written) {
  std::size_t at = 0;
  while (written.size() >= at + enfilade::record_header_size) {
    const auto length = enfilade::detail::load_le<std::uint32_t>(written.data() + at);
    const auto type = static_cast<enfilade::record_type>(written[at + 4]);
    at += enfilade::record_prefix_size + length;
    if (type == enfilade::record_type::confirm)
      return at <= written.size() ? std::optional{at} : std::nullopt;
    if (type > enfilade::record_type::confirm) return 0;  // goes on without having confirmed
  }
  return std::nullopt;
}

/// Whether `side` has just written more than its handshake without having read all of the peer's.
inline bool speaks_too_early(const network::connection& on, std::size_t side) {
  const network::way& own = side == 0 ? on.down : on.up;
  const network::way& theirs = side == 0 ? on.up : on.down;
  const auto own_end = end_of_handshake(own.written);
  if (!own_end || own.written.size() <= *own_end) return false;
  const auto their_end = end_of_handshake(theirs.written);
  return *own_end == 0 || !their_end || theirs.read < *their_end;
}

/// How many of the secrets travelled in clear, in all connections.
inline std::size_t shown(const network& world, const std::vector<std::vector<std::byte>>& secrets) {
  std::size_t count = 0;
  for (const auto& one : world.connections())
    for (const network::way* way : {&one->down, &one->up})
      for (const auto& secret : secrets)
        count += std::ranges::search(way->written, secret).empty() ? 0 : 1;
  return count;
}

}  // namespace test
