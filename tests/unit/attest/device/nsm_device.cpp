// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/nsm_device.hpp>

#include <enfilade/attest/nitro/extended_pcr.hpp>
#include <enfilade/attest/nitro/nitro_verifier.hpp>

#include <doctest/doctest.h>

#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "support/fake_kernel.hpp"
#include "support/fake_nsm.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using test::bytes;
using test::fake_kernel;
using test::fake_nsm;

// <linux/nsm.h>, which Debian 12 does not have.
static_assert(sizeof(detail::nsm_raw) == 32 && alignof(detail::nsm_raw) == 8);
static_assert(offsetof(detail::nsm_raw, request_size) == 8);
static_assert(offsetof(detail::nsm_raw, response_address) == 16);
static_assert(offsetof(detail::nsm_raw, response_size) == 24);
static_assert(detail::nsm_ioctl_raw == _IOWR(0x0A, 0, detail::nsm_raw));

template <class T>
std::string answer(const judged<T>& made, errc code = errc::attest_device_failed) {
  if (made) return "made";
  CHECK(made.error().code == code);
  return std::string{made.error().rule};
}

TEST_SUITE("attest/nsm_device") {
  TEST_CASE("a document has what the enclave told, and is genuine under its root") {
    fake_kernel machine;
    const fake_nsm nsm{machine};
    nsm_device device{machine};
    CHECK(device.exists());
    const bytes data(64, std::byte{0xD1});
    const bytes nonce(512, std::byte{0x4E});
    const bytes key(1024, std::byte{0x6B});
    const auto document = device.attest({.user_data = data, .nonce = nonce, .public_key = key}, 5s);
    REQUIRE(document.has_value());

    detail::nitro_verifier verifier{nsm.root(),
                                    nsm.made_at.time_since_epoch() < 0ms
                                        ? std::chrono::sys_seconds{}
                                        : std::chrono::floor<std::chrono::seconds>(nsm.made_at),
                                    {}};
    const auto found = verifier.verify(*document, x509_signature_check{});
    REQUIRE(found.claims.has_value());
    CHECK(found.claims->user_data == data);
    CHECK(found.claims->nonce == nonce);
    CHECK(found.claims->public_key == key);
    CHECK(found.claims->module_id == nsm.module_id);
    CHECK(found.claims->pcrs[0].bytes()[0] == std::byte{1});
    CHECK(machine.open_files() == 0);
  }

  TEST_CASE("the bytes of each request are those of AWS's library") {
    fake_kernel machine;
    const fake_nsm nsm{machine};
    nsm_device device{machine};
    const auto hex = [&] { return detail::to_hex(nsm.last_request()); };
    const bytes data{std::byte{1}, std::byte{2}};

    CHECK(answer(device.attest({.user_data = data}, 1s)) == "made");
    CHECK(hex() ==
          "a1"
          "6b4174746573746174696f6e"  // Attestation
          "a3"
          "69757365725f64617461420102"  // user_data
          "656e6f6e6365f6"              // nonce
          "6a7075626c69635f6b6579f6");  // public_key
    CHECK(answer(device.describe_register(16, 1s)) == "made");
    CHECK(hex() == "a16b4465736372696265504352a165696e64657810");
    CHECK(answer(device.extend_register(24, data, 1s)) == "made");
    CHECK(hex() == "a169457874656e64504352a265696e64657818186464617461420102");
    CHECK(answer(device.lock_register(31, 1s)) == "made");
    CHECK(hex() == "a1674c6f636b504352a165696e646578181f");
    CHECK(answer(device.lock_registers_below(18, 1s)) == "made");
    CHECK(hex() == "a1684c6f636b50435273a16572616e676512");
    CHECK(answer(device.describe(1s)) == "made");
    CHECK(hex() == "6b44657363726962654e534d");
  }

  TEST_CASE("registers are read, extended and locked") {
    fake_kernel machine;
    const fake_nsm nsm{machine};
    nsm_device device{machine};
    const bytes value(48, std::byte{7});
    CHECK_FALSE(device.describe_register(16, 1s)->locked);
    CHECK(*device.extend_register(16, value, 1s) == expected_pcr(value));
    CHECK(device.describe_register(16, 1s)->value == expected_pcr(value));
    CHECK(answer(device.lock_register(16, 1s)) == "made");
    CHECK(device.describe_register(16, 1s)->locked);
    CHECK(answer(device.lock_registers_below(20, 1s)) == "made");
    CHECK(device.describe(1s)->locked_registers.count() == 20);
    CHECK(answer(device.extend_register(16, value, 1s), errc::attest_registers_taken) ==
          "nsm.read_only_index");
    CHECK(answer(device.describe_register(32, 1s)) == "nsm.invalid_index");
  }

  TEST_CASE("what is too long for a document is not asked for") {
    fake_kernel machine;
    const fake_nsm nsm{machine};
    nsm_device device{machine};
    const bytes most(512);
    const bytes more(513);
    const bytes most_key(1024);
    const bytes more_key(1025);
    CHECK(answer(device.attest({.user_data = most, .nonce = most, .public_key = most_key}, 1s)) ==
          "made");
    CHECK(answer(device.attest({.user_data = more}, 1s), errc::internal) == "nsm.user_data");
    CHECK(answer(device.attest({.nonce = more}, 1s), errc::internal) == "nsm.nonce");
    CHECK(answer(device.attest({.public_key = more_key}, 1s), errc::internal) == "nsm.public_key");
    CHECK(answer(device.extend_register(16, more, 1s), errc::internal) == "nsm.register_data");
    CHECK(nsm.requests().size() == 1);
  }

  TEST_CASE("a machine without the device, or without the right to it, has none") {
    fake_kernel machine;
    nsm_device absent{machine};
    CHECK_FALSE(absent.exists());
    CHECK(answer(absent.attest({}, 1s), errc::attest_device_unavailable) == "nsm.absent");
    const auto refused = [](const char* call, int number, errc code) {
      fake_kernel other;
      const fake_nsm nsm{other};
      other.fail(call, "/dev/nsm", number);
      nsm_device device{other};
      const std::string rule = answer(device.attest({}, 1s), code);
      CHECK(other.open_files() == 0);
      return rule;
    };
    CHECK(refused("open", EACCES, errc::attest_device_unavailable) == "nsm.denied");
    CHECK(refused("open", EMFILE, errc::attest_device_failed) == "nsm.open");
    CHECK(refused("ioctl", EPERM, errc::attest_device_unavailable) == "nsm.denied");
    CHECK(refused("ioctl", EMSGSIZE, errc::attest_device_failed) == "nsm.input_too_large");
    CHECK(refused("ioctl", ETIMEDOUT, errc::attest_device_failed) == "nsm.timed_out");
    CHECK(refused("ioctl", EINTR, errc::attest_device_failed) == "nsm.interrupted");
    CHECK(refused("ioctl", ENOTTY, errc::attest_device_failed) == "nsm.other_device");
    CHECK(refused("ioctl", EINVAL, errc::attest_device_failed) == "nsm.other_device");
    CHECK(refused("ioctl", EIO, errc::attest_device_failed) == "nsm.ioctl");
  }

  TEST_CASE("a reply that is none is refused") {
    const auto spoiled = [](auto spoil) {
      fake_kernel machine;
      fake_nsm nsm{machine};
      spoil(nsm);
      nsm_device device{machine};
      return answer(device.attest({}, 1s));
    };
    CHECK(spoiled([](fake_nsm&) {}) == "made");
    CHECK(spoiled([](fake_nsm& nsm) { nsm.claimed_size = 0; }) == "nsm.reply_empty");
    CHECK(spoiled([](fake_nsm& nsm) { nsm.claimed_size = 0x3001; }) == "nsm.reply_size");
    CHECK(spoiled([](fake_nsm& nsm) { nsm.claimed_size = ~std::uint64_t{0}; }) == "nsm.reply_size");
    CHECK(spoiled([](fake_nsm& nsm) { nsm.claimed_size = 100; }) == "cbor.truncated");
    // More than the driver gives out is cut by it.
    CHECK(
        spoiled([](fake_nsm& nsm) {
          nsm.spoil = [](const bytes&) {
            return test::cbor::map(
                {{test::cbor::text("Attestation"),
                  test::cbor::map({{test::cbor::text("document"), test::cbor::filled(0x3000)}})}});
          };
        }) == "cbor.truncated");
    CHECK(spoiled([](fake_nsm& nsm) {
            nsm.spoil = [](const bytes& reply) { return bytes(reply.size(), std::byte{0xFF}); };
          }) == "cbor.stray_break");
    CHECK(spoiled([](fake_nsm& nsm) {
            nsm.spoil = [](const bytes&) { return test::cbor::text("LockPCR"); };
          }) == "nsm.other_reply");
    CHECK(spoiled([](fake_nsm& nsm) { nsm.error = "InternalError"; }) == "nsm.internal_error");
  }

  TEST_CASE("an answer after the budget is none, and without a budget nobody is asked") {
    fake_kernel machine;
    fake_nsm nsm{machine};
    nsm_device device{machine};
    nsm.takes = 120s;
    CHECK(answer(device.attest({}, 120s)) == "nsm.late");
    CHECK(nsm.requests().size() == 1);
    CHECK(answer(device.attest({}, 121s)) == "made");
    CHECK(answer(device.attest({}, 0s)) == "nsm.late");
    CHECK(nsm.requests().size() == 2);
  }

  TEST_CASE("the device of the real kernel needs nothing to be made") {
    nsm_device real;
    static_assert(std::is_same_v<decltype(real), nsm_device<kernel>>);
    // Inside an enclave this test has nothing to say.
    if (!real.exists())
      CHECK(answer(real.attest({}, 1s), errc::attest_device_unavailable) == "nsm.absent");
  }
}

}  // namespace
