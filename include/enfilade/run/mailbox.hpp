// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/step.hpp>
#include <enfilade/transport/asio.hpp>

#include <boost/asio/experimental/channel.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace enfilade {

/// Where one request waits for the outcome of its step: one mailbox for each slot of stage 0.
///
/// What arrives while the request is busy with something else is kept, in order. A request has at
/// most one step under way, so that is its token and, after it, the loss of the stage below.
class mailbox {
 public:
  explicit mailbox(const asio::any_io_executor& executor) : channel_(executor, most_kept) {}

  /// Who waits here; 0 for nobody.
  std::uint64_t request() const noexcept { return request_; }

  void open(std::uint64_t request) noexcept { request_ = request; }

  /// Forgets the request, and what came for it and was not taken.
  void close() {
    request_ = 0;
    channel_.reset();
  }

  void deliver(step outcome) { channel_.try_send(error_code{}, std::move(outcome)); }

  asio::awaitable<step> receive() { return channel_.async_receive(asio::use_awaitable); }

 private:
  static constexpr std::size_t most_kept = 2;

  asio::experimental::channel<void(error_code, step)> channel_;
  std::uint64_t request_ = 0;
};

}  // namespace enfilade
