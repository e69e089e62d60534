// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/attestation_desk.hpp>

#include <enfilade/attest/demands.hpp>
#include <enfilade/attest/x509/x509_chain.hpp>

#include "gate.hpp"
#include "handshakes.hpp"
#include "support/test_authority.hpp"
#include "unit/transport/conversation.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::bytes;
using test::expect;

const std::chrono::sys_seconds one_day{std::chrono::sys_days{std::chrono::year{2024} / 6 / 1}};

/// What an attester made for these tests has seen. It outlives all threads.
class witness {
 public:
  /// Counts whoever is inside with it, and waits where the gate is closed.
  void come(test::gate& at) {
    const int inside = ++inside_;
    int most = most_;
    while (inside > most && !most_.compare_exchange_weak(most, inside)) {
    }
    ++calls_;
    at.pass();
    --inside_;
  }
  int calls() const { return calls_; }
  int most() const { return most_; }

  void note(const appraisal& terms) {
    const std::scoped_lock alone{lock_};
    last_ = terms;
    judged_by_ = std::this_thread::get_id();
  }
  appraisal last() const {
    const std::scoped_lock alone{lock_};
    return last_;
  }
  std::thread::id judged_by() const {
    const std::scoped_lock alone{lock_};
    return judged_by_;
  }

  void forget() {
    most_ = 0;
    calls_ = 0;
  }

 private:
  std::atomic<int> inside_ = 0;
  std::atomic<int> most_ = 0;
  std::atomic<int> calls_ = 0;
  mutable std::mutex lock_;
  appraisal last_;
  std::thread::id judged_by_;
};
witness seen;
test::gate device;
test::gate verifier;

/// The mock, behind a device and a verifier that a test may hold up.
template <bool TakesTime>
struct Watched : insecure::Mock {
  using insecure::Mock::Mock;
  static constexpr bool takes_time = TakesTime;
  static inline errc prepared_as{};  // none

  result<void> prepare() const {
    seen.come(device);
    if (prepared_as != errc{}) return prepared_as;
    return {};
  }
  result<bytes> attest(report_data_view data) const {
    seen.come(device);
    return Mock::attest(data);
  }
  static judged<claims> verify(detail::byte_span evidence, report_data_view data,
                               const appraisal& terms) {
    seen.come(verifier);
    seen.note(terms);
    return Mock::verify(evidence, data);
  }
};
using Slow = Watched<true>;
using Quick = Watched<false>;
static_assert(attester<Slow> && attester<Quick>);
static_assert(!std::is_copy_constructible_v<attestation_desk<Slow>>);

using desk_type = attestation_desk<Slow>;
using slow_link = test::one_link<'a', AesGcm, Slow>;

template <class Attester = Slow>
std::shared_ptr<const Attester> program(char binary) {
  registers told;
  told.emplace_back("binary", test::measured_as(binary));
  told.emplace_back("weights", test::measured_as('w'));
  return std::make_shared<const Attester>(std::move(told));
}

const std::array<std::byte, 64> data{std::byte{7}};

/// Opens the gates again, whatever a test ends with.
struct open_gates {
  open_gates() { seen.forget(); }
  open_gates(const open_gates&) = delete;
  ~open_gates() {
    device.open();
    verifier.open();
  }
};

template <class Condition>
void run_until(asio::io_context& io, Condition enough) {
  const auto give_up = std::chrono::steady_clock::now() + 30s;
  io.restart();
  while (!enough() && std::chrono::steady_clock::now() < give_up) io.run_one_for(1ms);
  REQUIRE(enough());
}

/// Who asks a desk for one thing, and what he is told.
struct customer {
  std::optional<result<bytes>> made;
  std::optional<result<claims>> found;
  std::string detail;
  std::optional<test::task> running;

  error_code why() const {
    if (made && !*made) return made->error();
    return found && !*found ? found->error() : error_code{};
  }
};

template <class Attester>
asio::awaitable<void> fetch(attestation_desk<Attester>& desk, std::shared_ptr<const Attester> own,
                            customer& by) {
  result<bytes> made = co_await desk.attest(std::move(own), data);
  by.made = std::move(made);
}

