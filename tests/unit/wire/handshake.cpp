// SPDX-License-Identifier: Apache-2.0
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/cipher/plain.hpp>
#include <enfilade/wire/handshake.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "two_ends.hpp"

namespace {

using namespace enfilade;
using test::attest_both;
using test::bytes;
using test::downstream_setup;
using test::end_setup;
using test::flight;
using test::upstream_setup;

using action = handshake_step::action;

static_assert(!std::copyable<handshake<AesGcm>>, "an ephemeral key exists once");
static_assert(!std::is_aggregate_v<handshake_step>, "it is passed around inside coroutines");

// Records of each end, in the order in which it sends them.
constexpr std::size_t hello_record_index = 0;
constexpr std::size_t evidence_record_index = 1;
constexpr std::size_t confirm_record_index = 2;

using link = test::two_ends<AesGcm>;
using driven = test::driven_end<AesGcm>;

// Both ends refuse, each with its own reason.
void check_refused(const link& ends, error_code up, error_code down) {
  CHECK(ends.up().what == action::failed);
  CHECK(ends.down().what == action::failed);
  CHECK(ends.up().error == up);
  CHECK(ends.down().error == down);
}

TEST_SUITE("wire/handshake: what succeeds") {
  TEST_CASE_TEMPLATE("two ends agree without evidence, in three records each", C, AesGcm,
                     ChaChaPoly, insecure::Plain) {
    test::two_ends<C> ends{upstream_setup(), downstream_setup()};
    REQUIRE(ends.established());
    CHECK(ends.from_up.size() == 3);
    CHECK(ends.from_down.size() == 3);
    CHECK(ends.up_handshake().transcript() == ends.down_handshake().transcript());
    CHECK_FALSE(ends.up_attested);
    CHECK_FALSE(ends.down_verified);
  }

  TEST_CASE("evidence goes both ways, and each end verifies what the other's TEE was asked") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    attest_both(up, down);
    down.evidence = bytes(1000, std::byte{0x0D});
    link ends{up, down};
    REQUIRE(ends.established());
    CHECK(ends.shown_to_up == down.evidence);
    CHECK(ends.shown_to_down == up.evidence);
    CHECK(*ends.up_attested == *ends.down_verified);
    CHECK(*ends.down_attested == *ends.up_verified);
    CHECK_MESSAGE(*ends.up_attested != *ends.down_attested,
                  "a report is bound to its sender's end");
  }

  TEST_CASE("evidence goes one way where only one end demands it") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    SUBCASE("only the stage attests") {
      down.parameters.sends_evidence = up.parameters.demands_evidence = true;
      link ends{up, down};
      CHECK(ends.established());
      CHECK(ends.shown_to_up == down.evidence);
      CHECK(ends.shown_to_down.empty());
    }
    SUBCASE("only the client attests") {
      up.parameters.sends_evidence = down.parameters.demands_evidence = true;
      link ends{up, down};
      CHECK(ends.established());
      CHECK(ends.shown_to_up.empty());
      CHECK(ends.shown_to_down == up.evidence);
    }
  }

  TEST_CASE("evidence that nobody demanded is shown all the same") {
    end_setup down = downstream_setup();
    down.parameters.sends_evidence = true;
    link ends{upstream_setup(), down};
    CHECK(ends.established());
    CHECK(ends.shown_to_up == down.evidence);
  }

  TEST_CASE("the report depends on keys, nonces, plan, end and receipt key") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    attest_both(up, down);
    const link first{up, down};
    CHECK(*link{up, down}.up_attested == *first.up_attested);
    down.parameters.receipt_key.fill(std::byte{1});
    CHECK(*link{up, down}.down_attested != *first.down_attested);
    CHECK(*link{up, down}.up_attested == *first.up_attested);
    for (end_setup* setup : {&up, &down}) setup->parameters.plan[0] ^= std::byte{1};
    CHECK(*link{up, down}.up_attested != *first.up_attested);
  }

  TEST_CASE("the largest evidence fits, one byte more does not") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    attest_both(up, down);
    down.evidence.assign(max_evidence_size, std::byte{1});
    CHECK(link{up, down}.established());
    down.evidence.push_back(std::byte{1});
    check_refused(link{up, down}, errc::frame_truncated, errc::frame_too_large);
  }

  TEST_CASE("a handshake with the kernel's randomness is never the same twice") {
    handshake<AesGcm> one{upstream_setup().parameters};
    handshake<AesGcm> two{upstream_setup().parameters};
    const auto first = one.next();
    const auto second = two.next();
    REQUIRE(first.what == action::write);
    CHECK_FALSE(std::ranges::equal(first.output.subspan(64, 32), second.output.subspan(64, 32)));
    CHECK_FALSE(std::ranges::equal(first.output.subspan(96, 32), second.output.subspan(96, 32)));
    CHECK(std::ranges::equal(first.output.first(64), second.output.first(64)));
  }

  TEST_CASE("an unanswered question is asked again") {
    end_setup down = downstream_setup();
    down.parameters.sends_evidence = true;
    driven up{upstream_setup().parameters};
    driven stage{down.parameters};
    stage.give(up.take());
    up.give(stage.take());
    REQUIRE(stage.step.what == action::attest);
    CHECK(stage.machine.next().what == action::attest);
    stage.machine.provide(7, down.evidence);
    stage.step = stage.machine.next();
    up.give(stage.take());
    REQUIRE(up.step.what == action::verify);
    CHECK(up.machine.next().what == action::verify);
    CHECK(up.machine.next().report_data == up.step.report_data);
    up.machine.accept();
    CHECK(up.machine.next().what == action::write);
  }
}

