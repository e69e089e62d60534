// SPDX-License-Identifier: Apache-2.0
//
// A handshake with evidence both ways, and somebody on the way who alters what is said. The end
// that is lied to must never have a link; the other one may believe in it only where the last word
// was its own.
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/wire/handshake.hpp>
#include <enfilade/wire/session.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "attested_end.hpp"
#include "support/campaign.hpp"

namespace {

using namespace enfilade;
using test::attested_end;
using test::bytes;
using test::converse;
using test::ephemeral;
using test::passing;

// Records of each end, in the order in which it sends them.
constexpr std::size_t hello_index = 0;
constexpr std::size_t evidence_index = 1;
constexpr std::size_t confirm_index = 2;
constexpr std::size_t records_of_an_end = 3;
constexpr link_end both_ends[] = {link_end::upstream, link_end::downstream};

registers program(char value) {
  std::array<std::byte, 32> measurement{};
  measurement.fill(static_cast<std::byte>(value));
  registers told;
  told.emplace_back("binary", Measurement{measurement});
  told.emplace_back("weights", Measurement{measurement});
  return told;
}

/// Two genuine ends with the same keys whenever they are made from the same dice.
struct two_programs {
  explicit two_programs(std::uint64_t seed)
      : dice(seed),
        up(made(link_end::upstream, 'u', 'd')),
        down(made(link_end::downstream, 'd', 'u')) {}

  attested_end& end(link_end which) { return which == link_end::upstream ? up : down; }
  attested_end& receiver_of(link_end sender) { return end(opposite(sender)); }

  attested_end made(link_end end, char own, char peer) {
    handshake_parameters parameters;
    parameters.end = end;
    parameters.plan.fill(std::byte{0x91});
    parameters.receipt_key.fill(static_cast<std::byte>(own));
    return test::honest(parameters, ephemeral::fresh(dice), insecure::Mock{program(own)},
                        *expectations::pinned("mock", program(peer)));
  }

  std::mt19937_64 dice;
  attested_end up;
  attested_end down;
};

/// What both ends say when nobody interferes.
struct recorded_handshake {
  explicit recorded_handshake(std::uint64_t seed) {
    two_programs ends{seed};
    REQUIRE(converse(ends.up, ends.down, [&](passing p) { of(p.from).push_back(p.record); }));
    REQUIRE(ends.up.established());
    REQUIRE(ends.down.established());
    REQUIRE(up.size() == records_of_an_end);
    REQUIRE(down.size() == records_of_an_end);
  }

  std::vector<bytes>& of(link_end end) { return end == link_end::upstream ? up : down; }

