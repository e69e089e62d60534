// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/register_lock.hpp>

#include <enfilade/attest/nitro/nitro_verifier.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/fake_kernel.hpp"
#include "support/fake_nsm.hpp"
#include "support/fake_tdx_guest.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::bytes;
using test::fake_kernel;
using test::fake_nsm;
using test::fake_tdx_guest;

const bytes plan(32, std::byte{1});
const bytes weights(48, std::byte{2});

struct enclave {
  fake_kernel machine;
  fake_nsm nsm{machine};
  nsm_device<fake_kernel&> device{machine};
  std::vector<pcr_value> values{{16, plan}, {17, weights}};

  std::string lock(errc code = errc::attest_registers_taken, std::chrono::seconds budget = 5s) {
    const auto done = lock_registers(device, values, budget);
    if (done) return "held";
    CHECK(done.error().code == code);
    return std::string{done.error().rule};
  }
  int count(std::string_view kind) const {
    return static_cast<int>(std::ranges::count(nsm.requests(), kind));
  }
};

struct domain {
  fake_kernel machine;
  fake_tdx_guest module{machine};
  rtmr<fake_kernel&> register3{machine};
  std::vector<detail::byte_span> values{plan, weights};

  std::string lock(errc code = errc::attest_registers_taken) {
    const auto done = lock_registers(register3, values, 5s);
    if (done) return *done == register_outcome::held ? "held" : "not available";
    CHECK(done.error().code == code);
    return std::string{done.error().rule};
  }
  std::array<std::byte, 48>& held() { return module.registers[3]; }
};

