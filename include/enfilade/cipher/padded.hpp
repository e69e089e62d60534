// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/cipher.hpp>
#include <enfilade/compose/explain.hpp>
#include <enfilade/wire/limits.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace enfilade {

/// What a message of `size` bytes is padded to under the cipher `C`: the next multiple of
/// `C::padding`, or `size` itself where `C` has no padding.
template <cipher C>
constexpr std::size_t padded_size(std::size_t size) noexcept {
  if constexpr (requires { C::padding; })
    return (size + C::padding - 1) / C::padding * C::padding;
  else
    return size;
}

namespace detail {

/// Whether messages sealed by `C` can be padded to multiples of `Size` bytes: chunks stay aligned,
/// the shortest message still is one record, and nobody pads what is padded.
template <class C, std::size_t Size>
constexpr bool can_pad() {
  if (requires { C::padding; }) return false;
  return Size != 0 && Size % chunk_alignment == 0 && Size <= max_record_body;
}

/// "aes-256-gcm.padded-4096"
template <std::size_t Before, std::size_t Size>
class padded_name {
 public:
  explicit constexpr padded_name(std::string_view cipher) {
    put(cipher);
    put(".padded-");
    std::size_t unit = 1;
    while (unit <= Size / 10) unit *= 10;
    for (; unit != 0; unit /= 10) text_[length_++] = static_cast<char>('0' + Size / unit % 10);
  }

  constexpr std::string_view view() const { return {text_.data(), length_}; }

 private:
  constexpr void put(std::string_view text) {
    for (const char c : text) text_[length_++] = c;
  }

  std::array<char, Before + 8 + 20> text_{};  // ".padded-" and as many digits as 2^64 has
  std::size_t length_ = 0;
};

}  // namespace detail

namespace diagnose {

template <class C, std::size_t Size>
concept padding_explained = padding_misfit < C,
        Size, detail::can_pad<C, Size>()
> ::given();

}  // namespace diagnose

/// Another cipher that also hides how long a message is: every message is as long as the next
/// multiple of `Size` bytes.
///
/// Model of `cipher`: seals and opens as `C` does. The link does the padding: header and payload
/// of a message are followed by zeros before they are sealed, and the receiver refuses a message
/// that has fewer, more, or anything else there. Both ends must pad alike, so the size is part of
/// the name and with that of the plan.
///
/// `Size` is a multiple of 64 and at most `max_record_body` (E22). Where it is at least as large as
/// the activation of one token, all records of a decode step have one length. What that hides and
/// what it does not: docs/concepts/cipher.md.
template <cipher C, std::size_t Size>
requires diagnose::padding_explained<C, Size>
class Padded : public C {
  static constexpr detail::padded_name<C::name.size(), Size> name_{C::name};

 public:
  static constexpr std::string_view name = name_.view();
  /// Messages are as long as a multiple of this, in bytes.
  static constexpr std::size_t padding = Size;

  using C::C;
};

}  // namespace enfilade
