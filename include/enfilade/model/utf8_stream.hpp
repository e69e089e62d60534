// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/utf8.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade {

/// Releases whole UTF-8 characters from bytes that arrive in arbitrary pieces.
///
/// A token of a byte-level vocabulary may end in the middle of a character, so a client that prints
/// token by token pushes each token's bytes and prints what comes back. An incomplete character is
/// held back (at most three bytes) until its rest arrives; what can no longer become a character is
/// replaced by U+FFFD, one for each maximal ill-formed part (The Unicode Standard, §3.9). Whatever
/// the input, and however it is cut, the output is well-formed and the same. Control characters
/// pass: what a terminal does with them is its user's business.
class utf8_stream {
 public:
  /// The characters that `bytes` completes.
  std::string push(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size() + held_size_);
    for (const char byte : bytes) take(byte, text);
    return text;
  }

  /// U+FFFD where a character stayed incomplete, else nothing; the stream may then begin anew.
  std::string finish() {
    return std::exchange(held_size_, std::size_t{0}) == 0 ? std::string{}
                                                          : std::string{replacement};
  }

 private:
  static constexpr std::string_view replacement = "\xEF\xBF\xBD";

  void take(char byte, std::string& text) {
    if (held_size_ != 0) {
      const detail::utf8_lead lead = detail::utf8_lead_of(held_[0]);
      const bool second = held_size_ == 1;
      if (detail::utf8_between(byte, second ? lead.low : std::uint8_t{0x80},
                               second ? lead.high : std::uint8_t{0xBF})) {
        held_[held_size_++] = byte;
        if (held_size_ == lead.length) text.append(held_.data(), std::exchange(held_size_, 0U));
        return;
      }
      held_size_ = 0;
      text += replacement;  // and the byte itself may begin a character
    }
    switch (detail::utf8_lead_of(byte).length) {
      case 0:
        text += replacement;
        break;
      case 1:
        text += byte;
        break;
      default:
        held_[held_size_++] = byte;
    }
  }

  std::array<char, 4> held_{};
  std::size_t held_size_ = 0;
};

}  // namespace enfilade
