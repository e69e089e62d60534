// SPDX-License-Identifier: Apache-2.0
//
// Ten million records of established links, each altered in one way. Every one meets a session of
// its own, since the first refusal ends a session: it has opened some genuine records before, reads
// what the attacker made of the stream, and must refuse it, release nothing and be dead.
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/wire/session.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "support/campaign.hpp"

namespace {

using namespace enfilade;
using bytes = std::vector<std::byte>;

using dice = std::mt19937_64;

Key<32> key_of(const std::array<std::byte, 32>& secret) { return Key<32>{secret}; }

std::array<std::byte, 32> random_32(dice& random) {
  std::array<std::byte, 32> value{};
  for (std::size_t i = 0; i != 32; i += 8) {
    const std::uint64_t word = random();
    std::memcpy(value.data() + i, &word, 8);
  }
  return value;
}

/// What a record is before it is sealed.
struct draft {
  record_type type;
  std::size_t size;
  std::uint8_t flags;
};

/// What one end says in a conversation: some of everything, in any order that is allowed.
std::vector<draft> script(dice& random) {
  std::vector<draft> all;
  for (std::size_t i = 0; i != 8; ++i) {
    switch (random() % 6) {
      case 0:
        all.push_back({record_type::heartbeat, 0, 0});
        break;
      case 1:
        all.push_back({record_type::rekey, 0, 0});
        break;
      case 2:  // a message in chunks, with a new key inside
        all.push_back({record_type::message, 64, flag_more});
        all.push_back({record_type::rekey, 0, 0});
        all.push_back({record_type::message, 1 + random() % 40, 0});
        break;
      default:
        all.push_back({record_type::message, 64 + random() % 100, 0});
        break;
    }
  }
  all.push_back({record_type::close, 0, 0});
  return all;
}

/// A direction of a conversation as somebody on the way records it.
template <cipher C>
class recording {
 public:
  recording(const std::array<std::byte, 32>& secret, const std::vector<draft>& drafts, dice& random)
      : secret_(secret) {
    session<C> sender{detail::direction<C>{key_of(secret)}, detail::direction<C>{key_of(secret)}};
    for (const draft& d : drafts) {
      at_.push_back(wire_.size());
      wire_.resize(wire_.size() + record_prefix_size + d.size);
      const std::span<std::byte> record = std::span{wire_}.subspan(at_.back());
      const std::span<std::byte> body = record.subspan(record_prefix_size);
      for (std::byte& b : body) b = static_cast<std::byte>(random() | 1);  // no zero in plaintext
      const result<void> sealed =
          sender.seal(d.type, d.flags, body, record.template first<record_prefix_size>());
      REQUIRE(sealed.has_value());
    }
    at_.push_back(wire_.size());
  }

  const std::array<std::byte, 32>& secret() const { return secret_; }
  std::size_t count() const { return at_.size() - 1; }
  std::span<const std::byte> record(std::size_t i) const {
    return std::span{wire_}.subspan(at_[i], at_[i + 1] - at_[i]);
  }
  /// Everything from record `i` on.
  std::span<const std::byte> from(std::size_t i) const { return std::span{wire_}.subspan(at_[i]); }

 private:
  std::array<std::byte, 32> secret_;
  bytes wire_;
  std::vector<std::size_t> at_;
};

/// Both directions of a conversation, and an earlier one with other keys: all that an attacker on
/// the way can have. The records that stand at the same place agree in type, length and sequence.
template <cipher C>
struct world {
  explicit world(dice& random) : world(script(random), random) {}

  world(const std::vector<draft>& drafts, dice& random)
      : live(random_32(random), drafts, random),
        back(random_32(random), drafts, random),
        earlier(random_32(random), drafts, random) {}

