// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/establish.hpp>

#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/wire/frame.hpp>

#include "handshakes.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::downstream_terms;
using test::expect;
using test::meeting;
using test::one_link;
using test::program;
using test::run_until_over;
using test::upstream_terms;
using test::within;
using namespace std::chrono_literals;
using bytes = std::vector<std::byte>;
using terms = link_terms<one_link<>>;

asio::awaitable<void> say_hello(test::attempt<one_link<>>& from, test::attempt<one_link<>>& to,
                                bool& heard) {
  message_header header;
  header.kind = message_kind::cancel;
  header.request = 77;
  co_await from.link->send(header);
  const auto received = co_await to.link->receive();
  heard = received && received->header == header;
}

template <class Meeting>
void is_established(Meeting& both) {
  CHECK(both.upstream.code == error_code{});
  CHECK(both.downstream.code == error_code{});
  REQUIRE(both.upstream.link);
  REQUIRE(both.downstream.link);
  CHECK(both.upstream.link->transcript() == both.downstream.link->transcript());
  CHECK(both.upstream.link->transcript() != std::array<std::byte, 32>{});
  bool down = false;
  bool up = false;
  test::task talking{both.io, say_hello(both.upstream, both.downstream, down)};
  test::task answering{both.io, say_hello(both.downstream, both.upstream, up)};
  test::run_ready(both.io);
  CHECK(down);
  CHECK(up);
}

template <class Meeting>
void both_refuse(const Meeting& both, errc name) {
  CHECK(both.upstream.code == name);
  CHECK(both.downstream.code == name);
  CHECK_FALSE(both.upstream.link);
  CHECK_FALSE(both.downstream.link);
}

TEST_SUITE("run/establish") {
  TEST_CASE("two ends that attest each other have a link, and know whom they speak with") {
    meeting both{upstream_terms(expect('d')), downstream_terms(expect('u'))};
    is_established(both);
    REQUIRE(both.upstream.link->peer());
    CHECK(both.upstream.link->peer()->attester == "mock");
    CHECK(*both.upstream.link->peer()->find("binary") == test::measured_as('d'));
    REQUIRE(both.downstream.link->peer());
    CHECK(*both.downstream.link->peer()->find("binary") == test::measured_as('u'));
    CHECK(both.upstream.link->where() == "peer");
  }

  TEST_CASE("a client without a TEE checks the stage, and shows nothing itself") {
    const expectations anyone = expectations::anyone();
    meeting both{terms{link_end::upstream, 0, nullptr, expect('d')}, downstream_terms(anyone, 0)};
    is_established(both);
    CHECK(both.upstream.link->peer());
    CHECK_FALSE(both.downstream.link->peer());
  }

  TEST_CASE("a stage checks its upstream neighbour, which takes anybody") {
    meeting both{upstream_terms(expectations::anyone()),
                 terms{link_end::downstream, 1, nullptr, expect('u')}};
    is_established(both);
    CHECK_FALSE(both.upstream.link->peer());
    CHECK(both.downstream.link->peer());
  }

  TEST_CASE("two ends that take anybody have a link without evidence") {
    const expectations anyone = expectations::anyone();
    meeting both{terms{link_end::upstream, 1, nullptr, anyone},
                 terms{link_end::downstream, 1, nullptr, anyone}};
    is_established(both);
  }

  TEST_CASE("evidence that nobody asked for is no claim about the peer") {
    meeting both{upstream_terms(expectations::anyone()), downstream_terms(expectations::anyone())};
    is_established(both);
    CHECK_FALSE(both.upstream.link->peer());
    CHECK_FALSE(both.downstream.link->peer());
  }

  TEST_CASE("each session has keys and a transcript of its own") {
    meeting first{upstream_terms(expect('d')), downstream_terms(expect('u'))};
    meeting second{upstream_terms(expect('d')), downstream_terms(expect('u'))};
    CHECK(first.upstream.link->transcript() != second.upstream.link->transcript());
  }

  TEST_CASE("the other suite does the same") {
    using sealed = one_link<'a', ChaChaPoly>;
    meeting<sealed, sealed> both{upstream_terms<sealed>(expect('d')),
                                 downstream_terms<sealed>(expect('u'))};
    CHECK(both.upstream.link);
    CHECK(both.downstream.link);
  }
}

