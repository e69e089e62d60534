// SPDX-License-Identifier: Apache-2.0
//
// Genuine evidence in the wrong conversation. In each variant the evidence itself is good: signed,
// of the pinned program, and valid for the conversation that it was made in. The control in
// `stolen` makes sure of that, so what refuses it can only be its binding.
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/wire/handshake.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <utility>

#include "attested_end.hpp"
#include "support/campaign.hpp"

namespace {

using namespace enfilade;
using test::attested_end;
using test::bytes;
using test::converse;
using test::ephemeral;
using test::honest;
using test::impostor;
using test::shown_evidence;

Measurement measured(std::mt19937_64& random) { return Measurement{test::random_32(random)}; }

/// A pipeline as an attacker finds it: two genuine programs that pin each other, on one link.
struct scene {
  explicit scene(std::mt19937_64& dice) : random(dice) {
    above_registers.emplace_back("binary", measured(random));
    below_registers.emplace_back("binary", measured(random));
    below_registers.emplace_back("weights", measured(random));
    here.plan = test::random_32(random);
    here.link = 1;
  }

  handshake_parameters as(link_end end) const {
    handshake_parameters parameters = here;
    parameters.end = end;
    return parameters;
  }
  ephemeral fresh() { return ephemeral::fresh(random); }
  insecure::Mock above() const { return insecure::Mock{above_registers}; }
  insecure::Mock below() const { return insecure::Mock{below_registers}; }
  expectations pins_above() const { return *expectations::pinned("mock", above_registers); }
  expectations pins_below() const { return *expectations::pinned("mock", below_registers); }

  attested_end genuine_above(const expectations& of_peer) {
    return honest(as(link_end::upstream), fresh(), above(), of_peer);
  }
  attested_end genuine_below(const expectations& of_peer) {
    return honest(as(link_end::downstream), fresh(), below(), of_peer);
  }

