// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/limits.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace enfilade {

/// What a message asks or tells. Requests travel down the pipeline, results travel up.
enum class message_kind : std::uint8_t {
  generate = 1,    ///< client to stage 0: a prompt; `value` is the most tokens to make
  activation = 2,  ///< down: hidden states of `position` and the rows after it
  release = 3,     ///< down: the slot's sequence has ended, forget its keys and values
  token = 4,       ///< up: `value` is the token id; text for the client, or logits, as payload
  done = 5,        ///< up, to the client: `value` is a `done_reason`
  failure = 6,     ///< up: `value` is an `errc`, `stage` where it happened, a short text as payload
  cancel = 7,      ///< client to stage 0: stop working on the request
  rooms = 8,       ///< down: what did the stages below you show when they were let in?
  room_evidence = 9,  ///< up, the answer: an entry of wire/room_evidence.hpp for each of them
};

/// The element type of a message's payload.
enum class message_dtype : std::uint8_t { none = 0, u8 = 1, u32 = 2, f32 = 3, bf16 = 4 };

/// Why a generation ended.
enum class done_reason : std::uint8_t { length = 0, end_of_text = 1 };

/// On `generate` and `activation`: the last stage sends logits with every token.
inline constexpr std::uint8_t message_flag_logits = 1;

/// The slot of a `failure` that answers `rooms`: no sequence has it, so whatever their numbers are,
/// the two cannot be taken for each other.
inline constexpr std::uint32_t no_slot = 0xFFFF'FFFF;

/// Bytes of one element.
constexpr std::uint64_t element_size(message_dtype dtype) noexcept {
  switch (dtype) {
    case message_dtype::u8:
      return 1;
    case message_dtype::bf16:
      return 2;
    case message_dtype::u32:
    case message_dtype::f32:
      return 4;
    case message_dtype::none:
      break;
  }
  return 0;
}

/// The 64 bytes in front of every message's payload; the payload's own address is then as aligned
/// as the message's. A field that a kind does not use is zero, and is refused where it is not.
struct message_header {
  message_kind kind = message_kind::cancel;
  message_dtype dtype = message_dtype::none;
  std::uint8_t rank = 0;
  std::uint8_t flags = 0;
  std::uint32_t slot = 0;
  std::uint32_t position = 0;
  std::uint32_t stage = 0;
  std::uint64_t request = 0;
  std::uint64_t busy_ns = 0;
  std::array<std::uint32_t, 4> shape{};
  std::uint64_t payload_size = 0;
  std::uint64_t value = 0;

  friend bool operator==(const message_header&, const message_header&) = default;
};

namespace detail {

// What one kind of message may carry: a bit per dtype, the rank that goes with any of them, which
// flags and fields it uses, and the largest value.
struct message_rule {
  unsigned dtypes;
  std::uint8_t rank;
  std::uint8_t flags;
  bool slot, position, stage, busy;
  std::uint64_t least_value, most_value;
};

constexpr unsigned one_of(message_dtype dtype) { return 1u << static_cast<unsigned>(dtype); }

inline constexpr std::uint64_t max_u32 = 0xFFFF'FFFF;

inline constexpr std::array<message_rule, 9> message_rules{{
    // dtypes, rank, flags, slot, position, stage, busy, value
    {one_of(message_dtype::u8) | one_of(message_dtype::u32), 1, message_flag_logits, false, false,
     false, false, 0, max_u32},
    {one_of(message_dtype::f32), 2, message_flag_logits, true, true, false, false, 0, 0},
    {one_of(message_dtype::none), 0, 0, true, false, false, false, 0, 0},
    {one_of(message_dtype::none) | one_of(message_dtype::u8) | one_of(message_dtype::f32), 1, 0,
     true, true, false, true, 0, max_u32},
    {one_of(message_dtype::none), 0, 0, true, true, false, true, 0, 1},
    {one_of(message_dtype::none) | one_of(message_dtype::u8), 1, 0, true, false, true, false, 1,
     999},
    {one_of(message_dtype::none), 0, 0, false, false, false, false, 0, 0},
    {one_of(message_dtype::none), 0, 0, false, false, false, false, 0, 0},
    {one_of(message_dtype::u8), 1, 0, false, false, false, false, 0, 0},
}};

}  // namespace detail