TEST_SUITE("run/establish, expectations") {
  TEST_CASE("another program is refused, and the register is named") {
    meeting both{upstream_terms(expect('d', 'x')), downstream_terms(expect('u'))};
    CHECK(both.upstream.code == errc::attest_measurement_mismatch);
    CHECK(both.upstream.where == "peer: weights: expected 78787878, found 77777777");
    CHECK_FALSE(both.upstream.link);
    CHECK(both.downstream.code == errc::transport_closed);
    CHECK_FALSE(both.downstream.link);
  }

  TEST_CASE("the end that answers refuses as well") {
    meeting both{upstream_terms(expect('d')), downstream_terms(expect('x'))};
    CHECK(both.downstream.code == errc::attest_measurement_mismatch);
    CHECK(both.downstream.where == "peer: binary: expected 78787878, found 75757575");
    CHECK_FALSE(both.downstream.link);
    CHECK(both.upstream.code == errc::transport_closed);
  }

  TEST_CASE("a register that the peer does not have is not as expected") {
    registers pins;
    pins.emplace_back("PCR0", test::measured_as('d'));
    meeting both{upstream_terms(*expectations::pinned("mock", std::move(pins))),
                 downstream_terms(expect('u'))};
    CHECK(both.upstream.code == errc::attest_measurement_mismatch);
    CHECK(both.upstream.where == "peer: PCR0: expected 64646464, found none");
  }

  TEST_CASE("another attester is not as expected") {
    registers pins;
    pins.emplace_back("binary", test::measured_as('d'));
    meeting both{upstream_terms(*expectations::pinned("nitro", std::move(pins))),
                 downstream_terms(expect('u'))};
    CHECK(both.upstream.code == errc::attest_measurement_mismatch);
    CHECK(both.upstream.where == "peer: attester: expected nitro, found mock");
  }

  TEST_CASE("no expectations at all trust nobody") {
    meeting both{upstream_terms(expectations{}), downstream_terms(expect('u'))};
    CHECK(both.upstream.code == errc::attest_expectations_empty);
    CHECK_FALSE(both.upstream.link);
    CHECK_FALSE(both.downstream.link);
    meeting other{upstream_terms(expect('d')), downstream_terms(expectations{})};
    CHECK(other.downstream.code == errc::attest_expectations_empty);
    CHECK_FALSE(other.upstream.link);
  }

  TEST_CASE("a peer that shows nothing is refused by both ends, where something was demanded") {
    meeting below{upstream_terms(expect('d')),
                  terms{link_end::downstream, 1, nullptr, expect('u')}};
    both_refuse(below, errc::attest_missing);
    meeting above{terms{link_end::upstream, 1, nullptr, expect('d')},
                  downstream_terms(expect('u'))};
    both_refuse(above, errc::attest_missing);
  }
}

TEST_SUITE("run/establish, two ends that do not belong together") {
  TEST_CASE("another plan") {
    using other = one_link<'b'>;
    meeting<one_link<>, other> both{upstream_terms(expect('d')),
                                    downstream_terms<other>(expect('u'))};
    both_refuse(both, errc::plan_mismatch);
    CHECK(both.upstream.where == "peer");
  }

  TEST_CASE("another link of the same pipeline") {
    meeting both{upstream_terms(expect('d'), 1), downstream_terms(expect('u'), 2)};
    both_refuse(both, errc::plan_link_mismatch);
  }

  TEST_CASE("another cipher") {
    using other = one_link<'a', ChaChaPoly>;
    meeting<one_link<>, other> both{upstream_terms(expect('d')),
                                    downstream_terms<other>(expect('u'))};
    both_refuse(both, errc::plan_suite_mismatch);
  }

  TEST_CASE("two ends that both dial") {
    meeting both{upstream_terms(expect('u')), upstream_terms(expect('u'))};
    both_refuse(both, errc::plan_role_mismatch);
  }

  TEST_CASE("two ends that both wait are ended by the time limit") {
    test::socket_pair pair;
    test::attempt<one_link<>> a{pair.io, std::move(pair.up),
                                downstream_terms(expect('u'), 1, within(5ms))};
    test::attempt<one_link<>> b{pair.io, std::move(pair.down), downstream_terms(expect('u'))};
    run_until_over(pair.io, a, b);
    CHECK(a.code == errc::transport_timeout);
    CHECK(b.code == errc::transport_unreachable);
  }
}