  std::vector<bytes> up, down;
};

bool named(error_code error) {
  return error.category() == error_category() && error != errc::internal;
}

// Whether a live handshake in which `alter` sits on the way, and alters what `sender` says, ends as
// it must: it ends, and the end that was lied to has a named error and no link.
bool refused(std::uint64_t seed, link_end sender, const std::function<void(passing)>& alter) {
  two_programs ends{seed};
  if (!converse(ends.up, ends.down, alter)) return false;
  attested_end& deceived = ends.receiver_of(sender);
  const attested_end& other = ends.end(sender);
  if (!deceived.failed() || !named(deceived.error())) return false;
  return other.established() || (other.failed() && named(other.error()));
}

// The end that answers confirms last and is then done, so it alone may take a link for granted of
// which the last record was altered.
bool may_be_established(link_end sender, std::size_t index) {
  return sender == link_end::downstream && index == confirm_index;
}

constexpr std::uint64_t seed = 7;

TEST_SUITE("attack/tampered handshake") {
  TEST_CASE("every bit of every record, one at a time") {
    recorded_handshake honest{seed};
    test::campaign c{"handshake.bits_flipped"};
    for (const link_end from : both_ends)
      for (std::size_t index = 0; index != records_of_an_end; ++index) {
        const std::size_t bits = 8 * honest.of(from)[index].size();
        // All of them where that takes seconds; else every ninth, which meets every bit of a byte.
        for (std::size_t bit = 0; bit < bits; bit += test::fast_build ? 1 : 9) {
          CAPTURE(index);
          CAPTURE(bit);
          two_programs ends{seed};
          const bool ended = converse(ends.up, ends.down, [&](passing p) {
            if (p.from == from && p.index == index) p.record[bit / 8] ^= std::byte{1} << (bit % 8);
          });
          const attested_end& deceived = ends.receiver_of(from);
          const attested_end& other = ends.end(from);
          const bool good = ended && deceived.failed() && named(deceived.error()) &&
                            (other.established() ? may_be_established(from, index)
                                                 : other.failed() && named(other.error()));
          c.tried();
          if (good) c.refused();
          CHECK(good);
        }
      }
  }

  TEST_CASE("the bit of a public key that X25519 ignores is in the transcript all the same") {
    // RFC 7748 §5 masks the top bit, so the shared secret does not change. The keys do.
    for (const link_end from : both_ends) {
      two_programs ends{seed};
      REQUIRE(converse(ends.up, ends.down, [&](passing p) {
        if (p.from == from && p.index == hello_index)
          p.record[record_prefix_size + 63] ^= std::byte{0x80};
      }));
      CHECK(ends.up.error() == errc::crypto_auth_failed);
      CHECK(ends.down.error() == errc::frame_truncated);
      CHECK_MESSAGE(!ends.down.shown(), "the dialling end kept its evidence to itself");
    }
  }

  TEST_CASE("a stream that is cut after any number of bytes") {
    recorded_handshake honest{seed};
    test::campaign c{"handshake.truncated"};
    for (const link_end from : both_ends)
      for (std::size_t index = 0; index != records_of_an_end; ++index)
        for (std::size_t keep = 0; keep != honest.of(from)[index].size(); ++keep) {
          CAPTURE(index);
          CAPTURE(keep);
          two_programs ends{seed};
          const bool ended = converse(ends.up, ends.down, [&](passing p) {
            if (p.from != from || p.index < index) return;
            p.record.resize(p.index == index ? keep : 0);
          });
          const bool good = ended && ends.receiver_of(from).error() == errc::frame_truncated;
          c.tried();
          if (good) c.refused();
          CHECK(good);
        }
  }

  TEST_CASE("bytes that are taken out, put in, or overwritten, anywhere") {
    recorded_handshake honest{seed};
    test::campaign c{"handshake.bytes_edited"};
    std::mt19937_64 random{c.seed()};
    for (std::uint64_t run = 0, runs = test::effort(20'000, 1'000'000); run != runs; ++run) {
      const link_end from = both_ends[random() % 2];
      const std::size_t index = random() % records_of_an_end;
      const std::size_t at = random() % honest.of(from)[index].size();
      const std::size_t length = 1 + random() % 8;
      const std::uint64_t kind = random() % 3;
      const auto alter = [&](passing p) {
        if (p.from != from || p.index != index) return;
        const bytes before = p.record;
        const auto place = p.record.begin() + static_cast<std::ptrdiff_t>(at);
        const auto end =
            p.record.begin() + static_cast<std::ptrdiff_t>(std::min(at + length, p.record.size()));
        if (kind == 0) {
          p.record.erase(place, end);
        } else if (kind == 1) {
          const std::size_t was = p.record.size();
          p.record.insert(place, length, static_cast<std::byte>(random()));
          // Behind the last byte of a handshake there may be more: it belongs to the session.
          if (index == confirm_index) p.record.resize(was);
        } else {
          for (auto b = place; b != end; ++b) *b = static_cast<std::byte>(random());
        }
        if (p.record == before) p.record[at] ^= std::byte{1};
      };
      CAPTURE(run);
      const bool good = refused(seed, from, alter);
      c.tried();
      if (good) c.refused();
      CHECK(good);
    }
  }

  TEST_CASE("any record in place of any other, of this conversation and of an earlier one") {
    recorded_handshake honest{seed};
    recorded_handshake earlier{seed + 1};
    test::campaign c{"handshake.records_replaced"};
    for (const link_end from : both_ends)
      for (std::size_t index = 0; index != records_of_an_end; ++index)
        for (recorded_handshake* source : {&honest, &earlier})
          for (const link_end source_end : both_ends)
            for (const bytes& instead : source->of(source_end)) {
              // The records of the live conversation are the recorded ones: the keys are the same.
              if (instead == honest.of(from)[index]) continue;
              const bool good = refused(seed, from, [&](passing p) {
                if (p.from == from && p.index == index) p.record = instead;
              });
              c.tried();
              if (good) c.refused();
              CHECK(good);
            }
  }

  TEST_CASE("records that change places, are left out, or come twice") {
    test::campaign c{"handshake.records_moved"};
    const auto note = [&](bool good) {
      c.tried();
      if (good) c.refused();
      CHECK(good);
    };
    for (const link_end from : both_ends)
      for (std::size_t index = 0; index != records_of_an_end; ++index) {
        CAPTURE(index);
        note(refused(seed, from, [&](passing p) {
          if (p.from == from && p.index == index) p.record.clear();
        }));
        if (index == confirm_index) continue;
        bytes held;
        note(refused(seed, from, [&](passing p) {
          if (p.from != from) return;
          if (p.index == index) held = std::exchange(p.record, {});
          if (p.index == index + 1) p.record.insert(p.record.end(), held.begin(), held.end());
        }));
        note(refused(seed, from, [&](passing p) {
          if (p.from == from && p.index == index)
            p.record.insert(p.record.end(), p.record.begin(), p.record.end());
        }));
      }
  }

  TEST_CASE("a confirmation that comes twice has no place in the session") {
    for (const link_end from : both_ends) {
      two_programs ends{seed};
      bytes confirmation;
      REQUIRE(converse(ends.up, ends.down, [&](passing p) {
        if (p.from == from && p.index == confirm_index) confirmation = p.record;
      }));
      REQUIRE(ends.receiver_of(from).established());
      auto session = ends.receiver_of(from).machine().take_session();
      const auto header =
          session.open_header(std::span<const std::byte>{confirmation}.first<record_prefix_size>());
      REQUIRE(header.has_error());
      CHECK(header.error() == errc::frame_unexpected);
    }
  }

  TEST_CASE("keys of one direction are worth nothing in the other, nor is a record sent back") {
    for (const link_end from : both_ends) {
      two_programs ends{seed};
      REQUIRE(converse(ends.up, ends.down));
      REQUIRE(ends.end(from).established());
      auto sender = ends.end(from).machine().take_session();
      std::array<std::byte, record_prefix_size> prefix;
      bytes body(100, std::byte{42});
      REQUIRE(sender.seal(record_type::message, 0, body, prefix).has_value());
      CHECK(sender.open(prefix, body).error() == errc::crypto_auth_failed);
      CHECK(body == bytes(100, std::byte{0}));
    }
  }

  TEST_CASE("what a host may read of it: no byte of evidence, no measurement, no receipt key") {
    recorded_handshake honest{seed};
    for (const link_end from : both_ends) {
      const bytes secret(16, static_cast<std::byte>(from == link_end::upstream ? 'u' : 'd'));
      for (const bytes& record : honest.of(from))
        CHECK(std::search(record.begin(), record.end(), secret.begin(), secret.end()) ==
              record.end());
      CHECK(honest.of(from)[evidence_index].size() > 200);
    }
  }
}

}  // namespace