template <class Attester>
asio::awaitable<void> have_judged(attestation_desk<Attester>& desk, bytes evidence,
                                  expectations wanted, customer& by) {
  result<claims> found = co_await desk.judge(evidence, data, wanted, by.detail);
  by.found = std::move(found);
}

template <class Attester>
void ask_for_evidence(asio::io_context& io, attestation_desk<Attester>& desk, customer& by) {
  by.running.emplace(io, fetch<Attester>(desk, program<Attester>('d'), by));
}

template <class Attester>
void ask_for_verdict(asio::io_context& io, attestation_desk<Attester>& desk, customer& by,
                     expectations wanted = expect('d'), bytes evidence = {}) {
  if (evidence.empty()) evidence = *program<insecure::Mock>('d')->attest(data);
  by.running.emplace(io, have_judged<Attester>(desk, std::move(evidence), std::move(wanted), by));
}

TEST_SUITE("run/attestation_desk") {
  TEST_CASE("evidence is made and judged on a thread of its own") {
    const open_gates after;
    asio::io_context io{1};
    desk_type desk;
    customer one;
    ask_for_evidence(io, desk, one);
    test::run(io);
    REQUIRE(one.made);
    REQUIRE(one.made->has_value());
    customer two;
    ask_for_verdict(io, desk, two, expect('d'), **one.made);
    test::run(io);
    REQUIRE(two.found);
    REQUIRE(two.found->has_value());
    CHECK(*(*two.found)->find("binary") == test::measured_as('d'));
    CHECK(seen.judged_by() != std::this_thread::get_id());
    CHECK(two.detail.empty());
  }

  TEST_CASE("what takes no time is done at once, by whoever asks") {
    const open_gates after;
    asio::io_context io{1};
    attestation_desk<Quick> desk;
    customer one;
    customer two;
    ask_for_evidence(io, desk, one);
    ask_for_verdict(io, desk, two);
    CHECK(io.poll() != 0);  // no hand-over: nothing else is waited for
    CHECK(io.stopped());
    REQUIRE(one.made);
    CHECK(one.made->has_value());
    REQUIRE(two.found);
    CHECK(two.found->has_value());
    CHECK(seen.judged_by() == std::this_thread::get_id());
  }

  TEST_CASE("the broken rule is named, or the demand that is not met") {
    const open_gates after;
    asio::io_context io{1};
    desk_type desk;
    customer forged;
    bytes evidence = *program('d')->attest(data);
    evidence.back() ^= std::byte{1};
    ask_for_verdict(io, desk, forged, expect('d'), evidence);
    customer other;
    ask_for_verdict(io, desk, other, expect('x'));
    customer nobody;
    ask_for_verdict(io, desk, nobody, expectations{});
    test::run(io);
    CHECK(forged.why() == errc::attest_bad_signature);
    CHECK(forged.detail == "mock.signature");
    CHECK(other.why() == errc::attest_measurement_mismatch);
    CHECK(other.detail == "binary: expected 78787878, found 64646464");
    CHECK(nobody.why() == errc::attest_expectations_empty);
  }

  TEST_CASE("the time is that of the desk's clock, and claims say so") {
    const open_gates after;
    asio::io_context io{1};
    desk_type desk{endorsements{}, [] { return one_day; }};
    customer one;
    ask_for_verdict(io, desk, one);
    test::run(io);
    REQUIRE(one.found);
    REQUIRE(one.found->has_value());
    CHECK(seen.last().now == one_day);
    CHECK((*one.found)->judged_at == one_day);
    desk_type usual;
    customer two;
    const auto before = time_of_day();
    ask_for_verdict(io, usual, two);
    test::run(io);
    CHECK(seen.last().now >= before);
    CHECK(seen.last().now <= time_of_day());
  }

  TEST_CASE("what an operator has fetched is there, and debug is as the expectations say") {
    const open_gates after;
    asio::io_context io{1};
    endorsements files;
    files.certificates.emplace_back(3, std::byte{1});
    desk_type desk{files};
    customer one;
    ask_for_verdict(io, desk, one);
    test::run(io);
    REQUIRE(seen.last().given != nullptr);
    CHECK(seen.last().given->certificates == files.certificates);
    CHECK(seen.last().known != nullptr);
    CHECK_FALSE(seen.last().allow_debug);

    demands lenient{"mock", {{"binary", test::measured_as('d')}}};
    lenient.allow = {"debug"};
    customer two;
    ask_for_verdict(io, desk, two, *expectations::any_of({lenient}));
    test::run(io);
    CHECK(two.found->has_value());
    CHECK(seen.last().allow_debug);
  }

  TEST_CASE("one piece of evidence at a time, whoever asks, for what, and from where") {
    const open_gates after;
    desk_type desk;
    const auto ask_both = [&desk] {
      asio::io_context io{1};
      std::vector<std::unique_ptr<customer>> all;
      for (int i = 0; i != 20; ++i) {
        ask_for_evidence(io, desk, *all.emplace_back(std::make_unique<customer>()));
        ask_for_verdict(io, desk, *all.emplace_back(std::make_unique<customer>()));
      }
      test::run(io);
      for (const auto& one : all) CHECK_FALSE(one->why());
    };
    std::thread other{ask_both};
    ask_both();
    other.join();
    CHECK(seen.calls() == 80);
    CHECK(seen.most() == 1);
  }

  TEST_CASE("so many wait and no more") {
    const open_gates after;
    asio::io_context io{1};
    desk_limits limits;
    limits.waiting = 1;
    desk_type desk{endorsements{}, time_of_day, limits};
    verifier.close();
    customer first;
    customer second;
    customer third;
    ask_for_verdict(io, desk, first);
    test::run_ready(io);
    run_until(io, [] { return verifier.holds(); });
    ask_for_verdict(io, desk, second);
    test::run_ready(io);
    ask_for_verdict(io, desk, third);
    test::run_ready(io);
    CHECK(third.why() == errc::stage_overloaded);
    CHECK(third.detail == "its evidence was not judged");
    CHECK_FALSE(second.found);
    verifier.open();
    test::run(io);
    CHECK(first.found->has_value());
    CHECK(second.found->has_value());
  }

  TEST_CASE("who brings no desk shares one, which has no files") {
    const open_gates after;
    CHECK(desk_type::common() == desk_type::common());
    asio::io_context io{1};
    customer one;
    ask_for_verdict(io, *desk_type::common(), one);
    test::run(io);
    CHECK(one.found->has_value());
    CHECK(seen.last().given->certificates.empty());
  }
}

