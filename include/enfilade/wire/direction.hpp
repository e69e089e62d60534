// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/cipher.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/key_schedule.hpp>
#include <enfilade/wire/limits.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace enfilade::detail {

/// The records that travel one way, under one key at a time, counted.
///
/// Each sequence number is used once per key: `seal` and `open` count up and nothing counts down.
/// The nonce comes from this end's own count, never from the header, so that a header can only ever
/// name an error, not cause a decryption out of turn.
template <cipher C>
class direction {
 public:
  /// Ask `usable` afterwards: there may be no memory for a cipher.
  explicit direction(Key<32> secret) noexcept { restart(std::move(secret)); }

  bool usable() const noexcept { return cipher_ != nullptr; }

  /// Begins anew with another secret. Needs no new memory.
  void restart(Key<32> secret) noexcept {
    secret_ = std::move(secret);
    use_secret();
  }

  std::uint64_t sequence() const noexcept { return sequence_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

  /// How long the key has been in use at `now`, which counts from when the session began.
  std::chrono::nanoseconds age(std::chrono::nanoseconds now) const noexcept { return now - since_; }

  /// Encrypts `body` in place and writes header and tag; the caller has checked type and length.
  void seal(record_type type, std::uint8_t flags, std::span<std::byte> body,
            std::span<std::byte, record_prefix_size> prefix) noexcept {
    record_header header;
    header.body_length = static_cast<std::uint32_t>(body.size());
    header.type = type;
    header.flags = flags;
    header.sequence = sequence_;
    const auto encoded = prefix.template first<record_header_size>();
    encode(header, encoded);
    cipher_->seal(sequence_, encoded, body, prefix.template last<record_tag_size>());
    count(body.size());
  }

  /// Whether a record with this header is the one whose turn it is.
  result<void> in_turn(const record_header& header) const noexcept {
    if (header.sequence < sequence_) return errc::frame_replay;
    if (header.sequence > sequence_) return errc::frame_out_of_order;
    return {};
  }

  /// Verifies, then decrypts in place. Where it returns `false`, `body` holds zeros.
  bool open(std::span<const std::byte, record_prefix_size> prefix,
            std::span<std::byte> body) noexcept {
    if (!cipher_->open(sequence_, prefix.template first<record_header_size>(), body,
                       prefix.template last<record_tag_size>()))
      return false;
    count(body.size());
    return true;
  }

  /// The next key, in use from `now` on. The one before cannot be computed from it.
  void rekey(std::chrono::nanoseconds now) noexcept {
    restart(rekeyed(secret_));
    since_ = now;
  }

 private:
  // A new cipher takes the place of the one before, so that a change of keys cannot fail.
  void use_secret() noexcept {
    const Key<44> traffic = traffic_key(secret_);
    const Key<32> key{traffic.view().template first<32>()};
    const auto iv = traffic.view().template last<12>();
    if (cipher_) {
      std::destroy_at(cipher_.get());
      std::construct_at(cipher_.get(), key, iv);
    } else {
      cipher_.reset(new (std::nothrow) C(key, iv));
    }
    sequence_ = 0;
    bytes_ = 0;
  }

  void count(std::size_t size) noexcept {
    ++sequence_;
    bytes_ += size;
  }

  Key<32> secret_;
  std::unique_ptr<C> cipher_;
  std::uint64_t sequence_ = 0;
  std::uint64_t bytes_ = 0;
  std::chrono::nanoseconds since_{};
};

}  // namespace enfilade::detail