TEST_SUITE("wire/handshake: what is refused by name") {
  TEST_CASE("another plan, and both ends can say so") {
    end_setup down = downstream_setup();
    down.parameters.plan[31] ^= std::byte{1};
    const link ends{upstream_setup(), down};
    check_refused(ends, errc::plan_mismatch, errc::plan_mismatch);
    CHECK(ends.from_up.size() == 1);
    CHECK(ends.from_down.size() == 1);
  }

  TEST_CASE("another link, and both ends can say so") {
    end_setup down = downstream_setup();
    down.parameters.link = 1;
    check_refused(link{upstream_setup(), down}, errc::plan_link_mismatch, errc::plan_link_mismatch);
  }

  TEST_CASE("another suite, and both ends can say so") {
    const test::two_ends<AesGcm, ChaChaPoly> ends{upstream_setup(), downstream_setup()};
    CHECK(ends.up().error == errc::plan_suite_mismatch);
    CHECK(ends.down().error == errc::plan_suite_mismatch);
  }

  TEST_CASE("a link that is reflected to its sender") {
    auto end = test::make_end<AesGcm>(upstream_setup().parameters);
    const handshake_step hello = end.next();
    const bytes record(hello.output.begin(), hello.output.end());
    handshake_step step = end.next();
    std::copy_n(record.begin(), 32, step.input.begin());
    step = end.next();
    std::copy_n(record.begin() + 32, 128, step.input.begin());
    CHECK(end.next().error == errc::plan_role_mismatch);
  }

  TEST_CASE("two dialling ends") {
    link ends{upstream_setup(), downstream_setup(), [](flight f) {
                if (f.index == hello_record_index && f.from == link_end::upstream)
                  f.record[32 + 10] = std::byte{2};
              }};
    CHECK(ends.down().error == errc::plan_role_mismatch);
  }

  TEST_CASE("another version") {
    const auto other_version = [](flight f) {
      if (f.index == hello_record_index && f.from == link_end::upstream) f.record[6] = std::byte{2};
    };
    check_refused(link{upstream_setup(), downstream_setup(), other_version}, errc::frame_truncated,
                  errc::frame_bad_version);
  }

  TEST_CASE("a public key that forces a secret of zeros") {
    constexpr std::string_view points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    for (const std::string_view point : points)
      for (const link_end victim : {link_end::upstream, link_end::downstream}) {
        const link ends{upstream_setup(), downstream_setup(), [&](flight f) {
                          if (f.index == hello_record_index && f.from != victim)
                            std::ranges::copy(*detail::from_hex(point), f.record.begin() + 64);
                        }};
        CHECK((victim == link_end::upstream ? ends.up() : ends.down()).error ==
              errc::crypto_low_order_point);
      }
  }

  TEST_CASE("no evidence where it is demanded") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    SUBCASE("by the client") { up.parameters.demands_evidence = true; }
    SUBCASE("by the stage") { down.parameters.demands_evidence = true; }
    check_refused(link{up, down}, errc::attest_missing, errc::attest_missing);
  }

  TEST_CASE("evidence that was announced and is empty") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    attest_both(up, down);
    down.evidence.clear();
    check_refused(link{up, down}, errc::frame_truncated, errc::attest_missing);
  }

  TEST_CASE("evidence that the caller does not accept, with the caller's reason") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    attest_both(up, down);
    SUBCASE("at the client: the stage never sees the client's evidence") {
      up.verdict_error = errc::attest_measurement_mismatch;
      const link ends{up, down};
      check_refused(ends, errc::attest_measurement_mismatch, errc::frame_truncated);
      CHECK(ends.from_up.size() == 1);
      CHECK(ends.shown_to_down.empty());
    }
    SUBCASE("at the stage") {
      down.verdict_error = errc::attest_bad_signature;
      const link ends{up, down};
      check_refused(ends, errc::frame_truncated, errc::attest_bad_signature);
      CHECK_MESSAGE(ends.from_down.size() == 2, "no confirmation is sent");
    }
  }

  TEST_CASE("a machine that cannot make evidence, with its own reason") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    attest_both(up, down);
    down.attest_error = errc::attest_device_unavailable;
    check_refused(link{up, down}, errc::frame_truncated, errc::attest_device_unavailable);
  }

  TEST_CASE("records that come in another order") {
    const auto as_type = [](record_type type) {
      return [=](flight f) {
        if (f.from == link_end::downstream && f.index == evidence_record_index)
          f.record[4] = static_cast<std::byte>(type);
      };
    };
    CHECK(link{upstream_setup(), downstream_setup(), as_type(record_type::message)}.up().error ==
          errc::frame_unexpected);
    const auto renumbered = [](flight f) {
      if (f.from == link_end::downstream && f.index == evidence_record_index)
        f.record[8] = std::byte{1};
    };
    CHECK(link{upstream_setup(), downstream_setup(), renumbered}.up().error ==
          errc::frame_out_of_order);
  }

  TEST_CASE("an application record before the confirmation") {
    const auto impatient = [](flight f) {
      if (f.from == link_end::upstream && f.index == confirm_record_index) {
        f.record[4] = static_cast<std::byte>(record_type::message);
        f.record[0] = std::byte{64};
      }
    };
    CHECK(link{upstream_setup(), downstream_setup(), impatient}.down().error ==
          errc::frame_unexpected);
  }

  TEST_CASE("lengths beyond the bound, before anything is read for them") {
    const auto announce = [](std::size_t index, std::uint32_t length) {
      return [=](flight f) {
        if (f.from == link_end::downstream && f.index == index)
          detail::store_le(f.record.data(), length);
      };
    };
    const auto up_error = [&](std::size_t index, std::uint32_t length) {
      return link{upstream_setup(), downstream_setup(), announce(index, length)}.up().error;
    };
    CHECK(up_error(hello_record_index, 127) == errc::frame_malformed);
    CHECK(up_error(hello_record_index, 129) == errc::frame_too_large);
    CHECK(up_error(evidence_record_index, 39) == errc::frame_malformed);
    CHECK(up_error(evidence_record_index, 65537) == errc::frame_too_large);
    CHECK(up_error(evidence_record_index, 0xFFFFFFFF) == errc::frame_too_large);
    CHECK(up_error(confirm_record_index, 31) == errc::frame_malformed);
    CHECK(up_error(confirm_record_index, 33) == errc::frame_too_large);
  }

  TEST_CASE("a stream that ends at any byte of any record") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    attest_both(up, down);
    for (const link_end from : {link_end::upstream, link_end::downstream})
      for (std::size_t index = 0; index != 3; ++index)
        for (std::size_t keep = 0;; ++keep) {
          bool whole = false;
          bool cut = false;
          const link ends{up, down, [&](flight f) {
                            if (cut && f.from == from) f.record.clear();
                            if (f.from != from || f.index != index) return;
                            whole = keep >= f.record.size();
                            f.record.resize(std::min(keep, f.record.size()));
                            cut = true;
                          }};
          if (whole) break;
          const handshake_step& victim = from == link_end::upstream ? ends.down() : ends.up();
          CHECK(victim.what == action::failed);
          CHECK(victim.error == errc::frame_truncated);
        }
  }

  TEST_CASE("bytes that do not belong there shift the next record, which is then refused") {
    const link ends{upstream_setup(), downstream_setup(), [](flight f) {
                      if (f.from == link_end::upstream && f.index == hello_record_index)
                        f.record.push_back(std::byte{0});
                    }};
    CHECK(ends.down().what == action::failed);
    CHECK(ends.down().error == errc::frame_malformed);
  }
}

