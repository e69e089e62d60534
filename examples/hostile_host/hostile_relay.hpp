// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/run/close_quietly.hpp>
#include <enfilade/transport/tcp.hpp>
#include <enfilade/wire/limits.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the host does to the records that it carries from stage 0 to stage 1.
enum class act { record, flip, drop, replay, reorder, cut };

/// A relay that belongs to an attacker. It knows the protocol, finds the records, keeps a copy of
/// every byte, and interferes with the first record after the handshake.
class hostile_relay {
 public:
  hostile_relay(enfilade::Tcp::endpoint to, act what) : to_(std::move(to)), what_(what) {}

  /// Carries one connection, as the honest `relay` does; that is all that a stage sees of it.
  enfilade::asio::awaitable<void> serve(enfilade::Tcp::stream upstream) {
    using namespace enfilade::asio::experimental::awaitable_operators;
    auto downstream = co_await enfilade::Tcp::dial(upstream.get_executor(), to_);
    auto down = carry(upstream, downstream, what_);
    auto up = carry(downstream, upstream, act::record);
    co_await (std::move(down) && std::move(up));
  }

  /// Every byte that came by.
  const std::vector<std::byte>& saw() const noexcept { return saw_; }

  bool saw(std::span<const std::byte> secret) const {
    return std::string_view{reinterpret_cast<const char*>(saw_.data()), saw_.size()}.find(
               std::string_view{reinterpret_cast<const char*>(secret.data()), secret.size()}) !=
           std::string_view::npos;
  }

  /// Shannon entropy of the bytes, in bits a byte: 8 for what looks random.
  double entropy() const {
    std::array<double, 256> count{};
    for (std::byte b : saw_) ++count[std::to_integer<std::size_t>(b)];
    double bits = 0;
    for (double n : count)
      if (n > 0)
        bits -=
            n / static_cast<double>(saw_.size()) * std::log2(n / static_cast<double>(saw_.size()));
    return bits;
  }

 private:
  using record = std::vector<std::byte>;

  enfilade::asio::awaitable<void> carry(enfilade::Tcp::stream& from, enfilade::Tcp::stream& to,
                                        act what) {
    try {
      for (std::size_t number = 0;; ++number) {
        record r = co_await read(from);
        if (number != victim || what == act::record) {
          co_await write(to, r);
          continue;
        }
        switch (what) {
          case act::flip:
            r.back() ^= std::byte{1};
            co_await write(to, r);
            break;
          case act::replay:
            co_await write(to, r);
            co_await write(to, r);
            break;
          case act::reorder: {
            record later = co_await read(from);
            co_await write(to, later);
            co_await write(to, r);
            break;
          }
          case act::cut:
            enfilade::close_quietly(from);
            enfilade::close_quietly(to);
            break;
          default:  // drop: it never arrives
            break;
        }
      }
    } catch (const boost::system::system_error&) {
      enfilade::close_quietly(from);
      enfilade::close_quietly(to);
    }
  }

  enfilade::asio::awaitable<record> read(enfilade::Tcp::stream& from) {
    namespace asio = enfilade::asio;
    record r(enfilade::record_prefix_size);
    co_await asio::async_read(from, asio::buffer(r), asio::use_awaitable);
    std::uint32_t body = 0;
    std::memcpy(&body, r.data(), sizeof body);
    r.resize(enfilade::record_prefix_size + body);
    const auto rest = asio::buffer(r.data() + enfilade::record_prefix_size, body);
    co_await asio::async_read(from, rest, asio::use_awaitable);
    saw_.insert(saw_.end(), r.begin(), r.end());
    co_return r;
  }

  static enfilade::asio::awaitable<void> write(enfilade::Tcp::stream& to, const record& r) {
    namespace asio = enfilade::asio;
    co_await asio::async_write(to, asio::buffer(r), asio::use_awaitable);
  }

  static constexpr std::size_t victim = 3;  // after hello, evidence and confirm

  enfilade::Tcp::endpoint to_;
  act what_;
  std::vector<std::byte> saw_;
};