  std::mt19937_64& random;
  registers above_registers;
  registers below_registers;
  handshake_parameters here;
};

// The evidence that `thief` was shown, which must be as good as evidence can be.
bytes stolen(const attested_end& thief, const expectations& pins) {
  REQUIRE(thief.shown());
  const shown_evidence& loot = *thief.shown();
  const auto found = insecure::Mock::verify(loot.evidence, loot.report_data);
  REQUIRE(found.has_value());
  REQUIRE(pins.check(*found).has_value());
  return loot.evidence;
}

// A genuine end that shows its evidence to an attacker at once: the one below always does; the one
// above only where it takes anybody, which is what the attacker's best case looks like.
bytes evidence_of_below(scene& s, const handshake_parameters& where) {
  attested_end victim = honest(where, s.fresh(), s.below(), s.pins_above());
  handshake_parameters opposite_end = where;
  opposite_end.end = link_end::upstream;
  attested_end thief = impostor(opposite_end, s.fresh(), [](auto) { return bytes(1); });
  REQUIRE(converse(thief, victim));
  return stolen(thief, s.pins_below());
}

bytes evidence_of_above(scene& s, const handshake_parameters& where) {
  attested_end victim = honest(where, s.fresh(), s.above(), expectations::anyone());
  handshake_parameters opposite_end = where;
  opposite_end.end = link_end::downstream;
  attested_end thief = impostor(opposite_end, s.fresh(), [](auto) { return bytes(1); });
  REQUIRE(converse(victim, thief));
  return stolen(thief, s.pins_above());
}

// An honest client meets somebody who shows it `evidence`.
error_code shown_to_client(scene& s, const ephemeral& key,
                           const attested_end::make_evidence& evidence,
                           std::array<std::byte, 32> receipt_key = {}) {
  attested_end client = s.genuine_above(s.pins_below());
  handshake_parameters where = s.as(link_end::downstream);
  where.receipt_key = receipt_key;
  attested_end attacker = impostor(where, key, evidence);
  if (!converse(client, attacker)) return errc::internal;
  if (client.established() || attacker.established()) return {};
  REQUIRE(client.shown());
  return client.error();
}

// An honest stage meets somebody who shows it `evidence`.
error_code shown_to_stage(scene& s, const ephemeral& key,
                          const attested_end::make_evidence& evidence) {
  attested_end stage = s.genuine_below(s.pins_above());
  attested_end attacker = impostor(s.as(link_end::upstream), key, evidence);
  if (!converse(attacker, stage)) return errc::internal;
  if (stage.established() || attacker.established()) return {};
  REQUIRE(stage.shown());
  return stage.error();
}

// Runs one variant as often as it should be; `attack` gives the victim's error, which must be this.
void refuse_all(const char* name, errc expected,
                const std::function<error_code(scene&, std::uint64_t)>& attack) {
  test::campaign c{name};
  std::mt19937_64 random{c.seed()};
  for (std::uint64_t run = 0, runs = test::effort(1'000, 10'000); run != runs; ++run) {
    scene s{random};
    const error_code error = attack(s, run);
    c.tried();
    if (error == expected) c.refused();
    CAPTURE(run);
    CHECK(error == expected);
  }
}

TEST_SUITE("attack/relay") {
  TEST_CASE("control: the same two programs, left alone, have a link") {
    std::mt19937_64 random{1};
    scene s{random};
    attested_end client = s.genuine_above(s.pins_below());
    attested_end stage = s.genuine_below(s.pins_above());
    REQUIRE(converse(client, stage));
    CHECK(client.established());
    CHECK(stage.established());
  }

  TEST_CASE("control: evidence that is made for the conversation passes, whoever carries it") {
    // The signing key of the mock is public, so this attacker simply makes its own: if this failed,
    // the variants below would be refused for another reason than they say.
    std::mt19937_64 random{1};
    scene s{random};
    const insecure::Mock below = s.below();
    CHECK_FALSE(shown_to_client(s, s.fresh(), [&](auto data) { return below.attest(data); }));
  }

  TEST_CASE("replayed: evidence of an earlier session is shown in a new one") {
    refuse_all("relay.replayed", errc::attest_binding_mismatch, [](scene& s, std::uint64_t run) {
      if (run % 2 == 0) {
        const bytes old = evidence_of_below(s, s.as(link_end::downstream));
        return shown_to_client(s, s.fresh(), [&](auto) { return old; });
      }
      const bytes old = evidence_of_above(s, s.as(link_end::upstream));
      return shown_to_stage(s, s.fresh(), [&](auto) { return old; });
    });
  }

  TEST_CASE("forwarded live: a man in the middle agrees on keys with both and passes evidence on") {
    refuse_all(
        "relay.forwarded_live", errc::attest_binding_mismatch, [](scene& s, std::uint64_t run) {
          // Asked for evidence by one victim, the attacker has it made by the other.
          if (run % 2 == 0)
            return shown_to_client(s, s.fresh(), [&](auto) {
              return evidence_of_below(s, s.as(link_end::downstream));
            });
          return shown_to_stage(
              s, s.fresh(), [&](auto) { return evidence_of_above(s, s.as(link_end::upstream)); });
        });
  }

  TEST_CASE("reflected: a stage is shown its own evidence, in the very session it was made for") {
    refuse_all("relay.reflected", errc::attest_binding_mismatch, [](scene& s, std::uint64_t) {
      // Both rooms run the same program, as where one image serves every stage.
      attested_end stage = s.genuine_below(s.pins_below());
      const attested_end* mirror = nullptr;
      attested_end attacker = impostor(s.as(link_end::upstream), s.fresh(),
                                       [&](auto) { return stolen(*mirror, s.pins_below()); });
      mirror = &attacker;
      if (!converse(attacker, stage) || stage.established()) return error_code{};
      REQUIRE(stage.shown());
      return stage.error();
    });
  }

  TEST_CASE("reflected: every byte of a dialling end comes back to it, and has a name of its own") {
    refuse_all("relay.reflected_bytes", errc::plan_role_mismatch, [](scene& s, std::uint64_t) {
      attested_end client = s.genuine_above(s.pins_above());
      bytes nothing;
      bytes echo = client.hear(nothing).at(0);
      const auto answer = client.hear(echo);
      CHECK(answer.empty());
      return client.error();
    });
  }

  TEST_CASE(
      "role-swapped: what a program signed as the dialling end is shown by an answering one") {
    refuse_all("relay.role_swapped", errc::attest_binding_mismatch, [](scene& s, std::uint64_t) {
      // A middle stage dials onwards, so it signs as upstream end; an attacker whom it dials passes
      // that on to somebody who looks for the same program below.
      return shown_to_client(s, s.fresh(), [&](auto) {
        attested_end middle =
            honest(s.as(link_end::upstream), s.fresh(), s.below(), expectations::anyone());
        attested_end thief =
            impostor(s.as(link_end::downstream), s.fresh(), [](auto) { return bytes(1); });
        REQUIRE(converse(middle, thief));
        return stolen(thief, s.pins_below());
      });
    });
  }

  TEST_CASE("copied keys: the attacker has the receipt key, key, nonce and evidence of a session") {
    refuse_all("relay.copied_key", errc::attest_binding_mismatch, [](scene& s, std::uint64_t) {
      // Where evidence vouches for a key only, who has a copy of the key is the program. Here even
      // the hello is the same one, byte by byte; the client's nonce and key are not.
      const ephemeral copied = s.fresh();
      handshake_parameters where = s.as(link_end::downstream);
      where.receipt_key = test::random_32(s.random);
      attested_end stage = honest(where, copied, s.below(), s.pins_above());
      attested_end thief =
          impostor(s.as(link_end::upstream), s.fresh(), [](auto) { return bytes(1); });
      REQUIRE(converse(thief, stage));
      const bytes evidence = stolen(thief, s.pins_below());
      REQUIRE(thief.shown()->receipt_key == where.receipt_key);
      return shown_to_client(
          s, copied, [&](auto) { return evidence; }, where.receipt_key);
    });
  }

  TEST_CASE("another receipt key beside evidence that was made for this session") {
    refuse_all(
        "relay.receipt_key_replaced", errc::attest_binding_mismatch, [](scene& s, std::uint64_t) {
          // The signing oracle is asked for the attacker's own session, so everything fits
          // but the key with which receipts would be signed.
          const insecure::Mock below = s.below();
          const std::array<std::byte, 32> attested_key = test::random_32(s.random);
          attested_end client = s.genuine_above(s.pins_below());
          handshake_parameters where = s.as(link_end::downstream);
          where.receipt_key = attested_key;
          const ephemeral key = s.fresh();
          const ephemeral clients = s.fresh();
          std::array<std::byte, 64> asked{};
          attested_end rehearsal = impostor(where, key, [&](auto data) {
            std::copy(data.begin(), data.end(), asked.begin());
            return bytes(1);
          });
          attested_end first = honest(s.as(link_end::upstream), clients, s.above(), s.pins_below());
          REQUIRE(converse(first, rehearsal));
          const bytes evidence = *below.attest(asked);
          where.receipt_key = test::random_32(s.random);
          attested_end attacker = impostor(where, key, [&](auto) { return evidence; });
          attested_end second =
              honest(s.as(link_end::upstream), clients, s.above(), s.pins_below());
          REQUIRE(converse(second, attacker));
          return second.error();
        });
  }

  TEST_CASE("for another link of the same plan") {
    refuse_all("relay.other_link", errc::attest_binding_mismatch, [](scene& s, std::uint64_t) {
      return shown_to_client(s, s.fresh(), [&](auto) {
        handshake_parameters elsewhere = s.as(link_end::downstream);
        elsewhere.link = 2;
        return evidence_of_below(s, elsewhere);
      });
    });
  }

  TEST_CASE("another link's own bytes, passed on unchanged, have a name of their own") {
    refuse_all("relay.other_link_bytes", errc::plan_link_mismatch, [](scene& s, std::uint64_t) {
      attested_end client = s.genuine_above(s.pins_below());
      s.here.link = 2;
      attested_end stage = s.genuine_below(s.pins_above());
      REQUIRE(converse(client, stage));
      CHECK(stage.error() == errc::plan_link_mismatch);
      return client.error();
    });
  }

  TEST_CASE("for another plan") {
    refuse_all("relay.other_plan", errc::attest_binding_mismatch, [](scene& s, std::uint64_t) {
      return shown_to_client(s, s.fresh(), [&](auto) {
        handshake_parameters elsewhere = s.as(link_end::downstream);
        elsewhere.plan = test::random_32(s.random);
        return evidence_of_below(s, elsewhere);
      });
    });
  }

  TEST_CASE("another plan's own bytes, passed on unchanged, have a name of their own") {
    refuse_all("relay.other_plan_bytes", errc::plan_mismatch, [](scene& s, std::uint64_t) {
      attested_end client = s.genuine_above(s.pins_below());
      s.here.plan = test::random_32(s.random);
      attested_end stage = s.genuine_below(s.pins_above());
      REQUIRE(converse(client, stage));
      CHECK(stage.error() == errc::plan_mismatch);
      return client.error();
    });
  }
}

TEST_SUITE("attack/diversion") {
  // A client is led to a second genuine instance: the same program, on a machine of the attacker's.
  error_code led_astray(scene & s, bool instance_is_pinned) {
    const registers program = s.below_registers;
    s.below_registers.emplace_back("instance", measured(s.random));
    const expectations pins =
        instance_is_pinned ? s.pins_below() : *expectations::pinned("mock", program);
    s.below_registers.back().second = measured(s.random);
    attested_end client = s.genuine_above(pins);
    attested_end elsewhere = s.genuine_below(s.pins_above());
    REQUIRE(converse(client, elsewhere));
    return client.established() ? error_code{} : client.error();
  }

  TEST_CASE("another instance of the pinned program is refused where the instance is pinned") {
    refuse_all("diversion.other_instance", errc::attest_measurement_mismatch,
               [](scene& s, std::uint64_t) { return led_astray(s, true); });
  }

  TEST_CASE("where only the program is pinned, any instance of it will do: that is what was said") {
    std::mt19937_64 random{1};
    scene s{random};
    CHECK_FALSE(led_astray(s, false));
  }
}

}  // namespace