TEST_SUITE("wire/handshake: what is forged") {
  TEST_CASE("any single bit of any record, flipped on the way, and no link comes to be") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    attest_both(up, down);
    up.evidence.resize(40);
    down.evidence.resize(40);
    const link honest{up, down};
    REQUIRE(honest.established());
    for (const link_end from : {link_end::upstream, link_end::downstream}) {
      const auto& records = from == link_end::upstream ? honest.from_up : honest.from_down;
      for (std::size_t index = 0; index != records.size(); ++index) {
        const std::size_t bits = 8 * records[index].size();
        // Every bit of the header, the tag and the fixed fields; of the keys and digests, which are
        // uniform, one bit in seven.
        for (std::size_t bit = 0; bit < bits; bit += bit < 8 * 64 ? 1 : 7) {
          CAPTURE(index);
          CAPTURE(bit);
          const link ends{up, down, [&](flight f) {
                            if (f.from == from && f.index == index)
                              f.record[bit / 8] ^= std::byte{1} << (bit % 8);
                          }};
          const handshake_step& victim = from == link_end::upstream ? ends.down() : ends.up();
          CHECK(victim.what == action::failed);
          CHECK(victim.error != errc::internal);
          CHECK_FALSE(ends.established());
        }
      }
    }
  }

  TEST_CASE("sealed records are refused as not authentic") {
    for (const std::size_t index : {evidence_record_index, confirm_record_index})
      for (const std::size_t at : {std::size_t{16}, std::size_t{32}}) {
        const link ends{upstream_setup(), downstream_setup(), [&](flight f) {
                          if (f.from == link_end::downstream && f.index == index)
                            f.record[at] ^= std::byte{1};
                        }};
        CHECK(ends.up().error == errc::crypto_auth_failed);
      }
  }

  TEST_CASE("two ends that saw different evidence cannot confirm") {
    // The liar has the stage's keys, but said something else than what the client was shown.
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    down.parameters.sends_evidence = true;
    driven client{up.parameters};
    driven stage{down.parameters};
    driven liar{down.parameters};
    const bytes hello = client.take();
    stage.give(hello);
    liar.give(hello);
    client.give(stage.take());
    liar.take();
    stage.machine.provide(7, bytes(10, std::byte{1}));
    stage.step = stage.machine.next();
    liar.machine.provide(7, bytes(10, std::byte{2}));
    liar.step = liar.machine.next();
    liar.take();
    client.give(stage.take());
    client.machine.accept();
    client.step = client.machine.next();
    liar.give(client.take());
    REQUIRE(liar.step.what == action::read);
    liar.give(client.take());
    CHECK(liar.step.error == errc::crypto_auth_failed);
  }

  TEST_CASE("records of one handshake are worth nothing in another") {
    end_setup up = upstream_setup();
    end_setup down = downstream_setup();
    attest_both(up, down);
    const link recorded{up, down};
    REQUIRE(recorded.established());
    driven replayed{up.parameters};  // has the very secret and nonce of the recorded one
    driven victim{handshake<AesGcm>{up.parameters}};
    for (driven* end : {&replayed, &victim}) {
      end->take();
      end->give(recorded.from_down[hello_record_index]);
      end->give(recorded.from_down[evidence_record_index]);
    }
    CHECK(replayed.step.what == action::verify);
    CHECK(victim.step.error == errc::crypto_auth_failed);
  }

  TEST_CASE("a failed handshake stays failed and forgets its keys") {
    end_setup down = downstream_setup();
    down.parameters.link = 3;
    link ends{upstream_setup(), down};
    REQUIRE(ends.up().what == action::failed);
    ends.up_handshake().accept();
    ends.up_handshake().provide(1, bytes(3));
    ends.up_handshake().refuse(errc::internal);
    CHECK(ends.up_handshake().next().what == action::failed);
    CHECK(ends.up_handshake().next().error == errc::plan_link_mismatch);
  }

  TEST_CASE("an answer to a question that was not asked is a defect, and fails") {
    auto end = test::make_end<AesGcm>(upstream_setup().parameters);
    SUBCASE("accept") { end.accept(); }
    SUBCASE("provide") { end.provide(1, bytes(3)); }
    CHECK(end.next().error == errc::internal);
  }
}

}  // namespace
