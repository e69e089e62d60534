// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/cipher.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/cipher/wipe.hpp>
#include <enfilade/compose/role.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace enfilade::insecure {

/// No cipher at all: records travel as they are, and whoever carries them reads and alters them.
///
/// Model of `cipher`, for measuring what sealing costs and for looking at a link with a packet
/// sniffer. It lacks secrecy, authenticity and everything that rests on them: evidence, rekeying
/// and the authenticated close mean nothing over it. Its tags are zeros; any other is refused, so
/// that a peer which does seal is noticed.
class Plain {
 public:
  using policy_role = role::cipher;
  static constexpr bool insecure = true;
  static constexpr std::string_view name = "plain";
  static constexpr std::uint16_t suite = 0xFFFF;
  static constexpr std::size_t key_size = 32;
  static constexpr std::size_t iv_size = 12;
  static constexpr std::size_t tag_size = 16;

  Plain(const Key<32>&, std::span<const std::byte, 12>) noexcept {}
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  void seal(std::uint64_t, std::span<const std::byte>, std::span<std::byte>,
            std::span<std::byte, 16> tag) noexcept {
    std::ranges::fill(tag, std::byte{0});
  }

  bool open(std::uint64_t, std::span<const std::byte>, std::span<std::byte> body,
            std::span<const std::byte, 16> tag) noexcept {
    const bool unsealed = std::ranges::all_of(tag, [](std::byte b) { return b == std::byte{0}; });
    if (!unsealed) wipe(body);
    return unsealed;
  }
};

static_assert(cipher<Plain>);

}  // namespace enfilade::insecure
