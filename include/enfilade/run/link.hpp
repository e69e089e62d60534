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
#include <enfilade/run/read_ahead.hpp>
#include <enfilade/run/shown_evidence.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/clock.hpp>
#include <enfilade/transport/transport.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/limits.hpp>
#include <enfilade/wire/message.hpp>
#include <enfilade/wire/session.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>

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

namespace detail {

template <class Link>
asio::awaitable<void> say_alive(std::shared_ptr<Link> of);  // run/pulse.hpp

}  // namespace detail

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
  /// evidence (nothing where none was demanded), `where` names the peer for people; `shown` is that
  /// evidence, where somebody may ask for it.
  link(Stream stream, session<C> established, std::optional<claims> peer, std::string where,
       const std::array<std::byte, 32>& transcript = {}, std::optional<shown_evidence> shown = {})
      : stream_(std::move(stream)),
        session_(std::move(established)),
        peer_(std::move(peer)),
        where_(std::move(where)),
        transcript_(transcript),
        shown_(std::move(shown)),
        turn_(stream_.get_executor()),
        pulse_(std::make_shared<timer_of<Stream>>(stream_.get_executor())) {}
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  const std::optional<claims>& peer() const noexcept { return peer_; }
  const std::string& where() const noexcept { return where_; }

  /// What the peer showed; kept by the end that dialled, which vouches for it to those above.
  const std::optional<shown_evidence>& shown() const noexcept { return shown_; }

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
    std::optional<async_mutex::guard> alone = turn_.try_lock();
    if (!alone) {
      async_mutex::guard waited = co_await turn_.lock();
      alone.emplace(std::move(waited));
    }
    const std::size_t longest = chunk_of(size);
    for (std::size_t offset = 0; offset != size;) {
      if (session_.rekey_due()) co_await send_control(record_type::rekey);
      const std::size_t chunk = std::min(size - offset, longest);
      const std::uint8_t flags = offset + chunk == size ? std::uint8_t{0} : flag_more;
      co_await send_record(record_type::message, flags, outgoing_.bytes(offset, chunk));
      offset += chunk;
    }
    outgoing_.over(size);
  }

  /// The next message; nothing where the peer closed the link and said so.
  ///
  /// A stream that ends without that is `errc::frame_truncated`: somebody cut it, or the peer died.
  asio::awaitable<std::optional<message>> receive() {
    if (delivered_ != 0) incoming_.over(std::exchange(delivered_, 0));
    while (true) {
      if (!ahead_.fill(incoming_prefix_, got_.prefix))
        co_await read_to(incoming_prefix_, got_.prefix);
      const record_header record = checked(session_.open_header(incoming_prefix_));
      if (got_.message + record.body_length > max_message_size)
        throw failure(errc::frame_too_large, where_);
      incoming_.at_least(got_.message + record.body_length, got_.message + got_.body);
      const std::span<std::byte> body = incoming_.bytes(got_.message, record.body_length);
      if (!ahead_.fill(body, got_.body)) co_await read_to(body, got_.body);
      got_.prefix = got_.body = 0;
      checked(session_.open(incoming_prefix_, body));
      heard_ = true;
      if (record.type == record_type::close) co_return std::nullopt;
      if (record.type == record_type::heartbeat) incoming_.rest();
      if (record.type != record_type::message) continue;  // rekey: done by `open`; heartbeat: alive
      if (got_.message == 0) reserve_for(body);
      got_.message += record.body_length;
      if ((record.flags & flag_more) == 0) break;
    }
    delivered_ = std::exchange(got_.message, 0);
    co_return parse(delivered_);
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
  template <class Link>
  friend asio::awaitable<void> detail::say_alive(std::shared_ptr<Link> of);

  // How far `receive` has come; kept across a cancellation.
  struct progress {
    std::size_t message = 0;  // bytes of the message in whole records
    std::size_t prefix = 0;   // bytes of the record under way
    std::size_t body = 0;
  };

  /// One beat of the pulse: `age` of the link. Gives the peer up after `longest_silence` beats in
  /// which this end waited for it, for a record or to be rid of one, and no record of the peer came
  /// whole. Bytes alone are no sign of life: whoever stretched a length on the way could have a
  /// link wait for the rest for ever. Returns whether `say_alive` is due.
  bool beat(std::chrono::nanoseconds age, unsigned longest_silence) {
    session_.set_time(age);
    const bool spoke = std::exchange(spoke_, false);
    const bool waits = listening_ || (half_written_ && !spoke);
    silence_ = std::exchange(heard_, false) || !waits ? 0 : silence_ + 1;
    if (silence_ >= longest_silence) {
      silent_ = true;
      abandon();
    }
    return !abandoned_ && (!spoke || session_.rekey_due());
  }

  /// Says that this end is alive, or changes a key that is too old.
  asio::awaitable<void> say_alive() {
    const std::optional<async_mutex::guard> alone = turn_.try_lock();
    if (!alone) co_return;  // a sender is at it, which is sign enough
    const record_type sign = session_.rekey_due() ? record_type::rekey : record_type::heartbeat;
    co_await send_control(sign);
    spoke_ = false;
  }

  asio::awaitable<void> send_control(record_type type) {
    co_await send_record(type, 0, std::span<std::byte>{});
  }

  // A long message is cut in halves at least: the peer wakes up, and opens the first, while the second
  // is being sealed.
  static constexpr std::size_t chunk_of(std::size_t size) noexcept {
    if (size < 2 * least_chunk) return size;
    const std::size_t half = (size / 2 + chunk_alignment - 1) / chunk_alignment * chunk_alignment;
    return std::min(half, preferred_chunk);
  }

  // For the holder of `turn_`.
  asio::awaitable<void> send_record(record_type type, std::uint8_t flags,
                                    std::span<std::byte> body) {
    if (half_written_ || abandoned_) throw lost();
    checked(session_.seal(type, flags, body, outgoing_prefix_));
    half_written_ = true;  // and stays so where this fails or is cancelled
    const std::size_t size = record_prefix_size + body.size();
    for (std::size_t sent = 0; sent != size;) {
      const std::size_t of_prefix = std::min(sent, record_prefix_size);
      const std::size_t of_body = sent - of_prefix;
      const detail::gathered_out rest{
          asio::buffer(outgoing_prefix_.data() + of_prefix, record_prefix_size - of_prefix),
          asio::buffer(body.data() + of_body, body.size() - of_body)};
      error_code failed;
      try {
        const auto [error, written] =
            co_await stream_.async_write_some(rest, asio::as_tuple(asio::deferred));
        failed = error;
        sent += written;
      } catch (...) {  // cancelled before it began
        abandon();
        throw;
      }
      if (!failed) continue;
      // Nothing can be said any more, so nothing will be heard: who waits here must not wait on.
      abandon();
      throw lost();
    }
    half_written_ = false;
    spoke_ = true;
  }

  // Reads until `into` is full; `got` counts, and is right at any moment. What comes with it is kept
  // for the next call: a small record costs one system call, and several that wait cost one. The
  // bytes of a long body go to their place at once. (`deferred` needs no coroutine frame of its own,
  // as `use_awaitable` does, so that Asio's two spare frames a thread suffice: nothing is allocated.)
  asio::awaitable<void> read_to(std::span<std::byte> into, std::size_t& got) {
    while (got != into.size()) {
      const std::span<std::byte> rest = into.subspan(got);
      const detail::gathered_in buffers{asio::buffer(rest.data(), rest.size()), ahead_.room()};
      error_code failed;
      listening_ = true;
      std::size_t size = 0;
      try {
        const auto [error, read] =
            co_await stream_.async_read_some(buffers, asio::as_tuple(asio::deferred));
        failed = error;
        size = read;
      } catch (...) {  // cancelled before it began
        listening_ = false;
        throw;
      }
      listening_ = false;
      got += std::min(size, rest.size());
      ahead_.holds(size - std::min(size, rest.size()));
      if (!failed) continue;
      if (abandoned_) throw lost();
      if (failed == asio::error::operation_aborted) throw failure(failed, where_);
      throw failure(errc::frame_truncated, where_);
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
  std::optional<shown_evidence> shown_;
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
  std::size_t delivered_ = 0;  // bytes of the message that `receive` returned last
  detail::aligned_buffer outgoing_;
  detail::aligned_buffer incoming_;
  std::array<std::byte, record_prefix_size> outgoing_prefix_{};
  std::array<std::byte, record_prefix_size> incoming_prefix_{};
  detail::read_ahead ahead_;
};

}  // namespace enfilade
