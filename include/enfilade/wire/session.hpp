// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/cipher.hpp>
#include <enfilade/cipher/wipe.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/direction.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/limits.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace enfilade {

/// The sealed records of an established link: bytes in, bytes out, no waiting.
///
/// Made by a finished `handshake`. Sending and receiving are independent of each other, and so are
/// their keys. After any error the session is dead, and every later call returns that first error.
/// It has no clock: time passes when the caller says so (`set_time`).
///
/// To send: `seal` encrypts `body` in place and fills `prefix`; the 32 bytes of `prefix`, then
/// `body`, go to the peer. Where `rekey_due()`, send a `record_type::rekey` with an empty body
/// first. To receive: read 32 bytes, ask `open_header` what they announce (nothing has been read or
/// allocated for the body yet), read that many bytes, `open` them in place. Rekeying is done by
/// `seal` and `open` themselves.
///
/// | error                          | cause                                                     |
/// |--------------------------------|-----------------------------------------------------------|
/// | `frame_replay`                 | the header names a record that was already received       |
/// | `frame_out_of_order`           | the header names a later record: one is missing           |
/// | `frame_unexpected`             | a record that has no place here, or any after `close`     |
/// | `frame_too_large`, `_malformed`| a length or flag out of bounds                            |
/// | `frame_truncated`              | `end_of_stream` without an authenticated `close`          |
/// | `crypto_auth_failed`           | forged, altered, of another session or another direction  |
/// | `crypto_key_exhausted`         | a key came to one of `session_limits::last_*`, see there  |
///
/// No byte of a body is released before it is authenticated: after an error `body` holds zeros.
template <cipher C>
class session {
 public:
  session(detail::direction<C> sending, detail::direction<C> receiving,
          session_limits limits = {}) noexcept
      : sending_(std::move(sending)), receiving_(std::move(receiving)), limits_(limits) {}

  result<void> seal(record_type type, std::uint8_t flags, std::span<std::byte> body,
                    std::span<std::byte, record_prefix_size> prefix) noexcept {
    record_header header;
    header.type = type;
    header.flags = flags;
    if (body.size() > max_record_body) return die(errc::frame_too_large);
    header.body_length = static_cast<std::uint32_t>(body.size());
    if (const result<void> may = allowed(header, sending_, sent_); !may) return die(may.error());
    sending_.seal(type, flags, body, prefix);
    account(header, sending_, sent_);
    return {};
  }

  result<record_header> open_header(
      std::span<const std::byte, record_prefix_size> prefix) noexcept {
    const result<record_header> header = decode(prefix.template first<record_header_size>());
    if (!header) return die(header.error()).error();
    if (const result<void> may = allowed(*header, receiving_, received_); !may)
      return die(may.error()).error();
    if (const result<void> turn = receiving_.in_turn(*header); !turn)
      return die(turn.error()).error();
    return *header;
  }

  result<void> open(std::span<const std::byte, record_prefix_size> prefix,
                    std::span<std::byte> body) noexcept {
    // Asked again, so that the answer is about these very bytes whatever was asked before.
    const result<record_header> header = open_header(prefix);
    if (!header) {
      wipe(body);
      return header.error();
    }
    if (header->body_length != body.size()) {
      wipe(body);
      return die(errc::frame_malformed);
    }
    if (!receiving_.open(prefix, body)) return die(errc::crypto_auth_failed);
    account(*header, receiving_, received_);
    return {};
  }

  /// Whether this end has used one key so much or for so long that the next record should be a
  /// rekey.
  bool rekey_due() const noexcept {
    return sending_.sequence() >= limits_.rekey_records ||
           sending_.bytes() >= limits_.rekey_bytes || sending_.age(now_) >= limits_.rekey_age;
  }

  /// Says how much time has passed since the session began. Time that would go back stands still.
  void set_time(std::chrono::nanoseconds since_begin) noexcept {
    now_ = std::max(now_, since_begin);
  }

  /// Whether the peer said that nothing follows, and that was authentic.
  bool peer_closed() const noexcept { return received_.closed; }

  /// What the end of the stream means here: success after the peer's `close`, else
  /// `errc::frame_truncated`, because somebody cut the link.
  result<void> end_of_stream() noexcept {
    if (!error_ && received_.closed) return {};
    return die(errc::frame_truncated);
  }

 private:
  struct progress {
    std::uint64_t message_size = 0;  // of the message that is under way; 0 between messages
    bool closed = false;
  };

  result<void> allowed(const record_header& header, const detail::direction<C>& way,
                       const progress& past) const noexcept {
    if (error_) return error_;
    if (const result<void> fits = check(header); !fits) return fits;
    if (header.type < record_type::message || past.closed) return errc::frame_unexpected;
    const bool inside = past.message_size != 0;
    if (header.type == record_type::message) {
      if (!inside && header.body_length < message_header_size) return errc::frame_malformed;
      if (past.message_size + header.body_length > max_message_size) return errc::frame_too_large;
    } else if (inside && header.type != record_type::rekey) {
      return errc::frame_unexpected;
    }
    return within_limits(header, way);
  }

  // A rekey gets a key out of its old age, and a goodbye is worth hearing; but not even these may
  // use a sequence number that the limit forbids.
  result<void> within_limits(const record_header& header,
                             const detail::direction<C>& way) const noexcept {
    if (way.sequence() >= limits_.last_records) return errc::crypto_key_exhausted;
    if (header.type == record_type::rekey || header.type == record_type::close) return {};
    if (way.bytes() >= limits_.last_bytes || way.age(now_) >= limits_.last_age)
      return errc::crypto_key_exhausted;
    return {};
  }

  void account(const record_header& header, detail::direction<C>& way, progress& past) noexcept {
    if (header.type == record_type::rekey) way.rekey(now_);
    if (header.type == record_type::close) past.closed = true;
    if (header.type == record_type::message)
      past.message_size =
          (header.flags & flag_more) != 0 ? past.message_size + header.body_length : 0;
  }

  result<void> die(error_code cause) noexcept {
    if (!error_) error_ = cause;
    return error_;
  }

  detail::direction<C> sending_;
  detail::direction<C> receiving_;
  session_limits limits_;
  std::chrono::nanoseconds now_{};
  progress sent_;
  progress received_;
  error_code error_;
};

}  // namespace enfilade
