// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/wire/session.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using bytes = std::vector<std::byte>;

static_assert(!std::copyable<session<AesGcm>>, "a session exists once");
static_assert(std::movable<session<AesGcm>>);

struct record {
  std::array<std::byte, record_prefix_size> prefix{};
  bytes body;
};

Key<32> secret(int value) {
  std::array<std::byte, 32> b;
  b.fill(static_cast<std::byte>(value));
  return Key<32>{b};
}

// Two sessions joined back to back, as after a handshake with the secrets `a` and `b`.
template <cipher C>
struct joined_of {
  explicit joined_of(session_limits limits = {}, int a = 1, int b = 2)
      : left(detail::direction<C>{secret(a)}, detail::direction<C>{secret(b)}, limits),
        right(detail::direction<C>{secret(b)}, detail::direction<C>{secret(a)}, limits) {}

  session<C> left;
  session<C> right;
};
using joined = joined_of<AesGcm>;

template <cipher C>
record sealed(session<C>& from, record_type type, std::size_t size = 0, std::uint8_t flags = 0) {
  record r;
  r.body.assign(size, std::byte{42});
  const result<void> done = from.seal(type, flags, r.body, r.prefix);
  REQUIRE_FALSE(done.has_error());
  return r;
}

template <cipher C>
record message(session<C>& from, std::size_t size = 100, std::uint8_t flags = 0) {
  return sealed(from, record_type::message, size, flags);
}

template <cipher C>
error_code opened(session<C>& to, record& r) {
  const auto header = to.open_header(r.prefix);
  if (!header) return header.error();
  const result<void> body = to.open(r.prefix, r.body);
  return body ? error_code{} : body.error();
}

template <cipher C>
bool opens(session<C>& to, record r) {
  return !opened(to, r) && r.body == bytes(r.body.size(), std::byte{42});
}

template <cipher C>
error_code seal_error(session<C>& from, record_type type, std::size_t size,
                      std::uint8_t flags = 0) {
  record r;
  r.body.assign(size, std::byte{42});
  return from.seal(type, flags, r.body, r.prefix).error();
}

bool zeroed(const record& r) { return r.body == bytes(r.body.size(), std::byte{0}); }

TEST_SUITE("wire/session: in order") {
  TEST_CASE_TEMPLATE("what one end seals, the other opens, both ways at once", C, AesGcm,
                     ChaChaPoly) {
    joined_of<C> link;
    for (std::size_t i = 0; i != 50; ++i) {
      const record down = message(link.left, 64 + 13 * i);
      const record up = message(link.right, 64 + 7 * i);
      CHECK(down.body != bytes(down.body.size(), std::byte{42}));
      CHECK(opens(link.right, down));
      CHECK(opens(link.left, up));
    }
  }

  TEST_CASE("the header tells length, type and flags before any byte of the body is read") {
    joined link;
    const record r = message(link.left, 128, flag_more);
    const auto header = link.right.open_header(r.prefix);
    REQUIRE(header.has_value());
    CHECK(header->body_length == 128);
    CHECK(header->type == record_type::message);
    CHECK(header->flags == flag_more);
    CHECK(header->sequence == 0);
    CHECK_MESSAGE(link.right.open_header(r.prefix).has_value(), "asking again changes nothing");
  }

  TEST_CASE("a session moves and goes on where it was") {
    joined link;
    CHECK(opens(link.right, message(link.left)));
    session<AesGcm> elsewhere{std::move(link.left)};
    CHECK(opens(link.right, message(elsewhere)));
  }

  TEST_CASE("heartbeats count like any record") {
    joined link;
    CHECK(opens(link.right, sealed(link.left, record_type::heartbeat)));
    CHECK(opens(link.right, message(link.left)));
  }

  TEST_CASE("a message of several chunks, with a rekey between two of them") {
    joined link;
    CHECK(opens(link.right, message(link.left, 64, flag_more)));
    CHECK(opens(link.right, sealed(link.left, record_type::rekey)));
    CHECK(opens(link.right, message(link.left, 128, flag_more)));
    CHECK(opens(link.right, message(link.left, 1)));
    CHECK(opens(link.right, message(link.left, 64)));
  }
}