TEST_SUITE("run/attestation_desk, at the start of a program") {
  TEST_CASE("the hardware is told once, and its answer is passed on") {
    const open_gates after;
    desk_type desk;
    CHECK(desk.prepare(program('d')).has_value());
    CHECK(seen.calls() == 1);
    Slow::prepared_as = errc::attest_registers_taken;
    CHECK(desk.prepare(program('d')).error() == errc::attest_registers_taken);
    Slow::prepared_as = errc{};
    Quick::prepared_as = errc::attest_device_unavailable;
    CHECK(attestation_desk<Quick>{}.prepare(program<Quick>('d')).error() ==
          errc::attest_device_unavailable);
    Quick::prepared_as = errc{};
    CHECK(attestation_desk<Quick>{}.prepare(program<Quick>('d')).has_value());
  }

  TEST_CASE("a program measures itself, in debug mode as well, as `measure` does") {
    const open_gates after;
    desk_type desk{endorsements{}, [] { return one_day; }};
    const judged<claims> found = desk.measure(program('d'));
    REQUIRE(found.has_value());
    CHECK(found->values == measure(*program('d'))->values);
    CHECK(seen.calls() == 4);
    const judged<claims> again = desk.measure(program('d'));
    CHECK(seen.last().allow_debug);
    CHECK(seen.last().now == one_day);
    const judged<claims> quick = attestation_desk<Quick>{}.measure(program<Quick>('d'));
    REQUIRE(quick.has_value());
    CHECK(quick->values == found->values);
    const auto silent =
        std::make_shared<const Slow>(registers{{"no name", test::measured_as('x')}});
    CHECK(desk.measure(silent).error() == refusal{errc::internal, "measure.attest"});
  }

  TEST_CASE("a device that hangs then is given up as well") {
    const open_gates after;
    desk_limits limits;
    limits.at_start = limits.at_end = 5ms;
    desk_type desk{endorsements{}, time_of_day, limits};
    device.close();
    CHECK(desk.prepare(program('d')).error() == errc::attest_device_failed);
    CHECK(desk.measure(program('d')).error() ==
          refusal{errc::attest_device_failed, "measure.attest"});
  }
}

