// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/attester.hpp>
#include <enfilade/cipher/cipher.hpp>
#include <enfilade/detail/aligned_buffer.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/close_quietly.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/transport.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/limits.hpp>
#include <enfilade/wire/message.hpp>
#include <enfilade/wire/session.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace enfilade {

/// A received message: its header, and its payload where it lies in the link's buffer.
///
/// Valid until the next `receive` on the same link. The payload is 64-byte aligned, so `as<float>`
/// is a tensor without a copy, and it may be overwritten in place.
class message {
 public:
  message(const message_header& h, std::span<std::byte> p) : header(h), payload(p) {}

  template <class T>
  std::span<T> as() const noexcept {
    return {reinterpret_cast<T*>(payload.data()), payload.size() / sizeof(T)};
  }

  message_header header;
  std::span<std::byte> payload;
};

/// One end of an established link: sealed messages both ways over one stream.
///
/// One coroutine may send while another receives; two may not send at the same time (`async_mutex`
/// is for that). After any error the link is dead: nothing is retried, because half a record may be
/// on the wire. Errors are thrown as `failure`, with the peer's role and address as `where`.
template <class Stream, cipher C>
class link {
 public:
  using stream_type = Stream;

  /// `established` and `transcript` come from a finished handshake, `peer` from its verified
  /// evidence (nothing where none was demanded), `where` names the peer for people.
  link(Stream stream, session<C> established, std::optional<claims> peer, std::string where,
       const std::array<std::byte, 32>& transcript = {})
      : stream_(std::move(stream)),
        session_(std::move(established)),
        peer_(std::move(peer)),
        where_(std::move(where)),
        transcript_(transcript) {}
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  const std::optional<claims>& peer() const noexcept { return peer_; }
  const std::string& where() const noexcept { return where_; }

  /// The hash of the handshake: names this session, the same at both ends and never again.
  const std::array<std::byte, 32>& transcript() const noexcept { return transcript_; }

  /// Room for the payload of the next message to send: write it there, then call `send`.
  ///
  /// What is written is sealed in place, so it is ciphertext afterwards.
  std::span<std::byte> prepare(std::size_t payload_size) {
    return outgoing_.at_least(message_header_size + payload_size).subspan(message_header_size);
  }

  /// `prepare` as elements of a tensor.
  template <class T>
  std::span<T> prepare_as(std::size_t count) {
    const std::span<std::byte> room = prepare(count * sizeof(T));
    return {reinterpret_cast<T*>(room.data()), count};
  }

  /// Seals and sends `header` and the `header.payload_size` bytes that were prepared, as one record
  /// or, where they are many, as chunks: the peer opens one while the next is being sealed.
  asio::awaitable<void> send(message_header header) {
    const std::size_t size = message_header_size + static_cast<std::size_t>(header.payload_size);
    if (size > max_message_size) throw failure(errc::frame_too_large, where_);
    outgoing_.at_least(message_header_size);
    const result<void> allowed = check(header);
    if (!allowed) throw failure(allowed.error(), where_);
    encode(header, outgoing_.bytes(0, message_header_size).template first<message_header_size>());
    for (std::size_t offset = 0; offset != size;) {
      if (session_.rekey_due()) co_await send_control(record_type::rekey);
      const std::size_t chunk = std::min(size - offset, preferred_chunk);
      const std::uint8_t flags = offset + chunk == size ? std::uint8_t{0} : flag_more;
      co_await send_record(record_type::message, flags, outgoing_.bytes(offset, chunk));
      offset += chunk;
    }
  }

  /// The next message; nothing where the peer closed the link and said so.
  ///
  /// A stream that ends without that is `errc::frame_truncated`: somebody cut it, or the peer died.
  asio::awaitable<std::optional<message>> receive() {
    std::size_t size = 0;
    while (true) {
      co_await read(asio::buffer(incoming_prefix_));
      const record_header record = checked(session_.open_header(incoming_prefix_));
      if (size + record.body_length > max_message_size)
        throw failure(errc::frame_too_large, where_);
      incoming_.at_least(size + record.body_length, size);
      const std::span<std::byte> body = incoming_.bytes(size, record.body_length);
      co_await read(asio::buffer(body.data(), body.size()));
      checked(session_.open(incoming_prefix_, body));
      if (record.type == record_type::close) co_return std::nullopt;
      if (record.type != record_type::message) continue;  // rekey: done by `open`; heartbeat: alive
      if (size == 0) reserve_for(body);
      size += record.body_length;
      if ((record.flags & flag_more) == 0) break;
    }
    co_return parse(size);
  }

  /// Says goodbye, so that the peer can tell the end from a cut; then closes the stream.
  asio::awaitable<void> close() {
    co_await send_control(record_type::close);
    shutdown_send(stream_);
    close_quietly(stream_);
  }

  /// Drops the connection without a word: for a peer that is dead or not to be trusted.
  void abandon() noexcept { close_quietly(stream_); }

 private:
  asio::awaitable<void> send_control(record_type type) {
    co_await send_record(type, 0, std::span<std::byte>{});
  }

  asio::awaitable<void> send_record(record_type type, std::uint8_t flags,
                                    std::span<std::byte> body) {
    if (writing_) throw failure(errc::transport_closed, where_);
    checked(session_.seal(type, flags, body, outgoing_prefix_));
    const std::array<asio::const_buffer, 2> record{asio::buffer(outgoing_prefix_),
                                                   asio::buffer(body.data(), body.size())};
    writing_ = true;  // and stays so where this fails or is cancelled: half a record may be out
    error_code failed;
    co_await asio::async_write(stream_, record, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) throw failure(errc::transport_closed, where_);
    writing_ = false;
  }

  asio::awaitable<void> read(asio::mutable_buffer into) {
    error_code failed;
    co_await asio::async_read(stream_, into, asio::redirect_error(asio::use_awaitable, failed));
    // This end gave the stream up, while it was being read or before.
    if (failed == asio::error::operation_aborted || failed == asio::error::bad_descriptor)
      throw failure(errc::transport_closed, where_);
    if (failed) throw failure(errc::frame_truncated, where_);
  }

  // One allocation for a message of many chunks. The size is the peer's word, sealed and bounded;
  // that chunks really add up to it is `parse`'s business.
  void reserve_for(std::span<const std::byte> first_chunk) {
    if (first_chunk.size() < message_header_size) return;
    const result<message_header> header = decode(first_chunk.first<message_header_size>());
    if (!header || header->payload_size > max_message_size) return;
    incoming_.at_least(message_header_size + static_cast<std::size_t>(header->payload_size),
                       first_chunk.size());
  }

  std::optional<message> parse(std::size_t size) {
    if (size < message_header_size) throw failure(errc::frame_malformed, where_);
    const message_header header = checked(
        decode(incoming_.bytes(0, message_header_size).template first<message_header_size>()));
    if (header.payload_size != size - message_header_size)
      throw failure(errc::frame_malformed, where_);
    return message{header, incoming_.bytes(message_header_size, size - message_header_size)};
  }

  template <class T>
  T checked(result<T> r) const {
    if (!r) throw failure(r.error(), where_);
    if constexpr (!std::is_void_v<T>) return *std::move(r);
  }

  Stream stream_;
  session<C> session_;
  std::optional<claims> peer_;
  std::string where_;
  bool writing_ = false;
  std::array<std::byte, 32> transcript_;
  detail::aligned_buffer outgoing_;
  detail::aligned_buffer incoming_;
  std::array<std::byte, record_prefix_size> outgoing_prefix_{};
  std::array<std::byte, record_prefix_size> incoming_prefix_{};
};

}  // namespace enfilade
