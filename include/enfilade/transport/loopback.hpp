// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/transport/address.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/transport/transport.hpp>

#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace enfilade {

/// Both ends in one process: for tests, examples, and stages that share an enclave.
///
/// Model of `transport`. Addresses are `loopback:NAME`, of letters, digits, '.', '_' and '-'. The
/// ends meet by name, in any two threads, and talk over a real pair of sockets, so that what runs
/// here behaves like what runs between processes: back-pressure, half-close, cancellation.
struct Loopback {
  using policy_role = role::transport;
  static constexpr std::string_view name = "loopback";

  class endpoint {
   public:
    endpoint() = default;
    explicit endpoint(std::string room) : room_(std::move(room)) {}

    const std::string& room() const noexcept { return room_; }

    friend bool operator==(const endpoint&, const endpoint&) = default;

   private:
    std::string room_;
  };

  using stream = asio::local::stream_protocol::socket;

  /// Reads `loopback:NAME`; `errc::transport_address_invalid` for anything else.
  static result<endpoint> parse(std::string_view text) {
    const auto room = detail::after_scheme(text, name);
    if (!room || room->empty() || room->size() > 64) return errc::transport_address_invalid;
    for (const char c : *room)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '.' || c == '_' || c == '-'))
        return errc::transport_address_invalid;
    return endpoint{std::string{*room}};
  }

  static std::string format(const endpoint& at) { return "loopback:" + at.room(); }

  static asio::awaitable<stream> dial(asio::any_io_executor executor, endpoint peer);

  /// An open door. Stays where it is: dialling peers find it through the registry.
  class listener {
   public:
    listener(asio::any_io_executor executor, endpoint at);
    ~listener() { close(); }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    asio::awaitable<stream> accept();
    endpoint local() const { return local_; }
    void close();

   private:
    friend struct Loopback;
    using queue = asio::experimental::concurrent_channel<void(error_code, std::unique_ptr<stream>)>;
    static constexpr std::size_t backlog = 128;  // peers that may wait for accept

    /// Every open door of the process. The lock is held while a peer is put into a queue, so that
    /// no door goes away, with its executor, in another thread at that moment.
    struct open_doors {
      std::mutex lock;
      std::map<std::string, listener*, std::less<>> by_name;
    };
    static open_doors& all() {
      static open_doors instance;
      return instance;
    }

    queue waiting_;
    endpoint local_;
  };
};

inline asio::awaitable<Loopback::stream> Loopback::dial(asio::any_io_executor executor,
                                                        endpoint peer) {
  stream here{executor};
  {
    auto& doors = listener::all();
    const std::lock_guard hold{doors.lock};
    const auto door = doors.by_name.find(peer.room());
    if (door == doors.by_name.end()) throw failure(errc::transport_unreachable, format(peer));
    auto& waiting = door->second->waiting_;
    auto there = std::make_unique<stream>(waiting.get_executor());
    error_code failed;
    asio::local::connect_pair(here, *there, failed);
    if (failed) throw detail::transport_failure(failed, format(peer));
    if (!waiting.try_send(error_code{}, std::move(there)))
      throw failure(errc::transport_unreachable, format(peer));
  }
  co_return here;
}

inline Loopback::listener::listener(asio::any_io_executor executor, endpoint at)
    : waiting_(executor, backlog), local_(std::move(at)) {
  auto& doors = all();
  const std::lock_guard hold{doors.lock};
  if (!doors.by_name.emplace(local_.room(), this).second)
    throw failure(errc::transport_address_in_use, format(local_));
}

inline void Loopback::listener::close() {
  auto& doors = all();
  const std::lock_guard hold{doors.lock};
  const auto door = doors.by_name.find(local_.room());
  if (door == doors.by_name.end() || door->second != this) return;
  doors.by_name.erase(door);
  while (waiting_.try_receive([](error_code, std::unique_ptr<stream>) {})) {
  }  // whoever waited to be let in sees the end of the stream, as with a closed socket
  waiting_.close();
}

inline asio::awaitable<Loopback::stream> Loopback::listener::accept() {
  std::string where = format(local_);  // the listener may be gone when the wait ends
  if (!waiting_.is_open()) throw failure(asio::error::operation_aborted, where);
  error_code failed;
  std::unique_ptr<stream> peer =
      co_await waiting_.async_receive(asio::redirect_error(asio::use_awaitable, failed));
  if (failed == asio::experimental::error::channel_cancelled ||
      failed == asio::experimental::error::channel_closed)
    failed = asio::error::operation_aborted;
  if (failed) throw detail::transport_failure(failed, where);
  co_return std::move(*peer);
}

static_assert(transport<Loopback>);

}  // namespace enfilade
