// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/attester.hpp>
#include <enfilade/cipher/cipher.hpp>
#include <enfilade/cipher/padded.hpp>
#include <enfilade/detail/aligned_buffer.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/async_mutex.hpp>
#include <enfilade/run/close_quietly.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/clock.hpp>
#include <enfilade/transport/transport.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/limits.hpp>
#include <enfilade/wire/message.hpp>
#include <enfilade/wire/session.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
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
/// Several coroutines may send, and one may receive at the same time. `prepare` and `send` are two
/// calls: where several coroutines send, a lock of theirs (`async_mutex`) must hold them together.
/// After any error the link is dead: nothing is retried, because half a record may be on the wire.
/// A cancelled `receive` leaves it as it was, and the next `receive` goes on there; a `send` that is
/// cancelled on the way leaves it dead. Errors are thrown as `failure`, with the peer's role and
/// address as `where`.
///
/// `establish` makes links, and `keep_pulse` keeps them alive and finds out when the peer is not.
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
        transcript_(transcript),
        turn_(stream_.get_executor()),
        pulse_(std::make_shared<timer_of<Stream>>(stream_.get_executor())) {}
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
    return outgoing_.at_least(padded_size<C>(message_header_size + payload_size))
        .subspan(message_header_size, payload_size);
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
    if (header.payload_size > max_payload_size) throw failure(errc::frame_too_large, where_);
    const std::size_t used = message_header_size + static_cast<std::size_t>(header.payload_size);
    const std::size_t size = padded_size<C>(used);
    if (size > max_message_size) throw failure(errc::frame_too_large, where_);
    outgoing_.at_least(size);  // `prepare` made room; a message without payload may come without
    const result<void> allowed = check(header);
    if (!allowed) throw failure(allowed.error(), where_);
    encode(header, outgoing_.bytes(0, message_header_size).template first<message_header_size>());
    std::ranges::fill(outgoing_.bytes(used, size - used), std::byte{0});
    const async_mutex::guard alone = co_await turn_.lock();
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
    while (true) {
      co_await read_to(incoming_prefix_, got_.prefix);
      const record_header record = checked(session_.open_header(incoming_prefix_));
      if (got_.message + record.body_length > max_message_size)
        throw failure(errc::frame_too_large, where_);
      incoming_.at_least(got_.message + record.body_length, got_.message + got_.body);
      const std::span<std::byte> body = incoming_.bytes(got_.message, record.body_length);
      co_await read_to(body, got_.body);
      got_.prefix = got_.body = 0;
      checked(session_.open(incoming_prefix_, body));
      if (record.type == record_type::close) co_return std::nullopt;
      if (record.type != record_type::message) continue;  // rekey: done by `open`; heartbeat: alive
      if (got_.message == 0) reserve_for(body);
      got_.message += record.body_length;
      if ((record.flags & flag_more) == 0) break;
    }
    co_return parse(std::exchange(got_.message, 0));
  }

  /// Says goodbye, so that the peer can tell the end from a cut; then closes the stream.
  asio::awaitable<void> close() {
    const async_mutex::guard alone = co_await turn_.lock();
    co_await send_control(record_type::close);
    shutdown_send(stream_);
    abandon();
  }

  /// Drops the connection without a word: for a peer that is dead or not to be trusted.
  void abandon() noexcept {
    abandoned_ = true;
    pulse_->cancel();
    close_quietly(stream_);
  }

 private:
  template <class Link>
  friend asio::awaitable<void> keep_pulse(std::weak_ptr<Link> of, link_limits limits);

  // How far `receive` has come; kept across a cancellation.
  struct progress {
    std::size_t message = 0;  // bytes of the message in whole records
    std::size_t prefix = 0;   // bytes of the record under way
    std::size_t body = 0;
  };

  /// One beat of the pulse: `age` of the link. Gives the peer up after `longest_silence` beats in
  /// which this end listened and heard nothing; says that this end is alive where nothing else did;
  /// changes a key that is too old.
  asio::awaitable<void> beat(std::chrono::nanoseconds age, unsigned longest_silence) {
    session_.set_time(age);
    silence_ = std::exchange(heard_, false) || !listening_ ? 0 : silence_ + 1;
    if (silence_ > longest_silence) {
      silent_ = true;
      abandon();
    }
    if (abandoned_ || (std::exchange(spoke_, false) && !session_.rekey_due())) co_return;
    const std::optional<async_mutex::guard> alone = turn_.try_lock();
    if (!alone) co_return;  // a sender is at it, which is sign enough
    const record_type sign = session_.rekey_due() ? record_type::rekey : record_type::heartbeat;
    co_await send_control(sign);
    spoke_ = false;
  }

  asio::awaitable<void> send_control(record_type type) {
    co_await send_record(type, 0, std::span<std::byte>{});
  }

  // For the holder of `turn_`.
  asio::awaitable<void> send_record(record_type type, std::uint8_t flags,
                                    std::span<std::byte> body) {
    if (half_written_ || abandoned_) throw lost();
    checked(session_.seal(type, flags, body, outgoing_prefix_));
    const std::array<asio::const_buffer, 2> record{asio::buffer(outgoing_prefix_),
                                                   asio::buffer(body.data(), body.size())};
    half_written_ = true;  // and stays so where this fails or is cancelled
    error_code failed;
    co_await asio::async_write(stream_, record, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) throw lost();
    half_written_ = false;
    spoke_ = true;
  }

  // Reads until `into` is full; `got` counts, and is right at any moment.
  asio::awaitable<void> read_to(std::span<std::byte> into, std::size_t& got) {
    while (got != into.size()) {
      const asio::mutable_buffer rest = asio::buffer(into.data() + got, into.size() - got);
      error_code failed;
      const std::size_t size = co_await read_some(rest, failed);
      got += size;
      if (!failed) continue;
      if (abandoned_) throw lost();
      if (failed == asio::error::operation_aborted) throw failure(failed, where_);
      throw failure(errc::frame_truncated, where_);
    }
  }

  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into, error_code& failed) {
    listening_ = true;
    try {
      const std::size_t size =
          co_await stream_.async_read_some(into, asio::redirect_error(asio::use_awaitable, failed));
      listening_ = false;
      heard_ = true;
      co_return size;
    } catch (...) {  // cancelled before it began
      listening_ = false;
      throw;
    }
  }

  // Why this end cannot use the link any more, where the session is not the reason.
  failure lost() const {
    return failure(silent_ ? errc::transport_timeout : errc::transport_closed, where_);
  }

  // One allocation for a message of many chunks. The size is the peer's word, sealed and bounded;
  // that chunks really add up to it is `parse`'s business.
  void reserve_for(std::span<const std::byte> first_chunk) {
    if (first_chunk.size() < message_header_size) return;
    const result<message_header> header = decode(first_chunk.first<message_header_size>());
    if (!header) return;
    const std::size_t used = message_header_size + static_cast<std::size_t>(header->payload_size);
    if (padded_size<C>(used) > max_message_size) return;
    incoming_.at_least(padded_size<C>(used), first_chunk.size());
  }

  message parse(std::size_t size) {
    if (size < message_header_size) throw failure(errc::frame_malformed, where_);
    const message_header header = checked(
        decode(incoming_.bytes(0, message_header_size).template first<message_header_size>()));
    const std::size_t used = message_header_size + static_cast<std::size_t>(header.payload_size);
    if (padded_size<C>(used) != size) throw failure(errc::frame_malformed, where_);
    for (const std::byte padding : incoming_.bytes(used, size - used))
      if (padding != std::byte{0}) throw failure(errc::frame_malformed, where_);
    return message{header, incoming_.bytes(message_header_size, used - message_header_size)};
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
  std::array<std::byte, 32> transcript_;
  async_mutex turn_;  // of those who send records
  std::shared_ptr<timer_of<Stream>> pulse_;
  progress got_;
  unsigned silence_ = 0;  // beats in which this end listened and heard nothing
  bool listening_ = false;
  bool heard_ = false;  // since the last beat
  bool spoke_ = false;  // since the last beat
  bool half_written_ = false;
  bool silent_ = false;
  bool abandoned_ = false;
  detail::aligned_buffer outgoing_;
  detail::aligned_buffer incoming_;
  std::array<std::byte, record_prefix_size> outgoing_prefix_{};
  std::array<std::byte, record_prefix_size> incoming_prefix_{};
};

}  // namespace enfilade
