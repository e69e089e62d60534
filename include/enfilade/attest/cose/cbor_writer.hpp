// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace enfilade {

/// Writes one CBOR document (RFC 8949) into a buffer of the caller's, in the only encoding that
/// `cbor_document` reads: shortest forms, known lengths.
///
///     std::array<std::byte, 64> room;
///     const auto request = cbor_writer{room}.map(1).text("LockPCR").map(1).text("index").number(16)
///                              .document();
///
/// What is too long for the buffer is not written, nor is anything after it. Keys and values of a
/// map are written one after the other; that keys differ is the caller's business.
class cbor_writer {
 public:
  explicit cbor_writer(std::span<std::byte> room) noexcept : room_(room) {}

  cbor_writer& number(std::uint64_t value) noexcept { return item(0, value, {}, 0); }
  cbor_writer& bytes(detail::byte_span content) noexcept {
    return item(2, content.size(), content, 0);
  }
  /// UTF-8.
  cbor_writer& text(std::string_view content) noexcept {
    return item(3, content.size(), detail::bytes_of(content), 0);
  }
  /// The next `count` items are its elements.
  cbor_writer& array(std::uint32_t count) noexcept { return item(4, count, {}, count); }
  /// The next `count` pairs of items are its keys and values.
  cbor_writer& map(std::uint32_t count) noexcept {
    return item(5, count, {}, 2 * std::uint64_t{count});
  }
  cbor_writer& boolean(bool value) noexcept { return item(7, value ? 21 : 20, {}, 0); }
  cbor_writer& null() noexcept { return item(7, 22, {}, 0); }
  /// `bytes`, or null where there is nothing.
  cbor_writer& bytes_or_null(const std::optional<detail::byte_span>& content) noexcept {
    return content ? bytes(*content) : null();
  }

  /// What was written, if that is one whole item; nothing where items are missing, are too many, or
  /// did not fit.
  std::optional<detail::byte_span> document() const noexcept {
    if (!good_ || awaited_ != 0) return std::nullopt;
    return room_.first(size_);
  }

 private:
  cbor_writer& item(unsigned major, std::uint64_t argument, detail::byte_span content,
                    std::uint64_t inside) noexcept {
    good_ = good_ && awaited_ != 0;
    std::array<std::byte, 9> head;
    const std::size_t head_size = write_head(head, major, argument);
    good_ = good_ && head_size <= room_.size() - size_ &&
            content.size() <= room_.size() - size_ - head_size;
    if (!good_) return *this;
    std::ranges::copy(std::span{head}.first(head_size), room_.begin() + offset());
    size_ += head_size;
    std::ranges::copy(content, room_.begin() + offset());
    size_ += content.size();
    awaited_ += inside - 1;
    return *this;
  }

  static std::size_t write_head(std::array<std::byte, 9>& head, unsigned major,
                                std::uint64_t argument) noexcept {
    const auto first = [major](unsigned low) { return static_cast<std::byte>(major << 5 | low); };
    if (argument < 24) {
      head[0] = first(static_cast<unsigned>(argument));
      return 1;
    }
    unsigned power = 0;  // of two: so many bytes follow
    while (power != 3 && argument >> (8U << power) != 0) ++power;
    const std::size_t size = std::size_t{1} << power;
    head[0] = first(24 + power);
    for (std::size_t i = 0; i != size; ++i)
      head[1 + i] = static_cast<std::byte>(argument >> (8 * (size - 1 - i)));
    return 1 + size;
  }

  std::ptrdiff_t offset() const noexcept { return static_cast<std::ptrdiff_t>(size_); }

  std::span<std::byte> room_;
  std::size_t size_ = 0;
  std::uint64_t awaited_ = 1;  // items still to come: at first the document itself
  bool good_ = true;
};

}  // namespace enfilade