TEST_SUITE("wire/session: what an attacker on the way may do") {
  //[dropped
  TEST_CASE("a dropped record is named as out of order") {
    joined link;
    message(link.left);
    record second = message(link.left);
    CHECK(opened(link.right, second) == errc::frame_out_of_order);
  }
  //]

  TEST_CASE("a record that comes twice is a replay") {
    joined link;
    record first = message(link.left);
    record again = first;
    CHECK_FALSE(opened(link.right, first));
    CHECK(opened(link.right, again) == errc::frame_replay);
  }

  TEST_CASE("two records that change places") {
    joined link;
    record first = message(link.left);
    record second = message(link.left);
    CHECK(opened(link.right, second) == errc::frame_out_of_order);
  }

  TEST_CASE("a record whose sequence number was corrected to fit is not authentic") {
    joined link;
    message(link.left);
    record second = message(link.left);
    second.prefix[8] = std::byte{0};
    CHECK(opened(link.right, second) == errc::crypto_auth_failed);
    CHECK(zeroed(second));
  }

  TEST_CASE("a record sent back to its sender") {
    joined link;
    record r = message(link.left);
    CHECK(opened(link.left, r) == errc::crypto_auth_failed);
    CHECK(zeroed(r));
  }

  TEST_CASE("a record of another session") {
    joined link;
    joined other{{}, 3, 4};
    record r = message(other.left);
    CHECK(opened(link.right, r) == errc::crypto_auth_failed);
    CHECK(zeroed(r));
  }

  TEST_CASE("any bit of a record") {
    for (std::size_t bit = 0; bit != 8 * (32 + 70); ++bit) {
      CAPTURE(bit);
      joined link;
      record r = message(link.left, 70);
      const std::byte mask = std::byte{1} << (bit % 8);
      (bit / 8 < 32 ? r.prefix[bit / 8] : r.body[bit / 8 - 32]) ^= mask;
      const error_code error = opened(link.right, r);
      CHECK(error);
      if (bit / 8 >= 16) CHECK(error == errc::crypto_auth_failed);
      if (bit / 8 >= 16) CHECK(zeroed(r));
    }
  }

  TEST_CASE("a type or a flag that was changed into another good one") {
    joined link;
    record r = message(link.left, 128);
    r.prefix[5] = std::byte{flag_more};
    CHECK(opened(link.right, r) == errc::crypto_auth_failed);
    joined other;
    record heartbeat = sealed(other.left, record_type::heartbeat);
    heartbeat.prefix[4] = static_cast<std::byte>(record_type::close);
    CHECK(opened(other.right, heartbeat) == errc::crypto_auth_failed);
    CHECK_FALSE(other.right.peer_closed());
  }

  TEST_CASE("a body of another length than the header says") {
    joined link;
    record r = message(link.left, 100);
    r.body.pop_back();
    CHECK(link.right.open(r.prefix, r.body).error() == errc::frame_malformed);
    CHECK(zeroed(r));
  }

  TEST_CASE("after the first error the session is dead, in both directions, with that error") {
    joined link;
    record bad = message(link.left);
    record good = bad;
    bad.body[0] ^= std::byte{1};
    REQUIRE(opened(link.right, bad) == errc::crypto_auth_failed);
    CHECK(opened(link.right, good) == errc::crypto_auth_failed);
    CHECK(link.right.open(good.prefix, good.body).error() == errc::crypto_auth_failed);
    CHECK_MESSAGE(zeroed(good), "a dead session leaves nothing in the buffer");
    CHECK(seal_error(link.right, record_type::message, 100) == errc::crypto_auth_failed);
    CHECK(link.right.end_of_stream().error() == errc::crypto_auth_failed);
  }
}

TEST_SUITE("wire/session: what has no place") {
  TEST_CASE("records of a handshake") {
    for (const record_type type :
         {record_type::hello, record_type::evidence, record_type::confirm}) {
      joined link;
      record r;
      record_header header;
      header.type = type;
      header.body_length = type == record_type::hello     ? 128
                           : type == record_type::confirm ? 32
                                                          : 40;
      encode(header, std::span{r.prefix}.first<16>());
      CHECK(opened(link.right, r) == errc::frame_unexpected);
      CHECK(seal_error(link.left, type, header.body_length) == errc::frame_unexpected);
    }
  }

  TEST_CASE("anything but chunks and rekeys inside a message, from both sides") {
    for (const record_type type : {record_type::heartbeat, record_type::close}) {
      joined link;
      joined other;
      CHECK(opens(link.right, message(link.left, 64, flag_more)));
      CHECK(opens(link.right, message(link.left, 64)));
      message(other.left);  // so that the sequence numbers agree
      record r = sealed(other.left, record_type::heartbeat);
      joined inside;
      CHECK(opens(inside.right, message(inside.left, 64, flag_more)));
      CHECK(seal_error(inside.left, type, 0) == errc::frame_unexpected);
      r.prefix[4] = static_cast<std::byte>(type);
      CHECK(opened(inside.right, r) == errc::frame_unexpected);
    }
  }

  TEST_CASE("a message without room for its header") {
    joined link;
    CHECK(seal_error(link.left, record_type::message, 63) == errc::frame_malformed);
    joined other;
    CHECK(opens(other.right, message(other.left, 64)));
  }

  TEST_CASE("a message longer than the limit, however it is cut") {
    joined link;
    constexpr std::size_t chunk = max_record_body;
    for (std::size_t size = chunk; size != max_message_size; size += chunk)
      REQUIRE(opens(link.right, message(link.left, chunk, flag_more)));
    SUBCASE("the limit itself is accepted") { CHECK(opens(link.right, message(link.left, chunk))); }
    SUBCASE("64 bytes more are not") {
      CHECK(opens(link.right, message(link.left, chunk - 64, flag_more)));
      CHECK(opens(link.right, message(link.left, 64, flag_more)));
      CHECK(seal_error(link.left, record_type::message, 1) == errc::frame_too_large);
    }
  }

  TEST_CASE("a record longer than the limit") {
    joined link;
    CHECK(opens(link.right, message(link.left, max_record_body)));
    CHECK(seal_error(link.left, record_type::message, max_record_body + 1) ==
          errc::frame_too_large);
  }
}

