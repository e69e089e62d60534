// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace enfilade {

/// Which end of a link this is. The upstream end dials and is nearer to the client; the downstream
/// end answers. The value is the role byte of the protocol; zero is no end, on purpose.
enum class link_end : std::uint8_t { upstream = 1, downstream = 2 };

/// The other end.
constexpr link_end opposite(link_end end) noexcept {
  return end == link_end::upstream ? link_end::downstream : link_end::upstream;
}

}  // namespace enfilade
