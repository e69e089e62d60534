// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/cipher/hash.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// What a program tells of itself in its evidence: the registers that its attester was given, such
/// as `plan` and `weights`, in one encoding.
///
/// No TEE measures them. They are as true as the program that told them, which the TEE does
/// measure: whoever pins the program may believe what it told. Where the hardware has registers that
/// a program may write once, they are there as well.
///
///     u8 count, then for each register, by ascending names: u8 size, name, u8 size, value
///
/// | limit              | value                                                                 |
/// |--------------------|-----------------------------------------------------------------------|
/// | registers          | 0 to 8                                                                |
/// | bytes, all in all  | 512: what every version of Nitro's module takes as user data          |
inline constexpr std::size_t max_told_registers = 8;
inline constexpr std::size_t max_told_size = 512;

/// The encoding of `told`, in any order; `errc::internal` for more than fits, a name that no
/// register may have, one that stands twice, or an empty value.
inline result<std::vector<std::byte>> encode_told(registers told) {
  if (told.size() > max_told_registers) return errc::internal;
  std::ranges::sort(told, {}, &registers::value_type::first);
  std::vector<std::byte> out{static_cast<std::byte>(told.size())};
  const auto put = [&out](detail::byte_span bytes) {
    out.push_back(static_cast<std::byte>(bytes.size()));
    out.insert(out.end(), bytes.begin(), bytes.end());
  };
  for (std::size_t i = 0; i != told.size(); ++i) {
    const auto& [name, value] = told[i];
    const bool doubled = i != 0 && told[i - 1].first == name;
    if (!is_register_name(name) || doubled || value.bytes().empty()) return errc::internal;
    put(detail::bytes_of(name));
    put(value.bytes());
  }
  if (out.size() > max_told_size) return errc::internal;
  return out;
}

/// Reads what `encode_told` wrote, and refuses every other encoding of the same.
inline judged<registers> parse_told(detail::byte_span bytes) {
  const auto refused = [](std::string_view rule) { return refusal{errc::attest_malformed, rule}; };
  if (bytes.empty() || bytes.size() > max_told_size) return refused("told.size");
  const auto count = std::to_integer<std::size_t>(bytes.front());
  if (count > max_told_registers) return refused("told.count");
  bytes = bytes.subspan(1);
  // Takes a length byte and as many bytes off the front; empty where they are not all there.
  const auto take = [&bytes]() -> detail::byte_span {
    if (bytes.empty()) return {};
    const auto size = std::to_integer<std::size_t>(bytes.front());
    if (size > bytes.size() - 1) return {};
    const detail::byte_span taken = bytes.subspan(1, size);
    bytes = bytes.subspan(1 + size);
    return taken;
  };
  registers told;
  for (std::size_t i = 0; i != count; ++i) {
    const detail::byte_span name_bytes = take();
    std::string name{reinterpret_cast<const char*>(name_bytes.data()), name_bytes.size()};
    if (!is_register_name(name)) return refused("told.name");
    if (i != 0 && name <= told.back().first) return refused("told.order");
    const auto value = Measurement::from(take());
    if (!value) return refused("told.value");
    told.emplace_back(std::move(name), *value);
  }
  if (!bytes.empty()) return refused("told.trailing_bytes");
  return told;
}

/// The 64 bytes that a TEE without room for more signs: of the link's report data and of all that
/// the program told. SHA-512 of a label of fixed length, 64 bytes, and the rest, so that no byte can
/// move from one to the other.
inline std::array<std::byte, 64> bound_report_data(std::span<const std::byte, 64> of_link,
                                                   detail::byte_span told) noexcept {
  using namespace std::string_view_literals;
  return sha512(detail::bytes_of("enfilade report data/1"sv), of_link, told);
}

}  // namespace enfilade