/// Whether `header` is one that its kind may have: `errc::frame_malformed`, or
/// `errc::frame_too_large` where only a bound is exceeded. Shape and payload agree afterwards.
inline result<void> check(const message_header& header) noexcept {
  const auto kind = static_cast<std::size_t>(header.kind);
  if (kind == 0 || kind > detail::message_rules.size()) return errc::frame_malformed;
  const detail::message_rule& rule = detail::message_rules[kind - 1];
  const auto dtype = static_cast<unsigned>(header.dtype);
  if (dtype > static_cast<unsigned>(message_dtype::bf16)) return errc::frame_malformed;
  if ((rule.dtypes >> dtype & 1u) == 0) return errc::frame_malformed;
  if (header.rank != (header.dtype == message_dtype::none ? 0 : rule.rank))
    return errc::frame_malformed;
  if ((header.flags & ~rule.flags) != 0) return errc::frame_malformed;
  if ((!rule.slot && header.slot != 0) || (!rule.position && header.position != 0) ||
      (!rule.stage && header.stage != 0) || (!rule.busy && header.busy_ns != 0))
    return errc::frame_malformed;
  if (header.value < rule.least_value || header.value > rule.most_value)
    return errc::frame_malformed;

  // Bounded at every step, so the product of four dimensions cannot overflow.
  std::uint64_t size = element_size(header.dtype);
  for (std::size_t i = 0; i != header.shape.size(); ++i) {
    if (i >= header.rank) {
      if (header.shape[i] != 0) return errc::frame_malformed;
      continue;
    }
    size *= header.shape[i];
    if (size > max_payload_size) return errc::frame_too_large;
  }
  if (header.payload_size != size) return errc::frame_malformed;
  if (header.kind == message_kind::activation && size == 0) return errc::frame_malformed;
  if (header.kind == message_kind::failure && size > max_failure_text) return errc::frame_too_large;
  if (header.kind == message_kind::room_evidence && size > max_rooms_size)
    return errc::frame_too_large;
  return {};
}

/// Writes `header`, which should pass `check`: the peer will ask.
inline void encode(const message_header& header,
                   std::span<std::byte, message_header_size> out) noexcept {
  out[0] = static_cast<std::byte>(header.kind);
  out[1] = static_cast<std::byte>(header.dtype);
  out[2] = static_cast<std::byte>(header.rank);
  out[3] = static_cast<std::byte>(header.flags);
  detail::store_le(out.data() + 4, header.slot);
  detail::store_le(out.data() + 8, header.position);
  detail::store_le(out.data() + 12, header.stage);
  detail::store_le(out.data() + 16, header.request);
  detail::store_le(out.data() + 24, header.busy_ns);
  for (std::size_t i = 0; i != header.shape.size(); ++i)
    detail::store_le(out.data() + 32 + 4 * i, header.shape[i]);
  detail::store_le(out.data() + 48, header.payload_size);
  detail::store_le(out.data() + 56, header.value);
}

/// Reads the first 64 bytes of a message; errors as of `check`. That the payload really has
/// `payload_size` bytes is for whoever puts the chunks together.
inline result<message_header> decode(std::span<const std::byte, message_header_size> in) noexcept {
  message_header header;
  header.kind = static_cast<message_kind>(in[0]);
  header.dtype = static_cast<message_dtype>(in[1]);
  header.rank = std::to_integer<std::uint8_t>(in[2]);
  header.flags = std::to_integer<std::uint8_t>(in[3]);
  header.slot = detail::load_le<std::uint32_t>(in.data() + 4);
  header.position = detail::load_le<std::uint32_t>(in.data() + 8);
  header.stage = detail::load_le<std::uint32_t>(in.data() + 12);
  header.request = detail::load_le<std::uint64_t>(in.data() + 16);
  header.busy_ns = detail::load_le<std::uint64_t>(in.data() + 24);
  for (std::size_t i = 0; i != header.shape.size(); ++i)
    header.shape[i] = detail::load_le<std::uint32_t>(in.data() + 32 + 4 * i);
  header.payload_size = detail::load_le<std::uint64_t>(in.data() + 48);
  header.value = detail::load_le<std::uint64_t>(in.data() + 56);
  if (const result<void> fits = check(header); !fits) return fits.error();
  return header;
}

}  // namespace enfilade
