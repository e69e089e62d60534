// SPDX-License-Identifier: Apache-2.0
#pragma once

// A link with somebody at its other end who knows the keys and need not behave.

#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/transport/loopback.hpp>
#include <enfilade/wire/direction.hpp>

#include "unit/transport/conversation.hpp"

#include <boost/asio/local/connect_pair.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace test {

using enfilade::AesGcm;
using enfilade::link_end;
using enfilade::message_header;
using enfilade::record_type;
using bytes = std::vector<std::byte>;
using socket = enfilade::Loopback::stream;
using link = enfilade::link<socket, AesGcm>;

/// The direction that `sender` seals and its peer opens, with a secret that everybody knows.
template <enfilade::cipher C = AesGcm>
enfilade::detail::direction<C> known_direction(link_end sender) {
  std::array<std::byte, 32> secret{};
  secret.fill(sender == link_end::upstream ? std::byte{0x55} : std::byte{0xD0});
  return enfilade::detail::direction<C>{enfilade::Key<32>{secret}};
}

/// A record as it goes onto the wire: prefix and body.
template <enfilade::cipher C>
bytes sealed_record(enfilade::detail::direction<C>& seals, record_type type, const bytes& body = {},
                    std::uint8_t flags = 0) {
  bytes all(enfilade::record_prefix_size + body.size());
  const std::span whole{all};
  std::copy(body.begin(), body.end(), all.begin() + enfilade::record_prefix_size);
  seals.seal(type, flags, whole.subspan(enfilade::record_prefix_size),
             whole.first<enfilade::record_prefix_size>());
  if (type == record_type::rekey) seals.rekey({});
  return all;
}

/// The records that have arrived at `at` and nobody has read yet: the type and plaintext of each.
template <enfilade::cipher C>
std::vector<std::pair<record_type, bytes>> arrived_records(socket& at,
                                                           enfilade::detail::direction<C>& opens) {
  std::vector<std::pair<record_type, bytes>> records;
  while (at.available() != 0) {
    std::array<std::byte, enfilade::record_prefix_size> prefix{};
    asio::read(at, asio::buffer(prefix));
    const auto header = enfilade::decode(std::span{prefix}.first<enfilade::record_header_size>());
    REQUIRE(header.has_value());
    bytes body(header->body_length);
    asio::read(at, asio::buffer(body));
    REQUIRE(opens.open(prefix, body));
    if (header->type == record_type::rekey) opens.rekey({});
    records.emplace_back(header->type, std::move(body));
  }
  return records;
}

inline enfilade::session<AesGcm> known_session(link_end own, enfilade::session_limits limits = {}) {
  return {known_direction(own), known_direction(enfilade::opposite(own)), limits};
}

/// A `generate` message of `size` bytes of text.
inline message_header text_of(std::size_t size) {
  message_header header;
  header.kind = enfilade::message_kind::generate;
  header.dtype = enfilade::message_dtype::u8;
  header.rank = 1;
  header.shape[0] = static_cast<std::uint32_t>(size);
  header.payload_size = size;
  return header;
}

/// A message as it lies in its records' bodies: `header` and so many bytes of text.
inline bytes whole_message(const message_header& header, std::size_t size) {
  bytes all(enfilade::message_header_size + size, std::byte{42});
  enfilade::encode(header, std::span{all}.first<enfilade::message_header_size>());
  return all;
}

/// The downstream end of a link, and the raw socket and keys of its upstream peer.
class raw_peer {
 public:
  explicit raw_peer(enfilade::session_limits limits = {})
      : seals(known_direction(link_end::upstream)) {
    socket here{io};
    asio::local::connect_pair(here, there);
    end = std::make_unique<link>(std::move(here), known_session(link_end::downstream, limits),
                                 std::nullopt, "the raw peer");
  }

  /// A record of the peer: prefix and body.
  bytes record(record_type type, bytes body = {}, std::uint8_t flags = 0) {
    return sealed_record(seals, type, body, flags);
  }

  bytes message_record(std::size_t size = 100) {
    return record(record_type::message, whole_message(text_of(size), size));
  }

  void send(const bytes& record) { asio::write(there, asio::buffer(record)); }
  void hang_up() { there.close(); }

  /// What the link makes of all that was sent: messages, and how it ended.
  struct heard {
    std::vector<std::size_t> payloads;
    bool closed = false;
    error_code code;
    std::string where;
  };
  heard listen() {
    heard h;
    task receiving{io, receive_all(h)};
    run_ready(io);
    return h;
  }

  asio::io_context io;
  socket there{io};
  enfilade::detail::direction<AesGcm> seals;
  std::unique_ptr<link> end;

 private:
  asio::awaitable<void> receive_all(heard& h) {
    try {
      while (auto message = co_await end->receive()) h.payloads.push_back(message->payload.size());
      h.closed = true;
    } catch (const enfilade::failure& f) {
      h.code = f.code();
      h.where = f.where();
    }
  }
};

}  // namespace test