/// An attester with one behaviour, for a peer that does not behave.
template <class Behaviour>
struct Crooked {
  using policy_role = role::attester;
  static constexpr std::string_view name = "mock";
  static constexpr std::uint16_t format = Behaviour::format;
  static constexpr bool insecure = true;
  static constexpr bool takes_time = false;

  explicit Crooked(registers = {}) {}
  result<void> prepare() const { return {}; }
  result<bytes> attest(report_data_view data) const { return Behaviour::attest(data); }
  static judged<claims> verify(detail::byte_span evidence, report_data_view data,
                               const appraisal&) {
    return insecure::Mock::verify(evidence, data);
  }
};

/// Shows what it was given elsewhere.
struct stolen {
  static constexpr std::uint16_t format = insecure::Mock::format;
  static inline bytes evidence;
  static result<bytes> attest(report_data_view) { return evidence; }
};

struct junk {
  static constexpr std::uint16_t format = insecure::Mock::format;
  static result<bytes> attest(report_data_view) { return bytes(300, std::byte{0x5A}); }
};

struct unknown_kind {
  static constexpr std::uint16_t format = 42;
  static result<bytes> attest(report_data_view) { return bytes(300, std::byte{0x5A}); }
};

struct too_much {
  static constexpr std::uint16_t format = insecure::Mock::format;
  static result<bytes> attest(report_data_view) { return bytes(max_evidence_size + 1); }
};

struct no_device {
  static constexpr std::uint16_t format = insecure::Mock::format;
  static result<bytes> attest(report_data_view) { return errc::attest_device_unavailable; }
};

template <class Behaviour>
using crooked_link = one_link<'a', AesGcm, Crooked<Behaviour>>;

static_assert(attester<Crooked<stolen>>);

/// A stage of that behaviour meets an honest stage above it.
template <class Behaviour>
void is_refused_as(errc by_the_peer, errc by_itself, const std::string& rule = "",
                   const std::string& own_rule = "") {
  using deployment = crooked_link<Behaviour>;
  const auto own = std::make_shared<const Crooked<Behaviour>>();
  const meeting<one_link<>, deployment> met{
      upstream_terms(expect('d')),
      link_terms<deployment>{link_end::downstream, 1, own, expectations::anyone()}};
  CHECK(met.upstream.code == by_the_peer);
  CHECK(met.downstream.code == by_itself);
  CHECK(met.upstream.where == (rule.empty() ? "peer" : "peer: " + rule));
  CHECK(met.downstream.where == (own_rule.empty() ? "peer" : "peer: " + own_rule));
  CHECK_FALSE(met.upstream.link);
  CHECK_FALSE(met.downstream.link);
}

/// What an honest stage shows to whoever asks: an attacker who takes part in a session of his own.
bytes evidence_for_somebody_else() {
  test::socket_pair pair;
  test::attempt<one_link<>> honest{pair.io, std::move(pair.down),
                                   downstream_terms(expectations::anyone())};
  handshake_parameters own = terms{link_end::upstream, 1, nullptr, expect('d')}.parameters();
  handshake<AesGcm> attacker{own};
  using action = handshake_step::action;
  while (true) {
    test::run_ready(pair.io);
    const handshake_step step = attacker.next();
    if (step.what == action::verify) return {step.evidence.begin(), step.evidence.end()};
    if (step.what == action::write)
      asio::write(pair.up, asio::buffer(step.output.data(), step.output.size()));
    else if (step.what == action::read)
      asio::read(pair.up, asio::buffer(step.input.data(), step.input.size()));
    else
      FAIL("the attacker has no session");
  }
}