/// A root, and a leaf that it signed: what a verifier of the real platforms has to check.
struct authority {
  test::signing_key key;
  test::signing_key leaf_key;
  bytes root_der;
  bytes leaf_der;

  authority() {
    test::certificate_fields root;
    test::certificate_fields leaf;
    root.subject = root.issuer = leaf.issuer = test::name("root");
    root.key_info = key.key_info();
    root.extensions = {test::authority("020101"), test::signs_certificates_and_lists()};
    leaf.key_info = leaf_key.key_info();
    root_der = root.signed_by(key);
    leaf_der = leaf.signed_by(key);
  }
};

/// The mock, which counts the signatures of a chain that it computes.
struct Chained : insecure::Mock {
  using insecure::Mock::Mock;
  static constexpr bool takes_time = true;
  static inline std::atomic<std::size_t> computed = 0;

  static judged<claims> verify(detail::byte_span evidence, report_data_view of,
                               const appraisal& terms) {
    static const authority made;
    const auto root = x509_certificate::parse(made.root_der);
    const std::vector<detail::byte_span> path{made.leaf_der};
    remembering_check check{terms.known};
    const auto chain = x509_chain::verify(path, x509_order::leaf_first, *root, terms.now, check);
    computed = check.made();
    if (!chain) return chain.error();
    return Mock::verify(evidence, of);
  }
};
static_assert(attester<Chained>);

using chained_link = test::one_link<'a', AesGcm, Chained>;

TEST_SUITE("run/attestation_desk, what it remembers") {
  TEST_CASE("with the second handshake an authority is known, and is not computed again") {
    using desk = attestation_desk<Chained>;
    const auto ours = std::make_shared<desk>(endorsements{}, [] { return one_day; });
    const auto meet = [&ours] {
      link_terms<chained_link> above{link_end::upstream, 1,   nullptr, expect('d'),
                                     link_limits{},      ours};
      link_terms<chained_link> below{link_end::downstream, 1, program<Chained>('d'),
                                     expectations::anyone()};
      const test::meeting<chained_link, chained_link> both{std::move(above), std::move(below)};
      return both.upstream.code;
    };
    CHECK_FALSE(meet());
    CHECK(Chained::computed == 1);
    CHECK_FALSE(meet());
    CHECK(Chained::computed == 0);
  }

  TEST_CASE("but dates are looked at anew each time") {
    static std::chrono::sys_seconds now = one_day;
    asio::io_context io{1};
    attestation_desk<Chained> desk{endorsements{}, [] { return now; }};
    customer first;
    ask_for_verdict(io, desk, first);
    test::run(io);
    CHECK_FALSE(first.why());
    now += std::chrono::days{400};
    customer second;
    ask_for_verdict(io, desk, second);
    test::run(io);
    CHECK(second.why() == errc::attest_expired);
    CHECK(second.detail.starts_with("chain."));
    CHECK(Chained::computed == 0);
  }
}

/// Terms of two ends that attest each other over these desks.
link_terms<slow_link> above(std::shared_ptr<desk_type> desk, const link_limits& limits = {}) {
  return {link_end::upstream, 1, program('u'), expect('d'), limits, std::move(desk)};
}
link_terms<slow_link> below(std::shared_ptr<desk_type> desk, const link_limits& limits = {}) {
  return {link_end::downstream, 1, program('d'), expect('u'), limits, std::move(desk)};
}