  recording<C> live;     // what the victim receives
  recording<C> back;     // what the victim sends
  recording<C> earlier;  // what somebody received in another session
};

/// What the victim reads next, after it has opened the `opened` first records of `live`.
struct attack {
  std::size_t opened = 0;
  bytes stream;
  bool stands = true;  // whether the dice made an alteration at all
};

void append(bytes& to, std::span<const std::byte> what) {
  to.insert(to.end(), what.begin(), what.end());
}

template <class Range>
bool zero(const Range& range) {
  return std::all_of(range.begin(), range.end(), [](std::byte b) { return b == std::byte{0}; });
}

// Nothing of `stream` may be opened. The victim reads as a link does: a prefix, then as many bytes
// as that announces. Returns the error, or none where anything went otherwise than it must.
template <cipher C>
error_code refusal(const world<C>& w, attack& a) {
  session<C> victim{detail::direction<C>{key_of(w.back.secret())},
                    detail::direction<C>{key_of(w.live.secret())}};
  std::array<std::byte, record_prefix_size + 256> buffer{};
  const auto read = [&](std::span<const std::byte> record) {
    std::copy(record.begin(), record.end(), buffer.begin());
    return victim.open(
        std::span<const std::byte>{buffer}.first<record_prefix_size>(),
        std::span{buffer}.subspan(record_prefix_size, record.size() - record_prefix_size));
  };
  for (std::size_t i = 0; i != a.opened; ++i)
    if (!read(w.live.record(i))) return {};

  error_code error;
  std::span<std::byte> stream{a.stream};
  if (stream.size() < record_prefix_size) {
    error = victim.end_of_stream().error();
  } else {
    const auto prefix = stream.first<record_prefix_size>();
    const std::span<std::byte> rest = stream.subspan(record_prefix_size);
    const auto header = victim.open_header(prefix);
    if (!header) {
      error = header.error();
    } else if (header->body_length > rest.size()) {
      error = victim.end_of_stream().error();
    } else {
      const std::span<std::byte> body = rest.first(header->body_length);
      error = victim.open(prefix, body).error();
      if (!zero(body)) return {};
    }
  }
  if (error.category() != error_category()) return {};

  // Dead: the record that would have been next is refused for the same reason, and wiped.
  if (a.opened < w.live.count()) {
    const std::span<const std::byte> genuine = w.live.record(a.opened);
    const result<void> again = read(genuine);
    if (again || again.error() != error) return {};
    if (!zero(std::span{buffer}.subspan(record_prefix_size, genuine.size() - record_prefix_size)))
      return {};
  }
  std::array<std::byte, record_prefix_size> prefix;
  if (victim.seal(record_type::heartbeat, 0, {}, prefix).error() != error) return {};
  return error;
}

// One kind of attack, so many times: three of four records under AES-256-GCM, with other keys and
// another conversation every thousand records.
template <class Make>
void refuse_all(const char* name, std::initializer_list<errc> reasons, Make make) {
  test::campaign c{name};
  dice random{c.seed()};
  std::uint64_t wrong = 0;
  const auto some = [&]<cipher C>(std::uint64_t count, C*) {
    for (std::uint64_t done = 0; done < count;) {
      const world<C> w{random};
      for (std::uint64_t i = 0; i != 1000 && done != count; ++i) {
        attack a;
        // Anywhere, but sooner rather than later: what was opened before costs time, too.
        a.opened = std::min(random() % w.live.count(), random() % w.live.count());
        make(w, a, random);
        if (!a.stands) continue;
        ++done;
        c.tried();
        const error_code error = refusal(w, a);
        if (std::find(reasons.begin(), reasons.end(), error) != reasons.end())
          c.refused();
        else if (++wrong <= 10)
          FAIL_CHECK(name << ", number " << c.tries() << ": " << error.message());
      }
    }
  };
  const std::uint64_t count = test::effort(1'000'000, 20'000'000);
  some(count - count / 4, static_cast<AesGcm*>(nullptr));
  some(count / 4, static_cast<ChaChaPoly*>(nullptr));
  CHECK(c.refusals() == c.tries());
}

// Puts `instead` in the place of the next record, and lets the conversation go on.
template <cipher C>
void replace_next(const world<C>& w, attack& a, std::span<const std::byte> instead) {
  append(a.stream, instead);
  append(a.stream, w.live.from(a.opened + 1));
  a.stands = !std::ranges::equal(instead, w.live.record(a.opened));
}

TEST_SUITE("attack/tampered records") {
  TEST_CASE("control: what nobody altered is opened, to the end") {
    dice random{1};
    const world<AesGcm> w{random};
    session<AesGcm> receiver{detail::direction<AesGcm>{key_of(w.back.secret())},
                             detail::direction<AesGcm>{key_of(w.live.secret())}};
    for (std::size_t i = 0; i != w.live.count(); ++i) {
      bytes record(w.live.record(i).begin(), w.live.record(i).end());
      const std::span<std::byte> body = std::span{record}.subspan(record_prefix_size);
      REQUIRE(receiver.open(std::span{record}.first<record_prefix_size>(), body).has_value());
      CHECK(std::count(body.begin(), body.end(), std::byte{0}) == 0);
    }
    CHECK(receiver.end_of_stream().has_value());
  }

  TEST_CASE("control: an attack that alters nothing counts as a failure") {
    dice random{1};
    const world<AesGcm> w{random};
    attack a;
    append(a.stream, w.live.from(0));
    CHECK_FALSE(refusal(w, a));
  }

  TEST_CASE("one to three bits flipped anywhere in a record") {
    refuse_all("records.bits_flipped",
               {errc::crypto_auth_failed, errc::frame_malformed, errc::frame_too_large,
                errc::frame_bad_version, errc::frame_unexpected, errc::frame_replay,
                errc::frame_out_of_order, errc::frame_truncated},
               [](const auto& w, attack& a, dice& random) {
                 append(a.stream, w.live.from(a.opened));
                 const std::size_t bits = 8 * w.live.record(a.opened).size();
                 for (std::uint64_t n = 1 + random() % 3; n != 0; --n) {
                   const std::size_t bit = random() % bits;
                   a.stream[bit / 8] ^= std::byte{1} << (bit % 8);
                 }
                 // Two flips of one bit are none.
                 a.stands =
                     std::memcmp(a.stream.data(), w.live.record(a.opened).data(), bits / 8) != 0;
               });
  }

  TEST_CASE("tag and body overwritten, the header left alone: not authentic, every time") {
    refuse_all("records.forged", {errc::crypto_auth_failed},
               [](const auto& w, attack& a, dice& random) {
                 append(a.stream, w.live.from(a.opened));
                 const std::size_t size = w.live.record(a.opened).size();
                 for (std::size_t i = record_header_size; i != size; ++i)
                   a.stream[i] = static_cast<std::byte>(random());
               });
  }

  TEST_CASE("a record left out") {
    // What follows has a number too high; or none of its own, where a rekey was left out; or no
    // place, where it was the first chunk of a message; or nothing follows.
    refuse_all(
        "records.dropped",
        {errc::frame_out_of_order, errc::frame_replay, errc::frame_unexpected,
         errc::frame_malformed, errc::crypto_auth_failed, errc::frame_truncated},
        [](const auto& w, attack& a, dice&) { append(a.stream, w.live.from(a.opened + 1)); });
  }

  TEST_CASE("a record that comes twice") {
    refuse_all("records.duplicated",
               {errc::frame_replay, errc::frame_out_of_order, errc::frame_unexpected,
                errc::frame_malformed, errc::crypto_auth_failed},
               [](const auto& w, attack& a, dice&) {
                 append(a.stream, w.live.record(a.opened));
                 append(a.stream, w.live.from(a.opened + 1));
                 a.opened += 1;
               });
  }

  TEST_CASE("two neighbours that change places") {
    refuse_all("records.swapped",
               {errc::frame_out_of_order, errc::frame_replay, errc::frame_unexpected,
                errc::frame_malformed, errc::crypto_auth_failed},
               [](const auto& w, attack& a, dice&) {
                 a.stands = a.opened + 1 < w.live.count();
                 if (!a.stands) return;
                 append(a.stream, w.live.record(a.opened + 1));
                 append(a.stream, w.live.record(a.opened));
                 append(a.stream, w.live.from(a.opened + 2));
               });
  }

  TEST_CASE("any earlier or later record out of its turn, also with its number made to fit") {
    refuse_all("records.reordered",
               {errc::frame_out_of_order, errc::frame_replay, errc::frame_unexpected,
                errc::frame_malformed, errc::crypto_auth_failed},
               [](const auto& w, attack& a, dice& random) {
                 const std::span<const std::byte> other = w.live.record(random() % w.live.count());
                 bytes moved(other.begin(), other.end());
                 if (random() % 2 == 0)
                   std::memcpy(moved.data() + 8, w.live.record(a.opened).data() + 8, 8);
                 replace_next(w, a, moved);
               });
  }

  TEST_CASE("spliced: a record, or a part of one, of another session with the same headers") {
    refuse_all("records.spliced", {errc::crypto_auth_failed},
               [](const auto& w, attack& a, dice& random) {
                 const std::span<const std::byte> own = w.live.record(a.opened);
                 const std::span<const std::byte> foreign = w.earlier.record(a.opened);
                 bytes mixed(own.begin(), own.end());
                 const std::size_t begin = random() % 2 == 0 ? 0 : random() % own.size();
                 const std::size_t end =
                     random() % 2 == 0 ? own.size() : begin + random() % (own.size() - begin);
                 std::copy(foreign.begin() + static_cast<std::ptrdiff_t>(begin),
                           foreign.begin() + static_cast<std::ptrdiff_t>(end),
                           mixed.begin() + static_cast<std::ptrdiff_t>(begin));
                 replace_next(w, a, mixed);
               });
  }

  TEST_CASE("cross-direction: the victim's own record of the same place is sent back to it") {
    refuse_all(
        "records.cross_direction", {errc::crypto_auth_failed},
        [](const auto& w, attack& a, dice&) { replace_next(w, a, w.back.record(a.opened)); });
  }

  TEST_CASE("truncated: the stream ends inside a record, or bytes are missing and it goes on") {
    refuse_all("records.truncated",
               {errc::frame_truncated, errc::crypto_auth_failed, errc::frame_malformed,
                errc::frame_too_large, errc::frame_bad_version, errc::frame_unexpected,
                errc::frame_replay, errc::frame_out_of_order},
               [](const auto& w, attack& a, dice& random) {
                 const std::span<const std::byte> record = w.live.record(a.opened);
                 const std::size_t keep = random() % record.size();
                 append(a.stream, record.first(keep));
                 if (random() % 2 == 0) return;
                 append(a.stream, w.live.from(a.opened + 1));
                 a.stands = a.stream.size() < record.size() ||
                            !std::equal(record.begin(), record.end(), a.stream.begin());
               });
  }

  TEST_CASE("the length in the header changed, by little or by much, and bytes to go with it") {
    refuse_all("records.length_edited",
               {errc::crypto_auth_failed, errc::frame_truncated, errc::frame_malformed,
                errc::frame_too_large},
               [](const auto& w, attack& a, dice& random) {
                 const std::span<const std::byte> record = w.live.record(a.opened);
                 const auto was = static_cast<std::uint32_t>(record.size() - record_prefix_size);
                 std::uint32_t length = static_cast<std::uint32_t>(random());
                 if (random() % 4 != 0) length = was + length % 65 - 32;
                 append(a.stream, record);
                 detail::store_le(a.stream.data(), length);
                 a.stands = length != was;
                 // Bytes of nobody, so that a longer body can be read; or cut off, for a shorter.
                 if (random() % 2 == 0 && length <= was + 64)
                   a.stream.resize(record_prefix_size + length, std::byte{0x5A});
                 append(a.stream, w.live.from(a.opened + 1));
               });
  }
}

}  // namespace