TEST_SUITE("run/establish, crooked peers") {
  TEST_CASE("genuine evidence of the right program, made for another session") {
    stolen::evidence = evidence_for_somebody_else();
    REQUIRE_FALSE(stolen::evidence.empty());
    is_refused_as<stolen>(errc::attest_binding_mismatch, errc::transport_closed,
                          "mock.report_data");
  }

  TEST_CASE("evidence that is none") {
    is_refused_as<junk>(errc::attest_malformed, errc::transport_closed, "mock.magic");
  }

  TEST_CASE("evidence of a kind that nobody here can verify") {
    is_refused_as<unknown_kind>(errc::attest_unsupported_format, errc::transport_closed);
  }

  TEST_CASE("a machine that cannot make evidence says so itself, and its peer sees it leave") {
    is_refused_as<no_device>(errc::transport_closed, errc::attest_device_unavailable, "",
                             "own evidence");
  }

  TEST_CASE("evidence longer than a record may be is not sent") {
    is_refused_as<too_much>(errc::transport_closed, errc::frame_too_large);
  }
}

/// A record as somebody on the way sees it.
bytes take_record(test::socket& from) {
  bytes record(record_prefix_size);
  asio::read(from, asio::buffer(record));
  const auto header = decode(std::span{std::as_const(record)}.first<record_header_size>());
  REQUIRE(header.has_value());
  record.resize(record_prefix_size + header->body_length);
  asio::read(from, asio::buffer(record.data() + record_prefix_size, header->body_length));
  return record;
}

/// Two honest ends, and somebody between them who passes records on, or does not.
struct man_in_the_middle {
  asio::io_context io;
  test::socket up{io};
  test::socket down{io};
  std::unique_ptr<test::attempt<one_link<>>> upstream;
  std::unique_ptr<test::attempt<one_link<>>> downstream;
  std::vector<bytes> from_upstream;
  std::vector<bytes> from_downstream;

  man_in_the_middle() {
    test::socket theirs{io};
    asio::local::connect_pair(up, theirs);
    upstream = std::make_unique<test::attempt<one_link<>>>(io, std::move(theirs),
                                                           upstream_terms(expect('d')));
    test::socket its{io};
    asio::local::connect_pair(down, its);
    downstream = std::make_unique<test::attempt<one_link<>>>(io, std::move(its),
                                                             downstream_terms(expect('u')));
    test::run_ready(io);
  }

  /// Passes on everything until nobody has anything to say; `act(record, number)` may change it.
  template <class Act>
  void carry(Act act) {
    for (std::size_t number = 0; up.is_open() && (up.available() != 0 || down.available() != 0);) {
      test::socket& from = up.available() != 0 ? up : down;
      test::socket& to = &from == &up ? down : up;
      bytes record = take_record(from);
      (&from == &up ? from_upstream : from_downstream).push_back(record);
      act(record, number++);
      error_code gone;
      asio::write(to, asio::buffer(record), gone);
      test::run_ready(io);
    }
    up.close();
    down.close();
    run_until_over(io, *upstream, *downstream);
  }
};

