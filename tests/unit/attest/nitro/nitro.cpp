// SPDX-License-Identifier: Apache-2.0
//
// Both halves of the policy, on a machine and under a root that the tests made.
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/nitro/nitro.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/fake_kernel.hpp"
#include "support/fake_nsm.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::bytes;
namespace cbor = test::cbor;

static_assert(attester<Nitro>);
static_assert(std::is_same_v<decltype(Nitro::name), const std::string_view> &&
              Nitro::name == "nitro");
static_assert(Nitro::format == 1 && Nitro::takes_time);

/// The root of the enclave that runs now.
struct root_of_test {
  inline static bytes now;
  static detail::byte_span der() { return now; }
};

class TestNitro : public detail::nitro_attester<test::fake_kernel&, root_of_test> {
 public:
  TestNitro(registers told, test::fake_kernel& machine)
      : nitro_attester(std::move(told), machine) {}
};

static_assert(!std::is_convertible_v<TestNitro, Nitro>);

Measurement digest(unsigned char first) {
  std::array<std::byte, 32> value{};
  value.front() = std::byte{first};
  return Measurement{value};
}

constexpr std::chrono::sys_seconds made_at = std::chrono::sys_days{std::chrono::year{2024} / 6 / 1};

struct enclave {
  test::fake_kernel machine;
  test::fake_nsm nsm{machine};
  std::array<std::byte, 64> data{};
  registers told{{"weights", digest(2)}, {"plan", digest(1)}, {"feathers", digest(9)}};

  enclave() {
    data.fill(std::byte{5});
    root_of_test::now = nsm.root();
  }

  TestNitro own() { return TestNitro{told, machine}; }
  bytes evidence() {
    const auto made = own().attest(data);
    REQUIRE(made.has_value());
    return *made;
  }
  judged<claims> verify(const bytes& of, const appraisal& terms = appraisal{made_at}) const {
    return TestNitro::verify(of, data, terms);
  }
  refusal refused(const bytes& of, const appraisal& terms = appraisal{made_at}) const {
    const auto found = verify(of, terms);
    REQUIRE(found.has_error());
    return found.error();
  }

  /// A document of the same hypervisor with these fields in place of those that the program gave.
  bytes document(bytes nonce, bytes user_data) const {
    test::nitro_fields fields;
    fields.set("nonce", std::move(nonce)).set("user_data", std::move(user_data));
    return nsm.authority().document(fields);
  }
};