TEST_SUITE("attest/register_lock") {
  TEST_CASE("free registers of an enclave are extended and locked") {
    enclave e;
    CHECK(e.lock() == "held");
    CHECK(e.nsm.registers[16].value == expected_pcr(plan));
    CHECK(e.nsm.registers[17].value == expected_pcr(weights));
    CHECK(e.nsm.registers[16].locked);
    CHECK(e.nsm.registers[17].locked);
    CHECK_FALSE(e.nsm.registers[18].locked);
  }

  TEST_CASE("a document shows them, which it does not before they are locked") {
    enclave e;
    const auto pcr16 = [&] {
      const auto document = e.device.attest({}, 1s);
      detail::nitro_verifier verifier{
          e.nsm.root(), std::chrono::floor<std::chrono::seconds>(e.nsm.made_at), {}};
      return verifier.verify(*document, x509_signature_check{}).claims->pcrs[16];
    };
    CHECK(pcr16() == Measurement{});
    CHECK(e.lock() == "held");
    CHECK(pcr16() == Measurement{expected_pcr(plan)});
  }

  TEST_CASE("a program that was started anew finds its values and writes nothing") {
    enclave e;
    CHECK(e.lock() == "held");
    CHECK(e.lock() == "held");
    CHECK(e.count("ExtendPCR") == 2);
    CHECK(e.count("LockPCR") == 2);
  }

  TEST_CASE("a program that ended in the middle goes on where it was") {
    enclave e;
    e.nsm.registers[16] = {true, expected_pcr(plan)};
    e.nsm.registers[17] = {false, expected_pcr(weights)};
    CHECK(e.lock() == "held");
    CHECK(e.count("ExtendPCR") == 0);
    CHECK(e.count("LockPCR") == 1);
    CHECK(e.nsm.registers[17].locked);
  }

  TEST_CASE("a register that holds something else is taken, and then none is written") {
    const auto found = [](bool locked, const std::array<std::byte, 48>& value) {
      enclave e;
      e.nsm.registers[17] = {locked, value};
      const std::string rule = e.lock();
      CHECK(e.count("ExtendPCR") == 0);
      CHECK(e.count("LockPCR") == 0);
      CHECK(e.nsm.registers[16].value == std::array<std::byte, 48>{});
      return rule;
    };
    CHECK(found(true, expected_pcr(plan)) == "registers.other_value");
    CHECK(found(false, expected_pcr(plan)) == "registers.other_value");
    CHECK(found(false, sha384(expected_pcr(weights), weights)) == "registers.other_value");
    CHECK(found(true, {}) == "registers.locked_empty");
  }

  TEST_CASE("somebody who writes at the same time is noticed") {
    const auto interfering = [](std::string_view at, auto interfere,
                                errc code = errc::attest_registers_taken) {
      enclave e;
      e.nsm.before = [&, done = false](std::string_view kind) mutable {
        if (kind == at && !done) {
          done = true;
          interfere(e.nsm.registers[16]);
        }
      };
      return e.lock(code);
    };
    const auto extend = [](nsm_register& r) { r.value = sha384(r.value, plan); };
    CHECK(interfering("ExtendPCR", extend) == "registers.other_value");
    CHECK(interfering("LockPCR", extend) == "registers.other_value");
    CHECK(interfering("ExtendPCR", [](nsm_register& r) { r.locked = true; }) ==
          "nsm.read_only_index");
    CHECK(interfering("ExtendPCR", [](nsm_register& r) {
            r = {true, expected_pcr(plan)};
          }) == "nsm.read_only_index");
  }

  TEST_CASE("a module that only says that it did it is not believed") {
    enclave e;
    e.nsm.spoil = [&](bytes reply) {
      e.nsm.registers[17].locked = false;
      return reply;
    };
    CHECK(e.lock(errc::attest_device_failed) == "registers.not_written");
  }

  TEST_CASE("errors of the module are passed on, at each step") {
    for (const char* kind : {"DescribePCR", "ExtendPCR", "LockPCR"}) {
      CAPTURE(kind);
      enclave e;
      e.nsm.error = "InternalError";
      e.nsm.error_of = kind;
      CHECK(e.lock(errc::attest_device_failed) == "nsm.internal_error");
    }
    enclave slow;
    slow.nsm.takes = 1s;
    CHECK(slow.lock(errc::attest_device_failed, 5s) == "nsm.late");
    CHECK(slow.lock(errc::attest_device_failed, 20s) == "held");
    fake_kernel machine;
    nsm_device<fake_kernel&> none{machine};
    CHECK(lock_registers(none, std::vector<pcr_value>{{16, plan}}, 1s).error() ==
          refusal{errc::attest_device_unavailable, "nsm.absent"});
  }

  TEST_CASE("registers below 16, twice or beyond the last, and what is no digest, are mistakes") {
    const auto with = [](std::vector<pcr_value> values) {
      enclave e;
      e.values = std::move(values);
      const std::string rule = e.lock(errc::internal);
      if (rule != "held") CHECK(e.nsm.requests().empty());
      return rule;
    };
    CHECK(with({}) == "held");
    CHECK(with({{16, plan}, {31, plan}}) == "held");
    CHECK(with({{15, plan}}) == "registers.index");
    CHECK(with({{32, plan}}) == "registers.index");
    CHECK(with({{16, plan}, {16, plan}}) == "registers.index");
    CHECK(with({{16, bytes(31)}}) == "registers.value_size");
    CHECK(with({{16, bytes(65)}}) == "registers.value_size");
    CHECK(with({{16, {}}}) == "registers.value_size");
    CHECK(with({{16, bytes(64)}}) == "held");
  }

  TEST_CASE("RTMR3 of a trust domain holds the values, in their order") {
    domain d;
    CHECK(d.lock() == "held");
    CHECK(d.held() == expected_rtmr(d.values));
    // A program that was started anew.
    CHECK(d.lock() == "held");
    CHECK(d.held() == expected_rtmr(d.values));
    CHECK(d.machine.calls("write") == 2);
  }

  TEST_CASE("a trust domain's program that ended in the middle goes on where it was") {
    domain d;
    d.held() = expected_rtmr(std::span{d.values}.first(1));
    CHECK(d.lock() == "held");
    CHECK(d.held() == expected_rtmr(d.values));
    CHECK(d.machine.calls("write") == 1);
  }

  TEST_CASE("an RTMR3 that holds something else is taken, and not written") {
    domain d;
    d.held()[0] = std::byte{1};
    CHECK(d.lock() == "registers.other_value");
    CHECK(d.machine.calls("write") == 0);
    // More than ours.
    d.held() = extended_rtmr(expected_rtmr(d.values), sha384(plan));
    CHECK(d.lock() == "registers.other_value");

    domain raced;
    raced.module.after_extension = [&] { raced.held() = sha384(raced.held(), plan); };
    CHECK(raced.lock() == "registers.other_value");
  }

  TEST_CASE("a kernel without the interface is no error of the whole") {
    domain d;
    d.module.shows_registers = false;
    CHECK(d.lock() == "not available");
  }

  TEST_CASE("errors of the register are passed on, at each step") {
    const auto failing = [](const char* call, int times_before, int number, errc code) {
      domain d;
      if (times_before != 0) d.machine.fail(call, "/rtmr3:sha384", 0, times_before);
      d.machine.fail(call, "/rtmr3:sha384", number);
      return d.lock(code);
    };
    CHECK(failing("open", 0, EACCES, errc::attest_device_unavailable) == "rtmr.denied");
    CHECK(failing("read", 0, EIO, errc::attest_device_failed) == "rtmr.read");
    CHECK(failing("write", 0, EIO, errc::attest_device_failed) == "rtmr.write");
    CHECK(failing("write", 1, EIO, errc::attest_device_failed) == "rtmr.write");
    CHECK(failing("open", 3, EIO, errc::attest_device_failed) == "rtmr.open");
    domain d;
    const bytes no_digest(31);
    d.values = {no_digest};
    CHECK(d.lock(errc::internal) == "registers.value_size");
  }
}

}  // namespace