TEST_SUITE("run/establish, a man in the middle") {
  TEST_CASE("one that only passes records on is no harm: six records, and nothing in the clear") {
    man_in_the_middle mallory;
    mallory.carry([](bytes&, std::size_t) {});
    CHECK(mallory.upstream->link);
    CHECK(mallory.downstream->link);
    CHECK(mallory.from_upstream.size() == 3);
    CHECK(mallory.from_downstream.size() == 3);
    for (const bytes& record : {mallory.from_upstream[1], mallory.from_downstream[1]}) {
      const std::string seen(reinterpret_cast<const char*>(record.data()), record.size());
      CHECK(seen.find("mock") == std::string::npos);
      CHECK(seen.find("weights") == std::string::npos);
    }
  }

  TEST_CASE("one that alters any record is noticed before there is a link at the receiving end") {
    // 0, 1: hellos; 2, 3: evidence, first that of the answering end; 4, 5: confirmations.
    const errc key_differs = errc::crypto_auth_failed;
    for (std::size_t victim = 0; victim != 6; ++victim)
      for (const std::size_t at : {record_prefix_size - 1, record_prefix_size + 31}) {
        CAPTURE(victim);
        CAPTURE(at);
        man_in_the_middle mallory;
        mallory.carry([&](bytes& record, std::size_t number) {
          if (number == victim) record.at(at) ^= std::byte{1};
        });
        const bool hello = victim < 2;
        const bool downstream_receives = victim == 0 || victim == 3 || victim == 4;
        const auto& receiver = downstream_receives ? *mallory.downstream : *mallory.upstream;
        CHECK_FALSE(receiver.link);
        CHECK(receiver.code == (hello ? errc::frame_malformed : key_differs));
      }
  }

  TEST_CASE("one that puts its own key into a hello gets no evidence out of it, and no link") {
    man_in_the_middle mallory;
    mallory.carry([](bytes& record, std::size_t number) {
      if (number < 2) record.at(record_prefix_size + 40) ^= std::byte{1};
    });
    CHECK_FALSE(mallory.upstream->link);
    CHECK_FALSE(mallory.downstream->link);
    CHECK(mallory.upstream->code == errc::crypto_auth_failed);
  }

  TEST_CASE("one that changes what is demanded is noticed") {
    man_in_the_middle mallory;
    mallory.carry([](bytes& record, std::size_t number) {
      if (number == 1) record.at(record_prefix_size + 11) = std::byte{1};  // sends, demands nothing
    });
    CHECK_FALSE(mallory.upstream->link);
    CHECK(mallory.upstream->code == errc::crypto_auth_failed);
  }

  TEST_CASE("a recorded session cannot be played again") {
    man_in_the_middle recording;
    recording.carry([](bytes&, std::size_t) {});
    REQUIRE(recording.upstream->link);

    test::socket_pair pair;
    test::attempt<one_link<>> victim{pair.io, std::move(pair.down), downstream_terms(expect('u'))};
    for (const bytes& record : recording.from_upstream) asio::write(pair.up, asio::buffer(record));
    test::run_ready(pair.io);
    CHECK_FALSE(victim.link);
    CHECK(victim.code == errc::crypto_auth_failed);
  }

  TEST_CASE("a reflected hello is refused") {
    test::socket_pair pair;
    test::attempt<one_link<>> victim{pair.io, std::move(pair.up), upstream_terms(expect('d'))};
    test::run_ready(pair.io);
    const bytes hello = take_record(pair.down);
    asio::write(pair.down, asio::buffer(hello));
    run_until_over(pair.io, victim);
    CHECK(victim.code == errc::plan_role_mismatch);
  }

  TEST_CASE("one that cuts the conversation leaves the dialling end without a link, wherever") {
    for (std::size_t cut = 1; cut != 6; ++cut) {
      CAPTURE(cut);
      man_in_the_middle mallory;
      mallory.carry([&](bytes&, std::size_t number) {
        if (number + 1 == cut) mallory.up.shutdown(asio::socket_base::shutdown_both);
      });
      CHECK_FALSE(mallory.upstream->link);
      const bool silent = mallory.upstream->code == errc::transport_unreachable;
      CHECK((silent || mallory.upstream->code == errc::transport_closed));
    }
  }
}

/// One honest end that answers, and whatever `say` writes to it.
template <class Say>
std::pair<error_code, bool> answers(Say say, const link_limits& limits = {}) {
  test::socket_pair pair;
  test::attempt<one_link<>> honest{pair.io, std::move(pair.down),
                                   downstream_terms(expect('u'), 1, limits)};
  test::run_ready(pair.io);
  say(pair.up);
  run_until_over(pair.io, honest);
  return {honest.code, honest.link != nullptr};
}

void write(test::socket& to, std::string_view text) { asio::write(to, asio::buffer(text)); }

