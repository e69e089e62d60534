// SPDX-License-Identifier: Apache-2.0
//
// Whole pipelines on the real attesters: two stages and a client without a TEE, on devices that the
// test imitates and under roots that it made; everything between them is as users have it.
#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/nitro/nitro.hpp>
#include <enfilade/attest/snp/snp.hpp>
#include <enfilade/attest/tdx/tdx.hpp>
#include <enfilade/run/local_pipeline.hpp>

#include "letters.hpp"
#include "support/fake_kernel.hpp"
#include "support/fake_nsm.hpp"
#include "support/fake_sev_guest.hpp"
#include "support/fake_tdx_guest.hpp"
#include "support/fake_tsm.hpp"
#include "support/snp_maker.hpp"
#include "support/tdx_maker.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using test::answer;
using test::bytes;

/// When all of these machines live.
std::chrono::sys_seconds in_june() {
  return std::chrono::sys_days{std::chrono::year{2024} / 6 / 10};
}

/// An enclave with `/dev/nsm`, or a machine without.
struct nitro_machine {
  test::fake_kernel machine;
  std::unique_ptr<test::fake_nsm> nsm;
  endorsements files;

  explicit nitro_machine(bool enclave = true) {
    if (!enclave) return;
    nsm = std::make_unique<test::fake_nsm>(machine);
    nsm->made_at = in_june();
  }
  bytes root() const { return nsm ? nsm->root() : bytes{}; }
  void boot_in_debug_mode() {
    for (std::size_t i = 0; i != 3; ++i) nsm->registers[i].value = {};
  }
};

/// A guest with configfs-tsm, whose host gives the certificates along.
struct snp_machine {
  test::fake_kernel machine;
  test::snp_maker maker;
  test::fake_tsm tsm{machine, "sev_guest",
                     [this](auto of, unsigned level) { return report(of, level); }};
  endorsements files;

  snp_machine() {
    maker.issue();
    tsm.aux = test::certificate_table({{detail::snp_vcek_guid, maker.certificates[0]},
                                       {detail::snp_ask_guid, maker.certificates[1]}});
  }
  bytes report(std::span<const std::byte, 64> of, unsigned level) {
    for (std::size_t i = 0; i != of.size(); ++i)
      maker.report.put(0x050 + i, std::to_integer<std::uint8_t>(of[i]));
    maker.report.put<std::uint32_t>(0x030, level);
    return maker.document();
  }
  bytes root() const { return maker.root(); }
};

/// A trust domain, and verifiers that have Intel's collateral.
struct tdx_machine {
  test::fake_kernel machine;
  test::tdx_maker maker;
  test::fake_tdx_guest device{machine};
  test::fake_tsm tsm{machine, "tdx_guest", [this](auto of, unsigned) { return quote(of); }};
  endorsements files;

  tdx_machine() { files.tdx_collateral = maker.collateral().dump(); }
  bytes quote(std::span<const std::byte, 64> of) {
    test::tdx_maker::put(maker.body, 472, {device.registers[3].begin(), device.registers[3].end()});
    test::tdx_maker::put(maker.body, 520, {of.begin(), of.end()});
    return maker.quote();
  }
  bytes root() const { return maker.root(); }
};

/// The machine that a test runs on, as its attester finds it.
template <class Machine>
std::unique_ptr<Machine>& here() {
  static std::unique_ptr<Machine> machine;
  return machine;
}

struct nitro_root_here {
  static detail::byte_span der() {
    static bytes root;
    return root = here<nitro_machine>()->root();
  }
};
struct snp_roots_here {
  static detail::snp_root_set all() {
    static bytes milan;
    milan = here<snp_machine>()->root();
    detail::snp_root_set roots = detail::amd_roots();
    roots[0] = milan;
    return roots;
  }
};
struct tdx_root_here {
  static detail::byte_span der() {
    static bytes root;
    return root = here<tdx_machine>()->root();
  }
};

using on_nitro = detail::nitro_attester<test::fake_kernel&, nitro_root_here>;
using on_snp = detail::snp_attester<test::fake_kernel&, snp_roots_here>;
using on_tdx = detail::tdx_attester<test::fake_kernel&, tdx_root_here>;

struct HereNitro : on_nitro {
  using machine = nitro_machine;
  explicit HereNitro(registers told) : on_nitro(std::move(told), here<machine>()->machine) {}
};
struct HereSnp : on_snp {
  using machine = snp_machine;
  explicit HereSnp(registers told) : on_snp(std::move(told), here<machine>()->machine) {}
};
struct HereTdx : on_tdx {
  using machine = tdx_machine;
  explicit HereTdx(registers told) : on_tdx(std::move(told), here<machine>()->machine) {}
};

using Rooms = Pipeline<Embed<Layers<0, 1>>, Relay<Loopback>, Layers<1, 3>, LmHead>;
template <class Attester>
using Deployed = Rooms::of<test::Letters>::with<AesGcm, Attester, Reference, Loopback>;