std::shared_ptr<desk_type> desk_with(const desk_limits& limits) {
  return std::make_shared<desk_type>(endorsements{}, time_of_day, limits);
}

/// Two ends on one executor.
struct pair_of_ends {
  pair_of_ends(asio::io_context& io, link_terms<slow_link> up, link_terms<slow_link> down)
      : sockets(connected(io)),
        upstream(io, std::move(sockets.first), std::move(up)),
        downstream(io, std::move(sockets.second), std::move(down)) {}

  static std::pair<test::socket, test::socket> connected(asio::io_context& io) {
    std::pair<test::socket, test::socket> both{io, io};
    asio::local::connect_pair(both.first, both.second);
    return both;
  }
  bool over() const { return upstream.over() && downstream.over(); }

  std::pair<test::socket, test::socket> sockets;
  test::attempt<slow_link> upstream;
  test::attempt<slow_link> downstream;
};

asio::awaitable<void> listen(std::shared_ptr<slow_link::link_type> link) {
  while (true) {
    const std::optional<message> told = co_await link->receive();
    if (!told) co_return;
  }
}

asio::awaitable<void> say_something(std::shared_ptr<slow_link::link_type> link) {
  message_header header;
  header.kind = message_kind::cancel;
  co_await link->send(header);
}

TEST_SUITE("run/attestation_desk, handshakes") {
  TEST_CASE("while evidence is judged, a link that is up has a heart that beats") {
    const open_gates after;
    asio::io_context io{1};
    const auto desk = std::make_shared<desk_type>();
    link_limits impatient;
    impatient.heartbeat = 20ms;
    impatient.silence = 400ms;
    pair_of_ends first{io, above(desk, impatient), below(desk, impatient)};
    run_until(io, [&] { return first.over(); });
    REQUIRE(first.upstream.link);
    REQUIRE(first.downstream.link);
    test::task down{io, listen(first.downstream.link)};
    test::task up{io, listen(first.upstream.link)};

    verifier.close();
    pair_of_ends second{io, above(desk), below(desk)};
    run_until(io, [] { return verifier.holds(); });
    asio::steady_timer longer_than_silence{io, 1s};
    bool passed = false;
    longer_than_silence.async_wait([&passed](const error_code&) { passed = true; });
    run_until(io, [&] { return passed; });
    CHECK(verifier.holds());
    CHECK_FALSE(second.over());
    CHECK_FALSE(down.done);
    CHECK_FALSE(up.done);
    test::task speaking{io, say_something(first.upstream.link)};
    run_until(io, [&] { return speaking.done; });
    CHECK_FALSE(speaking.error());

    verifier.open();
    run_until(io, [&] { return second.over(); });
    CHECK(second.upstream.link);
    CHECK(second.downstream.link);
    CHECK(seen.most() == 1);
  }

  TEST_CASE("many handshakes at a time are had one piece of evidence after the other") {
    const open_gates after;
    asio::io_context io{1};
    const auto desk = std::make_shared<desk_type>();
    std::vector<std::unique_ptr<pair_of_ends>> all;
    for (int i = 0; i != 16; ++i)
      all.push_back(std::make_unique<pair_of_ends>(io, above(desk), below(desk)));
    run_until(io, [&] { return std::ranges::all_of(all, [](auto& one) { return one->over(); }); });
    for (const auto& one : all) CHECK((one->upstream.link && one->downstream.link));
    CHECK(seen.calls() == 16 * 4);
    CHECK(seen.most() == 1);
  }

  TEST_CASE("a device that hangs is named by its own end, at once the second time") {
    const open_gates after;
    asio::io_context io{1};
    desk_limits limits;
    limits.budget = limits.at_end = 20ms;
    const auto hung = desk_with(limits);
    const auto healthy = std::make_shared<desk_type>();
    const auto client = [&] {
      return link_terms<slow_link>{link_end::upstream, 1,      nullptr, expect('d'),
                                   link_limits{},      healthy};
    };
    const auto stage = [&] {
      return link_terms<slow_link>{link_end::downstream, 1,   program('d'), expectations::anyone(),
                                   link_limits{},        hung};
    };
    device.close();
    pair_of_ends first{io, client(), stage()};
    run_until(io, [&] { return first.over(); });
    CHECK(first.downstream.code == errc::attest_device_failed);
    CHECK(first.downstream.where == "peer: own evidence");
    CHECK(first.upstream.code == errc::transport_closed);

    const int calls = seen.calls();
    pair_of_ends second{io, client(), stage()};
    run_until(io, [&] { return second.over(); });
    CHECK(second.downstream.code == errc::attest_device_failed);
    CHECK_MESSAGE(seen.calls() == calls, "nobody asks a device that hangs");

    device.open();
    error_code answer = errc::attest_device_failed;
    const auto give_up = std::chrono::steady_clock::now() + 30s;
    while (answer == errc::attest_device_failed && std::chrono::steady_clock::now() < give_up) {
      pair_of_ends again{io, client(), stage()};
      run_until(io, [&] { return again.over(); });
      answer = again.downstream.code;
    }
    CHECK_FALSE(answer);
  }

  TEST_CASE("a handshake has a limit, also while it waits for the desk") {
    const open_gates after;
    asio::io_context io{1};
    const auto desk = std::make_shared<desk_type>();
    verifier.close();
    pair_of_ends both{io, above(desk, test::within(50ms)), below(desk)};
    run_until(io, [&] { return both.over(); });
    CHECK(both.upstream.code == errc::transport_timeout);
    CHECK_FALSE(both.upstream.link);
    CHECK_FALSE(both.downstream.link);
  }

  TEST_CASE("the limit of a step is for the peer, and not for the desk") {
    const open_gates after;
    asio::io_context io{1};
    const auto desk = std::make_shared<desk_type>();
    link_limits limits;
    limits.handshake_step = 200ms;
    verifier.close();
    link_terms<slow_link> silent{link_end::upstream, 1, nullptr, expect('d'), limits, desk};
    link_terms<slow_link> stage{link_end::downstream, 1,   program('d'), expectations::anyone(),
                                link_limits{},        desk};
    pair_of_ends both{io, std::move(silent), std::move(stage)};
    asio::steady_timer longer{io, 500ms};
    longer.async_wait([](const error_code&) { verifier.open(); });
    run_until(io, [&] { return both.over(); });
    CHECK_FALSE(both.upstream.code);
    CHECK(both.upstream.link);
    CHECK(both.downstream.link);
  }

  TEST_CASE("a program may end in the middle of a handshake whose device hangs") {
    const open_gates after;
    device.close();
    {
      desk_limits limits;
      limits.at_end = 5ms;
      const auto desk = desk_with(limits);
      asio::io_context io{1};
      pair_of_ends both{io, above(desk), below(desk)};
      run_until(io, [] { return device.holds(); });
    }
    device.open();
    asio::io_context io{1};
    desk_type another;
    customer one;
    ask_for_evidence(io, another, one);
    test::run(io);
    CHECK(one.made->has_value());
  }

  TEST_CASE("the end that dials keeps what it was shown, the other one does not") {
    const open_gates after;
    asio::io_context io{1};
    const auto desk = std::make_shared<desk_type>(endorsements{}, [] { return one_day; });
    pair_of_ends both{io, above(desk), below(desk)};
    run_until(io, [&] { return both.over(); });
    REQUIRE(both.upstream.link);
    const auto& kept = both.upstream.link->shown();
    REQUIRE(kept);
    CHECK(kept->format == Slow::format);
    CHECK(kept->judged_at == one_day);
    const judged<claims> again = insecure::Mock::verify(kept->bytes, kept->report_data, {});
    REQUIRE(again.has_value());
    CHECK(*again->find("binary") == test::measured_as('d'));
    REQUIRE(both.downstream.link);
    CHECK(both.downstream.link->peer());
    CHECK_FALSE(both.downstream.link->shown());
  }
}

}  // namespace