TEST_SUITE("attest/nitro") {
  TEST_CASE_FIXTURE(enclave, "evidence made for a session is accepted in it, and says what runs") {
    REQUIRE(own().prepare().has_value());
    const auto found = verify(evidence());
    REQUIRE(found.has_value());
    CHECK(found->attester == "nitro");
    CHECK(found->judged_at == made_at);
    CHECK(found->made_at == made_at);
    CHECK(found->valid_until > made_at);
    CHECK(found->denies("debug"));
    CHECK(found->strength == found->usual_strength);
    REQUIRE(found->find("pcr0") != nullptr);
    CHECK(found->find("pcr0")->bytes().front() == std::byte{1});
    CHECK(*found->find("plan") == digest(1));
    CHECK(*found->find("weights") == digest(2));
    CHECK(*found->find("feathers") == digest(9));
    CHECK(*found->find("pcr16") == Measurement{expected_pcr(digest(1).bytes())});
    CHECK(*found->find("pcr17") == Measurement{expected_pcr(digest(2).bytes())});
    CHECK(found->find("pcr18") == nullptr);
    CHECK(found->find("module") != nullptr);
    CHECK(expectations::pinned("nitro", {{"pcr0", *found->find("pcr0")}, {"plan", digest(1)}})
              ->check(*found)
              .has_value());
  }

  TEST_CASE_FIXTURE(enclave, "prepared once, registers hold what was told and are locked") {
    told.emplace_back("tokenizer", digest(3));
    told.emplace_back("next", digest(4));
    REQUIRE(own().prepare().has_value());
    for (unsigned char i = 0; i != 4; ++i) {
      CHECK(nsm.registers[16U + i].value ==
            expected_pcr(digest(static_cast<unsigned char>(i + 1)).bytes()));
      CHECK(nsm.registers[16U + i].locked);
    }
    CHECK_FALSE(nsm.registers[20].locked);
    CHECK_MESSAGE(own().prepare().has_value(), "a program that was restarted finds its own");
    told.back().second = digest(7);
    CHECK_MESSAGE(own().prepare().error() == errc::attest_registers_taken,
                  "restarted with other expectations, it must not be believed");
  }

  TEST_CASE_FIXTURE(enclave, "registers that somebody else has written cannot be had") {
    nsm.registers[17].value.fill(std::byte{1});
    CHECK(own().prepare().error() == errc::attest_registers_taken);
    CHECK_MESSAGE(nsm.registers[16].value == decltype(nsm.registers[16].value){},
                  "nothing was written");
  }

  TEST_CASE_FIXTURE(enclave,
                    "a program that told nothing with a place needs an enclave all the same") {
    told = {{"feathers", digest(9)}};
    CHECK(own().prepare().has_value());
    test::fake_kernel elsewhere;
    CHECK(TestNitro({}, elsewhere).prepare().error() == errc::attest_device_unavailable);
  }

  TEST_CASE("a machine without the device says so") {
    test::fake_kernel elsewhere;
    const TestNitro own{{{"plan", digest(1)}}, elsewhere};
    CHECK(own.prepare().error() == errc::attest_device_unavailable);
    CHECK(own.attest(std::array<std::byte, 64>{}).error() == errc::attest_device_unavailable);
    const auto here = Nitro{}.attest(std::array<std::byte, 64>{});
    if (!kernel{}.exists(nsm_device<>::path))
      CHECK(here.error() == errc::attest_device_unavailable);
  }

  TEST_CASE_FIXTURE(enclave, "the module's refusal is the program's error") {
    nsm.error = "InternalError";
    CHECK(own().attest(data).error() == errc::attest_device_failed);
    CHECK(own().prepare().error() == errc::attest_device_failed);
  }

  TEST_CASE_FIXTURE(enclave, "what the platform calls itself cannot be told") {
    for (const char* called : {"pcr0", "pcr8", "pcr16", "pcr99", "module"}) {
      told = {{called, digest(1)}};
      CHECK(own().attest(data).error() == errc::internal);
      CHECK(own().prepare().error() == errc::internal);
      const auto claimed = encode_told(told);
      REQUIRE(claimed.has_value());
      CHECK(refused(document(cbor::string({data.begin(), data.end()}), cbor::string(*claimed))) ==
            refusal{errc::attest_malformed, "nitro.told_name"});
    }
  }

  TEST_CASE_FIXTURE(enclave,
                    "evidence of one session is refused in another, before any signature") {
    const bytes of_this = evidence();
    data.back() ^= std::byte{1};
    const refusal other{errc::attest_binding_mismatch, "nitro.nonce"};
    CHECK(refused(of_this) == other);
    root_of_test::now = {};  // which could not be asked for a signature
    CHECK(refused(of_this) == other);
    root_of_test::now = nsm.root();
    const auto told_bytes = encode_told(told);
    CHECK(refused(document(cbor::null(), cbor::string(*told_bytes))) == other);
    CHECK(refused(document(cbor::string({data.begin(), data.end() - 1}),
                           cbor::string(*told_bytes))) == other);
  }

  TEST_CASE_FIXTURE(enclave, "what was told is read strictly") {
    const bytes nonce = cbor::string({data.begin(), data.end()});
    CHECK(refused(document(nonce, cbor::null())) ==
          refusal{errc::attest_malformed, "nitro.nothing_told"});
    CHECK(refused(document(nonce, cbor::string({std::byte{9}}))) ==
          refusal{errc::attest_malformed, "told.count"});
  }

  TEST_CASE_FIXTURE(enclave, "what was told must be what the registers hold, where they hold any") {
    REQUIRE(own().prepare().has_value());
    const refusal differs{errc::attest_measurement_mismatch, "nitro.register_differs"};
    SUBCASE("another value") { told.front().second = digest(8); }
    SUBCASE("nothing at all") { told.erase(told.begin()); }
    SUBCASE("what was extended twice") {
      nsm.registers[16].value = sha384(nsm.registers[16].value, digest(1).bytes());
    }
    SUBCASE("the values of two registers, exchanged") {
      std::swap(nsm.registers[16].value, nsm.registers[17].value);
    }
    CHECK(refused(evidence()) == differs);
  }

  TEST_CASE_FIXTURE(enclave, "told registers that were altered on the way are refused") {
    bytes altered = evidence();
    const auto value = digest(9);
    const auto at =
        std::search(altered.begin(), altered.end(), value.bytes().begin(), value.bytes().end());
    REQUIRE(at != altered.end());
    *at ^= std::byte{1};
    CHECK(refused(altered) == refusal{errc::attest_bad_signature, "cose.not_signed_by_leaf"});
  }

  TEST_CASE_FIXTURE(enclave, "an enclave in debug mode is refused unless that was allowed") {
    for (std::size_t i = 0; i != 3; ++i) nsm.registers[i].value = {};
    const bytes of_debug = evidence();
    CHECK(refused(of_debug) == refusal{errc::attest_debug_enabled, "nitro.debug"});
    appraisal terms{made_at};
    terms.allow_debug = true;
    const auto found = verify(of_debug, terms);
    REQUIRE(found.has_value());
    CHECK(found->permits("debug"));
    CHECK(expectations::pinned("nitro", {{"plan", digest(1)}})->check(*found).error() ==
          errc::attest_debug_enabled);
  }

  TEST_CASE_FIXTURE(enclave, "the verifier's rules and times are kept") {
    const bytes of_this = evidence();
    CHECK(refused({}).rule == "nitro.size");
    CHECK(refused(bytes(64 * 1024 + 1)).rule == "nitro.size");
    CHECK(refused({of_this.begin(), of_this.end() - 1}).code == errc::attest_malformed);
    CHECK(refused(of_this, appraisal{}).code == errc::attest_not_yet_valid);
    CHECK(refused(of_this, appraisal{made_at + std::chrono::years{30}}).code ==
          errc::attest_expired);
    CHECK_MESSAGE(Nitro::verify(of_this, data, appraisal{made_at}).error() ==
                      (refusal{errc::attest_chain_invalid, "nitro.root"}),
                  "the policy that programs use trusts AWS's root only");
  }

  TEST_CASE_FIXTURE(enclave, "authorities that were found good are not computed again") {
    known_signatures memory;
    appraisal terms{made_at};
    terms.known = &memory;
    CHECK(verify(evidence(), terms).has_value());
    const std::size_t after_first = memory.size();
    CHECK(after_first != 0);
    data.front() ^= std::byte{1};
    CHECK(verify(evidence(), terms).has_value());
    CHECK(memory.size() == after_first);
  }

  TEST_CASE("who has no device verifies all the same") {
    std::array<std::byte, 64> data;
    bytes shown;
    {
      enclave far_away;
      data = far_away.data;
      shown = far_away.evidence();
      CHECK(far_away.machine.open_files() == 0);
    }
    CHECK(TestNitro::verify(shown, data, appraisal{made_at}).has_value());
  }
}

}  // namespace
