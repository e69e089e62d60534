// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/async_mutex.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/wire/message.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace enfilade {

/// A neighbour that asks this stage for work: its link, and one sender at a time on it.
template <class Stream, cipher C>
class upstream_peer {
 public:
  upstream_peer(asio::any_io_executor executor, std::shared_ptr<link<Stream, C>> established)
      : link_(std::move(established)), sending_(executor) {}

  link<Stream, C>& connection() noexcept { return *link_; }

  bool asking = false;  ///< its question about the rooms below is not answered yet

  /// Sends `header` with a copy of `payload`.
  asio::awaitable<void> send(message_header header, std::span<const std::byte> payload) {
    const async_mutex::guard alone = co_await sending_.lock();
    const std::span<std::byte> room = link_->prepare(payload.size());
    if (!payload.empty()) std::memcpy(room.data(), payload.data(), payload.size());
    co_await link_->send(header);
  }

  /// Tells a client that its answer is complete, and why it ends here.
  asio::awaitable<void> send_done(std::uint64_t request, done_reason reason) {
    message_header header;
    header.kind = message_kind::done;
    header.request = request;
    header.value = static_cast<std::uint64_t>(reason);
    const std::span<const std::byte> nothing;
    co_await send(header, nothing);
  }

  /// Tells what the rooms below have shown: `entries` as of wire/room_evidence.hpp.
  asio::awaitable<void> send_rooms(std::uint64_t request, std::span<const std::byte> entries) {
    message_header header;
    header.kind = message_kind::room_evidence;
    header.dtype = message_dtype::u8;
    header.rank = 1;
    header.request = request;
    header.shape[0] = static_cast<std::uint32_t>(entries.size());
    header.payload_size = entries.size();
    co_await send(header, entries);
  }

  /// Tells the peer that its work on `slot` failed: the cause, the stage, and where.
  asio::awaitable<void> send_failure(std::uint32_t slot, std::uint64_t request, errc cause,
                                     std::size_t stage, std::string_view where) {
    message_header header;
    header.kind = message_kind::failure;
    header.dtype = message_dtype::u8;
    header.rank = 1;
    header.slot = slot;
    header.request = request;
    header.stage = static_cast<std::uint32_t>(stage);
    header.value = static_cast<std::uint64_t>(cause);
    where = where.substr(0, max_failure_text);
    header.payload_size = where.size();
    header.shape[0] = static_cast<std::uint32_t>(where.size());
    const std::span text{where.data(), where.size()};
    co_await send(header, std::as_bytes(text));
  }

 private:
  std::shared_ptr<link<Stream, C>> link_;
  async_mutex sending_;
};

}  // namespace enfilade
