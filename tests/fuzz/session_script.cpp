// SPDX-License-Identifier: Apache-2.0
//
// Contract: an end of a session opens exactly the next record that the other end sealed, and gives
// the plaintext of that; of anything else it releases nothing, and is dead with one error from then
// on. No key seals two records with one number.
//
// Two real ends, and a script of what they send and of what the way between them makes of it.
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/wire/session.hpp>

#include "script.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using bytes = std::vector<std::byte>;

/// ChaChaPoly that remembers under which key it used which number.
class Watched : public ChaChaPoly {
 public:
  Watched(const Key<32>& key, std::span<const std::byte, 12> iv) : ChaChaPoly(key, iv) {
    std::memcpy(key_.data(), key.view().data(), key_.size());
  }

  void seal(std::uint64_t sequence, std::span<const std::byte> header, std::span<std::byte> body,
            std::span<std::byte, 16> tag) noexcept {
    fuzz::require(used().emplace(key_, sequence).second);
    ChaChaPoly::seal(sequence, header, body, tag);
  }

  static std::set<std::pair<std::array<std::byte, 32>, std::uint64_t>>& used() {
    static std::set<std::pair<std::array<std::byte, 32>, std::uint64_t>> all;
    return all;
  }

 private:
  std::array<std::byte, 32> key_{};
};
static_assert(cipher<Watched>);

struct record {
  bytes prefix = bytes(record_prefix_size);
  bytes body;   // as it is on the wire
  bytes plain;  // as it was before
};

detail::direction<Watched> direction_of(std::byte fill) {
  std::array<std::byte, 32> secret{};
  secret.fill(fill);
  return detail::direction<Watched>{Key<32>{secret}};
}

class end_of_link {
 public:
  end_of_link(std::byte sends, std::byte receives, const session_limits& limits)
      : session_(direction_of(sends), direction_of(receives), limits) {}

  std::vector<record> sent;

  void send(record_type type, std::uint8_t flags, bytes plain) {
    record made;
    made.plain = std::move(plain);
    made.body = made.plain;
    const result<void> sealed =
        session_.seal(type, flags, made.body, std::span{made.prefix}.first<record_prefix_size>());
    check(sealed);
    if (sealed) sent.push_back(std::move(made));
  }

  /// The record `came`; `expected` is the one that would be right, null where there is none.
  void receive(record came, const record* expected) {
    const bool was_dead = bool{first_error_};
    const auto prefix = std::span{came.prefix}.first<record_prefix_size>();
    const result<record_header> header = session_.open_header(prefix);
    if (header) {
      fuzz::require(header->body_length <= max_record_body);
      came.body.resize(header->body_length);  // the reader takes what the header says
    }
    const bool genuine =
        expected != nullptr && came.prefix == expected->prefix && came.body == expected->body;
    const result<void> opened = session_.open(prefix, came.body);
    check(opened);
    if (opened) {
      fuzz::require(genuine && came.body == expected->plain);
      ++received_;
      return;
    }
    fuzz::require(!genuine || was_dead || opened.error() == errc::crypto_key_exhausted);
    fuzz::require(std::ranges::all_of(came.body, [](std::byte b) { return b == std::byte{0}; }));
  }

  /// How many records of the other end were opened: the next one is that of this index.
  std::size_t received() const noexcept { return received_; }

  void pass(std::chrono::nanoseconds time) { session_.set_time(time); }

  void end() {
    const result<void> ended = session_.end_of_stream();
    fuzz::require(ended.has_value() == (!first_error_ && session_.peer_closed()));
    check(ended);
  }

 private:
  // The first error is the last.
  void check(const result<void>& outcome) {
    if (first_error_) fuzz::require(outcome.has_error() && outcome.error() == first_error_);
    if (outcome.has_error()) first_error_ = outcome.error();
    fuzz::require(first_error_ != errc::internal);
  }

  session<Watched> session_;
  error_code first_error_;
  std::size_t received_ = 0;
};

// What the way makes of the record whose turn it is.
record on_the_way(const end_of_link& from, const end_of_link& to, fuzz::script& way) {
  const std::vector<record>& own = from.sent;
  record out;
  if (to.received() < own.size()) out = own[to.received()];
  switch (way.below(8)) {
    case 0:  // a byte of the prefix altered
      out.prefix[way.below(out.prefix.size())] ^= static_cast<std::byte>(way.byte());
      break;
    case 1:  // a byte of the body altered
      if (!out.body.empty())
        out.body[way.below(out.body.size())] ^= static_cast<std::byte>(way.byte());
      break;
    case 2:  // another record of the same direction
      if (!own.empty()) out = own[way.below(own.size())];
      break;
    case 3:  // one of the other direction
      if (!to.sent.empty()) out = to.sent[way.below(to.sent.size())];
      break;
    case 4:  // the prefix of one, the body of another
      if (!own.empty()) out.body = own[way.below(own.size())].body;
      break;
    case 5: {  // something of its own
      const bytes prefix = way.bytes(record_prefix_size);
      std::ranges::copy(prefix, out.prefix.begin());
      out.body = way.bytes(128);
      break;
    }
    default:  // as it was
      break;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Watched::used().clear();
  fuzz::script way{data, size};
  session_limits limits;
  limits.rekey_records = 4;
  limits.last_records = 12;
  limits.last_bytes = 4096;
  limits.rekey_age = std::chrono::seconds{120};
  limits.last_age = std::chrono::seconds{180};
  end_of_link up{std::byte{1}, std::byte{2}, limits};
  end_of_link down{std::byte{2}, std::byte{1}, limits};
  std::chrono::nanoseconds now{};

  for (int steps = 0; !way.empty() && steps != 200; ++steps) {
    const std::uint8_t choice = way.byte();
    end_of_link& one = (choice & 1) != 0 ? up : down;
    end_of_link& other = (choice & 1) != 0 ? down : up;
    switch (choice >> 1 & 7) {
      case 0:
      case 1:  // a whole message, or a chunk of one
        one.send(record_type::message, way.byte() % 4 == 3 ? flag_more : std::uint8_t{0},
                 bytes(64 * (1 + way.below(3)), static_cast<std::byte>(way.byte())));
        break;
      case 2:  // anything, allowed or not
        one.send(static_cast<record_type>(way.below(9)), way.byte(), way.bytes(80));
        break;
      case 3:
        one.send(way.byte() % 8 == 7 ? record_type::close : record_type::rekey, 0, {});
        break;
      case 4:
        now += std::chrono::seconds{way.byte()};
        one.pass(now);
        break;
      case 5:
        if (way.byte() % 16 == 15) one.end();
        break;
      case 6: {  // as it was sent
        const std::size_t next = one.received();
        if (next < other.sent.size()) one.receive(other.sent[next], &other.sent[next]);
        break;
      }
      default: {
        const std::size_t next = one.received();
        const record* expected = next < other.sent.size() ? &other.sent[next] : nullptr;
        one.receive(on_the_way(other, one, way), expected);
      }
    }
  }
  return 0;
}