TEST_SUITE("wire/session: the end") {
  TEST_CASE("a stream that ends after an authentic close has ended well") {
    joined link;
    CHECK(opens(link.right, sealed(link.left, record_type::close)));
    CHECK(link.right.peer_closed());
    CHECK(link.right.end_of_stream().has_value());
  }

  TEST_CASE("a stream that ends without a close was cut") {
    joined link;
    CHECK(opens(link.right, message(link.left)));
    CHECK_FALSE(link.right.peer_closed());
    CHECK(link.right.end_of_stream().error() == errc::frame_truncated);
    CHECK(seal_error(link.right, record_type::message, 64) == errc::frame_truncated);
  }

  TEST_CASE("closing one direction leaves the other open") {
    joined link;
    CHECK(opens(link.right, sealed(link.left, record_type::close)));
    CHECK(opens(link.left, message(link.right)));
    CHECK(opens(link.left, sealed(link.right, record_type::close)));
  }

  TEST_CASE("nothing follows a close") {
    joined link;
    joined other;
    CHECK(opens(link.right, sealed(link.left, record_type::close)));
    message(other.left);
    record late = message(other.left);
    CHECK(opened(link.right, late) == errc::frame_unexpected);
    CHECK(seal_error(link.left, record_type::message, 64) == errc::frame_unexpected);
  }
}

