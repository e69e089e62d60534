// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/limits.hpp>
#include <enfilade/wire/link_end.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace enfilade {

/// The first thing each end says, in the clear: who it is in the pipeline, and a fresh key.
///
/// Everything in it becomes part of the transcript, so nothing in it can be altered unnoticed.
struct hello {
  std::uint16_t suite = 0;
  link_end end = link_end::upstream;
  bool sends_evidence = false;
  bool demands_evidence = false;
  std::uint32_t link = 0;
  std::array<std::byte, 32> public_key{};
  std::array<std::byte, 32> nonce{};
  std::array<std::byte, 32> plan{};

  friend bool operator==(const hello&, const hello&) = default;
};

namespace detail {
inline constexpr std::string_view hello_magic{"efl/1\0\0\0", 8};
}

/// Writes the body of a hello record.
inline void encode(const hello& h, std::span<std::byte, hello_size> out) noexcept {
  std::ranges::fill(out, std::byte{0});
  std::memcpy(out.data(), detail::hello_magic.data(), detail::hello_magic.size());
  detail::store_le(out.data() + 8, h.suite);
  out[10] = static_cast<std::byte>(h.end);
  out[11] = static_cast<std::byte>((h.sends_evidence ? 1 : 0) | (h.demands_evidence ? 2 : 0));
  detail::store_le(out.data() + 12, h.link);
  std::memcpy(out.data() + 32, h.public_key.data(), 32);
  std::memcpy(out.data() + 64, h.nonce.data(), 32);
  std::memcpy(out.data() + 96, h.plan.data(), 32);
}

/// Reads the body of a hello record. Form only: whether the two ends fit is asked by `handshake`.
///
/// `errc::frame_bad_version` where only the number after "efl/" is another,
/// `errc::frame_malformed` for anything else.
inline result<hello> decode(std::span<const std::byte, hello_size> in) noexcept {
  if (std::memcmp(in.data(), detail::hello_magic.data(), 4) != 0) return errc::frame_malformed;
  if (std::memcmp(in.data(), detail::hello_magic.data(), detail::hello_magic.size()) != 0)
    return errc::frame_bad_version;
  const auto end = std::to_integer<unsigned>(in[10]);
  const auto flags = std::to_integer<unsigned>(in[11]);
  if (end != static_cast<unsigned>(link_end::upstream) &&
      end != static_cast<unsigned>(link_end::downstream))
    return errc::frame_malformed;
  if (flags > 3) return errc::frame_malformed;
  const auto reserved = in.subspan<16, 16>();
  if (std::ranges::any_of(reserved, [](std::byte b) { return b != std::byte{0}; }))
    return errc::frame_malformed;
  hello h;
  h.suite = detail::load_le<std::uint16_t>(in.data() + 8);
  h.end = static_cast<link_end>(end);
  h.sends_evidence = (flags & 1) != 0;
  h.demands_evidence = (flags & 2) != 0;
  h.link = detail::load_le<std::uint32_t>(in.data() + 12);
  std::memcpy(h.public_key.data(), in.data() + 32, 32);
  std::memcpy(h.nonce.data(), in.data() + 64, 32);
  std::memcpy(h.plan.data(), in.data() + 96, 32);
  return h;
}

/// Why two ends that said `mine` and `theirs` cannot have a link, the first reason of several; no
/// error where they can.
inline error_code mismatch(const hello& mine, const hello& theirs) noexcept {
  if (theirs.end == mine.end) return errc::plan_role_mismatch;
  if (theirs.suite != mine.suite) return errc::plan_suite_mismatch;
  if (theirs.link != mine.link) return errc::plan_link_mismatch;
  if (theirs.plan != mine.plan) return errc::plan_mismatch;
  if (mine.demands_evidence && !theirs.sends_evidence) return errc::attest_missing;
  if (theirs.demands_evidence && !mine.sends_evidence) return errc::attest_missing;
  return {};
}

/// The whole hello record: a header, a tag of zeros because nothing is sealed yet, and the body.
inline std::array<std::byte, record_prefix_size + hello_size> hello_record(
    const hello& h) noexcept {
  std::array<std::byte, record_prefix_size + hello_size> record{};
  record_header header;
  header.type = record_type::hello;
  header.body_length = hello_size;
  encode(header, std::span{record}.first<record_header_size>());
  encode(h, std::span{record}.last<hello_size>());
  return record;
}

}  // namespace enfilade