TEST_SUITE("run/establish, no peer at all") {
  TEST_CASE("somebody who says nothing is given up after the time limit") {
    const auto [code, link] = answers([](test::socket&) {}, within(5ms));
    CHECK(code == errc::transport_timeout);
    CHECK_FALSE(link);
  }

  TEST_CASE("somebody who stops in the middle of a word too") {
    const auto [code, link] = answers([](test::socket& up) { write(up, "\x80"); }, within(5ms));
    CHECK(code == errc::transport_timeout);
    CHECK_FALSE(link);
  }

  TEST_CASE("each step has a limit of its own, well before the whole handshake has") {
    link_limits limits;
    limits.handshake_step = 5ms;
    const auto begin = std::chrono::steady_clock::now();
    CHECK(answers([](test::socket&) {}, limits).first == errc::transport_timeout);
    CHECK(std::chrono::steady_clock::now() - begin < limits.handshake / 2);
  }

  TEST_CASE("somebody who drips bytes is given no more time for it") {
    test::socket_pair pair;
    test::attempt<one_link<>> honest{pair.io, std::move(pair.down),
                                     downstream_terms(expect('u'), 1, within(50ms))};
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{5};
    error_code gone;
    while (!honest.code && std::chrono::steady_clock::now() < give_up) {
      asio::write(pair.up, asio::buffer("", 1), gone);
      pair.io.restart();
      pair.io.run_for(std::chrono::milliseconds{5});
    }
    CHECK(honest.code == errc::transport_timeout);
  }

  TEST_CASE("somebody who speaks another protocol is refused at the first 32 bytes") {
    using namespace std::string_view_literals;
    for (const std::string_view text : {"GET / HTTP/1.1\r\nHost: 127.0.0.1:7000\r\n\r\n"sv,
                                        "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"sv,
                                        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00"
                                        "\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                                        "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"sv,
                                        "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                                        "\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                                        "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"sv,
                                        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                                        "\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                                        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv}) {
      const auto [code, link] = answers([&](test::socket& up) { write(up, text); });
      CHECK(code == errc::frame_malformed);
      CHECK_FALSE(link);
    }
  }

  TEST_CASE("a hello of four gigabytes is refused before anything is allocated") {
    bytes prefix(record_prefix_size);
    record_header header;
    header.type = record_type::hello;
    header.body_length = 0xFFFFFFFF;
    encode(header, std::span{prefix}.first<record_header_size>());
    const auto [code, link] =
        answers([&](test::socket& up) { asio::write(up, asio::buffer(prefix)); });
    CHECK(code == errc::frame_too_large);
    CHECK_FALSE(link);
  }

  TEST_CASE("a peer of the next version is told from nonsense") {
    bytes prefix(record_prefix_size);
    record_header header;
    header.type = record_type::hello;
    header.body_length = hello_size;
    encode(header, std::span{prefix}.first<record_header_size>());
    prefix[6] = std::byte{2};
    CHECK(answers([&](test::socket& up) { asio::write(up, asio::buffer(prefix)); }).first ==
          errc::frame_bad_version);
  }

  TEST_CASE("a connection that ends before a word belongs to nobody: worth another try") {
    CHECK(answers([](test::socket& up) { up.close(); }).first == errc::transport_unreachable);
  }

  TEST_CASE("a peer that leaves after its hello has refused something") {
    test::socket_pair pair;
    test::attempt<one_link<>> below{pair.io, std::move(pair.down), downstream_terms(expect('u'))};
    handshake<AesGcm> above{upstream_terms(expect('d')).parameters()};
    const handshake_step hello = above.next();
    asio::write(pair.up, asio::buffer(hello.output.data(), hello.output.size()));
    test::run_ready(pair.io);
    pair.up.close();
    run_until_over(pair.io, below);
    CHECK(below.code == errc::transport_closed);
  }

  TEST_CASE("a message before the keys are confirmed is out of place") {
    man_in_the_middle mallory;
    mallory.carry([](bytes& record, std::size_t number) {
      if (number == 4) record.at(4) = static_cast<std::byte>(record_type::message);
    });
    CHECK(mallory.downstream->code == errc::frame_unexpected);
    CHECK_FALSE(mallory.downstream->link);
    CHECK_FALSE(mallory.upstream->link);
  }
}

}  // namespace