TEST_SUITE("wire/session: keys wear out") {
  constexpr session_limits few(std::uint64_t last_records) {
    session_limits limits;
    limits.rekey_records = 4;
    limits.rekey_bytes = 1000;
    limits.last_records = last_records;
    return limits;
  }
  constexpr session_limits small = few(6);

  TEST_CASE("a rekey is due after so many records") {
    joined link{small};
    for (int i = 0; i != 4; ++i) {
      CHECK_FALSE(link.left.rekey_due());
      CHECK(opens(link.right, message(link.left, 64)));
    }
    CHECK(link.left.rekey_due());
    CHECK_FALSE(link.right.rekey_due());
  }

  TEST_CASE("a rekey is due after so many bytes") {
    joined link{small};
    CHECK(opens(link.right, message(link.left, 999)));
    CHECK_FALSE(link.left.rekey_due());
    CHECK(opens(link.right, message(link.left, 64)));
    CHECK(link.left.rekey_due());
  }

  TEST_CASE("rekeyed links go on, for ever") {
    joined link{small};
    for (int i = 0; i != 100; ++i) {
      if (link.left.rekey_due()) CHECK(opens(link.right, sealed(link.left, record_type::rekey)));
      CHECK_FALSE(link.left.rekey_due());
      CHECK(opens(link.right, message(link.left, 64)));
    }
    CHECK(opens(link.left, message(link.right, 64)));
  }

  TEST_CASE("the next key has nothing in common with the one before") {
    joined link;
    const record before = message(link.left);
    CHECK(opens(link.right, before));
    CHECK(opens(link.right, sealed(link.left, record_type::rekey)));
    const record after = message(link.left);
    CHECK_MESSAGE(before.body != after.body, "the same plaintext at the same sequence number");
    CHECK(opens(link.right, after));
  }

  TEST_CASE("a record from before the rekey does not come back") {
    joined link;
    record old = message(link.left);
    CHECK(opens(link.right, old));
    CHECK(opens(link.right, sealed(link.left, record_type::rekey)));
    CHECK(opened(link.right, old) == errc::crypto_auth_failed);
  }

  TEST_CASE("a rekey that was dropped is noticed at once") {
    joined link;
    CHECK(opens(link.right, message(link.left)));
    sealed(link.left, record_type::rekey);
    record next = message(link.left);
    CHECK(opened(link.right, next) == errc::frame_replay);
  }

  TEST_CASE("whoever never rekeys runs into the hard stop, on both sides") {
    joined link{small};
    joined generous{few(7)};
    for (int i = 0; i != 6; ++i) {
      CHECK(opens(link.right, message(link.left, 64)));
      message(generous.left, 64);
    }
    SUBCASE("sending") {
      CHECK(seal_error(link.left, record_type::message, 64) == errc::crypto_key_exhausted);
    }
    SUBCASE("receiving") {
      record seventh = message(generous.left, 64);
      CHECK(opened(link.right, seventh) == errc::crypto_key_exhausted);
    }
    SUBCASE("a rekey is too late then") {
      CHECK(seal_error(link.left, record_type::rekey, 0) == errc::crypto_key_exhausted);
    }
  }

  TEST_CASE("a rekey is due when the key is too old, and not a moment before") {
    joined link;
    const session_limits limits;
    link.left.set_time(limits.rekey_age - 1ns);
    CHECK_FALSE(link.left.rekey_due());
    link.left.set_time(limits.rekey_age);
    CHECK(link.left.rekey_due());
    CHECK_FALSE_MESSAGE(link.right.rekey_due(), "each end counts its own keys");
    CHECK(opens(link.right, sealed(link.left, record_type::rekey)));
    CHECK_FALSE(link.left.rekey_due());
    link.left.set_time(2 * limits.rekey_age - 1ns);
    CHECK_FALSE(link.left.rekey_due());
  }

  TEST_CASE("time that would go back stands still") {
    joined link;
    link.left.set_time(121s);
    link.left.set_time(1s);
    CHECK(link.left.rekey_due());
  }

  TEST_CASE("nothing is sealed or opened under a key that is too old, but a rekey or a goodbye") {
    joined link;
    const session_limits limits;
    record late = message(link.left);
    record later = message(link.left);
    for (auto* end : {&link.left, &link.right}) end->set_time(limits.last_age - 1ns);
    CHECK_FALSE(opened(link.right, late));
    for (auto* end : {&link.left, &link.right}) end->set_time(limits.last_age);
    SUBCASE("sending") {
      CHECK(seal_error(link.left, record_type::message, 64) == errc::crypto_key_exhausted);
    }
    SUBCASE("receiving what was held back") {
      CHECK(opened(link.right, later) == errc::crypto_key_exhausted);
    }
    SUBCASE("a heartbeat is no exception") {
      CHECK(seal_error(link.left, record_type::heartbeat, 0) == errc::crypto_key_exhausted);
    }
    SUBCASE("a rekey makes it young again") {
      joined other;
      for (auto* end : {&other.left, &other.right}) end->set_time(limits.last_age);
      CHECK(opens(other.right, sealed(other.left, record_type::rekey)));
      CHECK(opens(other.right, message(other.left)));
    }
    SUBCASE("a goodbye is heard") {
      joined other;
      for (auto* end : {&other.left, &other.right}) end->set_time(limits.last_age);
      CHECK(opens(other.right, sealed(other.left, record_type::close)));
      CHECK(other.right.peer_closed());
    }
  }

  TEST_CASE("a key seals so many bytes and no more, on both sides") {
    session_limits limits;
    limits.last_bytes = 1000;
    joined link{limits};
    joined generous;
    CHECK(opens(link.right, message(link.left, 999)));
    CHECK(opens(link.right, message(link.left, 64)));  // it began below the limit
    message(generous.left, 999);
    message(generous.left, 64);
    SUBCASE("sending") {
      CHECK(seal_error(link.left, record_type::message, 64) == errc::crypto_key_exhausted);
    }
    SUBCASE("receiving") {
      record third = message(generous.left, 64);
      CHECK(opened(link.right, third) == errc::crypto_key_exhausted);
    }
    SUBCASE("a rekey heals it") {
      CHECK(opens(link.right, sealed(link.left, record_type::rekey)));
      CHECK(opens(link.right, message(link.left, 64)));
    }
  }

  TEST_CASE("both directions change their keys independently, in any order") {
    joined link{small};
    for (int i = 0; i != 60; ++i) {
      if (i % 3 == 0) CHECK(opens(link.right, sealed(link.left, record_type::rekey)));
      if (i % 5 == 0) CHECK(opens(link.left, sealed(link.right, record_type::rekey)));
      CHECK(opens(link.right, message(link.left, 64)));
      CHECK(opens(link.left, message(link.right, 64)));
    }
  }
}

}  // namespace
