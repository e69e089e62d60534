// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/no_memory.hpp>
#include <enfilade/run/told_rooms.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/wire/message.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace enfilade {

namespace detail {

// Whatever happens on the way, the neighbour is told something, or loses its link.
template <class Stage, class Peer, class Next>
asio::awaitable<void> tell_of_rooms(std::shared_ptr<Peer> to, std::uint64_t request, Next* below) {
  told_rooms told;
  try {
    if constexpr (Stage::has_head)
      told = told_rooms{std::vector<std::byte>{}};
    else
      told = co_await below->rooms();
  } catch (const std::exception&) {
    told = told_rooms{};  // no memory, not even to say so in a friendlier way
  }
  to->asking = false;
  try {
    if (told.payload) {
      co_await to->send_rooms(request, *told.payload);
    } else {
      const failure& why = told.failed ? *told.failed : no_memory;
      const std::size_t at = told.failed ? told.stage : Stage::index;
      const auto cause = static_cast<errc>(why.code().value());
      co_await to->send_failure(no_slot, request, cause, at, why.where());
    }
  } catch (const std::exception&) {  // it left, as its own `serve` says, or must not wait on
    to->connection().abandon();
  }
}

}  // namespace detail

/// Answers `request`, a neighbour's question about the rooms below this stage, without keeping the
/// neighbour's link from anything else meanwhile. A second question on a link, while the first is
/// open, is refused. `below` is the view of the stage below; the last stage has none.
template <class Stage, class Peer, class Next>
asio::awaitable<void> answer_rooms(asio::any_io_executor executor, std::shared_ptr<Peer> from,
                                   std::uint64_t request, Next* below) {
  if (std::exchange(from->asking, true)) {
    co_await from->send_failure(no_slot, request, errc::request_invalid, Stage::index,
                                "one question about rooms at a time on a link");
    co_return;
  }
  asio::awaitable<void> telling = detail::tell_of_rooms<Stage>(std::move(from), request, below);
  asio::co_spawn(executor, std::move(telling), asio::detached);
}

}  // namespace enfilade