/// What a client came to know and hear.
struct visit {
  std::optional<claims> of_stage_0;
  std::vector<judged_room> behind;
  answer heard;
};

template <class Deployment>
asio::awaitable<void> call(const local_pipeline<Deployment>& rooms, const endorsements& files,
                           visit& out) {
  auto model = co_await rooms.dial();
  out.of_stage_0 = model.peer();
  const appraisal terms{in_june(), files, nullptr, false};
  const expectations_file expected = rooms.expected();
  out.behind = co_await model.check_rooms(expected, terms);
  request question{"abc", 5};
  co_await test::ask(model, std::move(question), out.heard);
  co_await model.close();
}

/// One visit to a pipeline on a fresh machine, or why there was none.
template <class Attester>
std::optional<failure> visited(visit& out, const endorsements& files) {
  asio::io_context io{1};
  const auto desk = std::make_shared<attestation_desk<Attester>>(files, in_june, desk_limits{});
  const local_pipeline<Deployed<Attester>> rooms{
      io.get_executor(), test::letters(), {}, compute_on::stage_executor, desk};
  std::optional<failure> refused;
  asio::co_spawn(io, call(rooms, files, out), [&](std::exception_ptr error) {
    io.stop();
    try {
      if (error) std::rethrow_exception(error);
    } catch (const failure& f) {
      refused = f;
    }
  });
  io.run();
  return refused;
}

/// The answer of the same rooms without any TEE.
answer plain_answer() {
  asio::io_context io{1};
  const local_pipeline<test::Two> rooms{io.get_executor(), test::letters()};
  answer heard;
  const auto asking = [](const local_pipeline<test::Two>& of,
                         answer& into) -> asio::awaitable<void> {
    auto model = co_await of.dial();
    request question{"abc", 5};
    co_await test::ask(model, std::move(question), into);
    co_await model.close();
  };
  asio::co_spawn(io, asking(rooms, heard), [&io](std::exception_ptr error) {
    CHECK(error == nullptr);
    io.stop();
  });
  io.run();
  return heard;
}

TEST_SUITE("run/real_attesters") {
  TEST_CASE_TEMPLATE("two rooms prove themselves to a client without a TEE, and answer", Attester,
                     HereNitro, HereSnp, HereTdx) {
    here<typename Attester::machine>() = std::make_unique<typename Attester::machine>();
    visit made;
    const auto refused = visited<Attester>(made, here<typename Attester::machine>()->files);
    CHECK_MESSAGE(!refused, (refused ? refused->where() : std::string{}));
    REQUIRE(made.of_stage_0.has_value());
    CHECK(made.of_stage_0->attester == Attester::name);
    for (const char* const told : {"plan", "weights", "tokenizer", "next"})
      CHECK_MESSAGE(made.of_stage_0->find(told) != nullptr, told);
    REQUIRE(made.behind.size() == 1);
    CHECK(made.behind.front().stage == 1);
    CHECK(made.behind.front().found.attester == Attester::name);
    CHECK(made.behind.front().found.find("weights") != nullptr);
    CHECK(made.heard.tokens.size() == 5);
    CHECK(made.heard == plain_answer());
  }

  TEST_CASE("a fleet finds out where each of its programs runs") {
    here<nitro_machine>() = std::make_unique<nitro_machine>(false);
    here<snp_machine>() = std::make_unique<snp_machine>();
    visit made;
    using Fleet = AnyOf<HereNitro, HereSnp>;
    const auto refused = visited<Fleet>(made, endorsements{});
    CHECK_MESSAGE(!refused, (refused ? refused->where() : std::string{}));
    REQUIRE(made.of_stage_0.has_value());
    CHECK(made.of_stage_0->attester == "sev-snp");
    CHECK(made.heard == plain_answer());
  }

  TEST_CASE("an enclave in debug mode is let in by nobody who has not allowed it") {
    here<nitro_machine>() = std::make_unique<nitro_machine>();
    here<nitro_machine>()->boot_in_debug_mode();
    visit made;
    const auto refused = visited<HereNitro>(made, endorsements{});
    REQUIRE(refused.has_value());
    CHECK(refused->code() == errc::attest_debug_enabled);
    CHECK(refused->where().find("nitro.debug") != std::string::npos);
    CHECK(made.heard.tokens.empty());
  }

  TEST_CASE("a domain is refused by a client who lost Intel's collateral, unless it is waived") {
    here<tdx_machine>() = std::make_unique<tdx_machine>();
    visit made;
    const auto refused = visited<HereTdx>(made, endorsements{});
    REQUIRE(refused.has_value());
    CHECK(refused->code() == errc::attest_endorsement_missing);
    CHECK(made.heard.tokens.empty());
  }
}

}  // namespace
