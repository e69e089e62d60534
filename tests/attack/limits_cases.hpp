// SPDX-License-Identifier: Apache-2.0
#pragma once

// What both programs of limits tests share: the one with Enfilade's own bounds, and the one that
// was compiled with smaller ones.

#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/limits.hpp>
#include <enfilade/wire/session.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace test {

using enfilade::AesGcm;
using enfilade::error_code;
using enfilade::record_header_size;
using enfilade::record_prefix_size;
using enfilade::record_type;
using enfilade::result;
using enfilade::session;
using enfilade::session_limits;
using bytes = std::vector<std::byte>;

inline enfilade::Key<32> secret(int value) {
  std::array<std::byte, 32> all;
  all.fill(static_cast<std::byte>(value));
  return enfilade::Key<32>{all};
}

/// Two sessions back to back; what one says, the other hears at once.
struct session_pair {
  explicit session_pair(const session_limits& of_sender = {},
                        const session_limits& of_receiver = {})
      : sender(enfilade::detail::direction<AesGcm>{secret(1)},
               enfilade::detail::direction<AesGcm>{secret(2)}, of_sender),
        receiver(enfilade::detail::direction<AesGcm>{secret(2)},
                 enfilade::detail::direction<AesGcm>{secret(1)}, of_receiver) {}

  /// No error where it was sealed and opened; which of the two ends refused is in `refused_by`.
  error_code pass(record_type type, std::size_t size = 0, std::uint8_t flags = 0) {
    std::array<std::byte, record_prefix_size> prefix;
    bytes body(size, std::byte{42});
    refused_by = 's';
    if (const result<void> sealed = sender.seal(type, flags, body, prefix); !sealed)
      return sealed.error();
    refused_by = 'r';
    if (const result<void> opened = receiver.open(prefix, body); !opened) return opened.error();
    refused_by = 0;
    return {};
  }
  error_code message(std::size_t size, std::uint8_t flags = 0) {
    return pass(record_type::message, size, flags);
  }

  session<AesGcm> sender;
  session<AesGcm> receiver;
  char refused_by = 0;
};

/// What a receiver says of a header, before there is anything of the body.
inline error_code announced(record_type type, std::uint32_t length, std::uint8_t flags = 0) {
  enfilade::record_header header;
  header.type = type;
  header.body_length = length;
  header.flags = flags;
  std::array<std::byte, record_prefix_size> prefix{};
  enfilade::encode(header, std::span{prefix}.first<record_header_size>());
  const auto judged =
      enfilade::decode(std::span<const std::byte>{prefix}.first<record_header_size>());
  return judged ? error_code{} : judged.error();
}

/// A message of `size` bytes in the largest chunks that are allowed.
inline error_code long_message(session_pair& link, std::size_t size) {
  while (size > enfilade::max_record_body) {
    if (const error_code refused = link.message(enfilade::max_record_body, enfilade::flag_more))
      return refused;
    size -= enfilade::max_record_body;
  }
  return link.message(size);
}

}  // namespace test
