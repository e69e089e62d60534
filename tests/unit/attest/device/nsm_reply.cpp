// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/nsm_reply.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/nitro_maker.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using test::bytes;
namespace cbor = test::cbor;

template <class T>
std::string answer(const judged<T>& read) {
  if (read) return "read";
  CHECK(read.error().code == errc::attest_device_failed);
  return std::string{read.error().rule};
}

using entries = std::vector<std::pair<bytes, bytes>>;

bytes reply(std::string_view kind, const entries& content) {
  return cbor::map({{cbor::text(kind), cbor::map(content)}});
}
bytes register_reply(const bytes& lock, const bytes& data) {
  return reply("DescribePCR", {{cbor::text("lock"), lock}, {cbor::text("data"), data}});
}

const bytes yes = test::hex("f5");

/// The description of a module, with one field as the test wants it.
bytes description(std::string_view changed = "", const bytes& value = {}) {
  entries content;
  const auto field = [&](std::string_view key, const bytes& good) {
    content.emplace_back(cbor::text(key), key == changed ? value : good);
  };
  field("version_major", cbor::number(1));
  field("version_minor", cbor::number(2));
  field("version_patch", cbor::number(65535));
  field("module_id", cbor::text("i-1-enc1"));
  field("max_pcrs", cbor::number(32));
  field("locked_pcrs", cbor::array({cbor::number(0), cbor::number(16), cbor::number(31)}));
  field("digest", cbor::text("SHA384"));
  return reply("DescribeNSM", content);
}

TEST_SUITE("attest/nsm_reply") {
  TEST_CASE("replies are read") {
    const auto document = read_nsm_document(
        reply("Attestation", {{cbor::text("document"), cbor::filled(300, std::byte{9})}}));
    REQUIRE(document.has_value());
    CHECK(*document == bytes(300, std::byte{9}));

    const auto found = read_nsm_register(register_reply(yes, cbor::filled(48, std::byte{3})));
    REQUIRE(found.has_value());
    CHECK(found->locked);
    CHECK(found->value[47] == std::byte{3});
    CHECK_FALSE(read_nsm_register(register_reply(test::hex("f4"), cbor::filled(48)))->locked);

    const auto extended =
        read_nsm_extended(reply("ExtendPCR", {{cbor::text("data"), cbor::filled(48)}}));
    REQUIRE(extended.has_value());
    CHECK((*extended)[0] == std::byte{1});

    CHECK(answer(read_nsm_done(cbor::text("LockPCR"), "LockPCR")) == "read");
    CHECK(answer(read_nsm_done(cbor::text("LockPCRs"), "LockPCRs")) == "read");
  }

  TEST_CASE("a description is read") {
    const auto module = read_nsm_description(description());
    REQUIRE(module.has_value());
    CHECK(module->version_major == 1);
    CHECK(module->version_minor == 2);
    CHECK(module->version_patch == 65535);
    CHECK(module->module_id == "i-1-enc1");
    CHECK(module->max_pcrs == 32);
    CHECK(module->locked_registers.count() == 3);
    CHECK(module->locked_registers.test(31));
  }

  TEST_CASE("an error of the module has the module's name") {
    const auto named = [](std::string_view name) {
      return read_nsm_document(cbor::map({{cbor::text("Error"), cbor::text(name)}})).error();
    };
    CHECK(named("InvalidArgument") == refusal{errc::attest_device_failed, "nsm.invalid_argument"});
    CHECK(named("InvalidIndex") == refusal{errc::attest_device_failed, "nsm.invalid_index"});
    CHECK(named("InvalidResponse") == refusal{errc::attest_device_failed, "nsm.invalid_response"});
    CHECK(named("ReadOnlyIndex") == refusal{errc::attest_registers_taken, "nsm.read_only_index"});
    CHECK(named("InvalidOperation") ==
          refusal{errc::attest_device_failed, "nsm.invalid_operation"});
    CHECK(named("BufferTooSmall") == refusal{errc::attest_device_failed, "nsm.buffer_too_small"});
    CHECK(named("InputTooLarge") == refusal{errc::attest_device_failed, "nsm.input_too_large"});
    CHECK(named("InternalError") == refusal{errc::attest_device_failed, "nsm.internal_error"});
    CHECK(named("Success") == refusal{errc::attest_device_failed, "nsm.unknown_error"});
    CHECK(read_nsm_done(cbor::map({{cbor::text("Error"), cbor::number(1)}}), "LockPCR").error() ==
          refusal{errc::attest_device_failed, "nsm.unknown_error"});
  }

  TEST_CASE("what is no CBOR is refused by the rule of its reader") {
    const bytes good = reply("Attestation", {{cbor::text("document"), cbor::filled(300)}});
    CHECK(answer(read_nsm_document({})) == "nsm.reply_empty");
    bytes longer = good;
    longer.push_back(std::byte{0});
    CHECK(answer(read_nsm_document(longer)) == "cbor.trailing_bytes");
    for (std::size_t size = 1; size != good.size(); ++size)
      CHECK(answer(read_nsm_document(detail::byte_span{good}.first(size))) == "cbor.truncated");
    CHECK(answer(read_nsm_document(bytes(0x3001))) == "cbor.document_too_long");
    CHECK(answer(read_nsm_document(test::hex("8181818181"
                                             "f6"))) == "cbor.too_deep");
    CHECK(answer(read_nsm_document(cbor::array(std::vector<bytes>(128, cbor::null())))) ==
          "cbor.too_many_items");
  }

  TEST_CASE("the reply to another question is refused") {
    const bytes document = reply("Attestation", {{cbor::text("document"), cbor::filled(3)}});
    CHECK(answer(read_nsm_register(document)) == "nsm.other_reply");
    CHECK(answer(read_nsm_extended(document)) == "nsm.other_reply");
    CHECK(answer(read_nsm_description(document)) == "nsm.other_reply");
    CHECK(answer(read_nsm_done(document, "LockPCR")) == "nsm.other_reply");
    CHECK(answer(read_nsm_done(cbor::text("LockPCRs"), "LockPCR")) == "nsm.other_reply");
    CHECK(answer(read_nsm_document(cbor::text("Attestation"))) == "nsm.other_reply");
    CHECK(answer(read_nsm_document(cbor::map({{cbor::text("Attestation"), cbor::null()}}))) ==
          "nsm.other_reply");
    CHECK(answer(read_nsm_document(cbor::map(
              {{cbor::text("Attestation"), cbor::map({{cbor::text("document"), cbor::filled(3)}})},
               {cbor::text("More"), cbor::null()}}))) == "nsm.other_reply");
  }

  TEST_CASE("a document is bytes, and not none") {
    CHECK(answer(read_nsm_document(reply("Attestation", {}))) == "nsm.document_missing");
    CHECK(answer(read_nsm_document(
              reply("Attestation", {{cbor::text("document"), cbor::text("text")}}))) ==
          "nsm.document_missing");
    CHECK(answer(read_nsm_document(
              reply("Attestation", {{cbor::text("document"), cbor::filled(0)}}))) ==
          "nsm.document_missing");
  }

  TEST_CASE("a register has 48 bytes and says whether it is locked") {
    CHECK(answer(read_nsm_register(register_reply(cbor::number(1), cbor::filled(48)))) ==
          "nsm.lock_missing");
    CHECK(answer(read_nsm_register(reply(
              "DescribePCR", {{cbor::text("data"), cbor::filled(48)}}))) == "nsm.lock_missing");
    for (const std::size_t size : {0U, 32U, 47U, 49U, 64U})
      CHECK(answer(read_nsm_register(register_reply(yes, cbor::filled(size)))) ==
            "nsm.register_size");
    CHECK(answer(read_nsm_register(register_reply(yes, cbor::text("48")))) == "nsm.register_size");
    CHECK(answer(read_nsm_extended(reply("ExtendPCR", {{cbor::text("data"), cbor::filled(32)}}))) ==
          "nsm.register_size");
    CHECK(answer(read_nsm_extended(reply("ExtendPCR", {}))) == "nsm.register_size");
  }

  TEST_CASE("each field of a description is in its range") {
    const auto with = [](std::string_view key, const bytes& value) {
      return answer(read_nsm_description(description(key, value)));
    };
    CHECK(with("version_major", cbor::null()) == "nsm.version");
    CHECK(with("version_minor", cbor::number(65536)) == "nsm.version");
    CHECK(with("version_patch", test::hex("20")) == "nsm.version");
    CHECK(with("module_id", cbor::text("")) == "nsm.module_id");
    CHECK(with("module_id", cbor::filled(5)) == "nsm.module_id");
    CHECK(with("module_id", cbor::text(std::string(128, 'i'))) == "read");
    CHECK(with("module_id", cbor::text(std::string(129, 'i'))) == "nsm.module_id");
    CHECK(with("max_pcrs", cbor::number(0)) == "nsm.max_pcrs");
    CHECK(with("max_pcrs", cbor::number(33)) == "nsm.max_pcrs");
    CHECK(with("max_pcrs", cbor::number(31)) == "nsm.locked_pcrs");
    CHECK(with("locked_pcrs", cbor::null()) == "nsm.locked_pcrs");
    CHECK(with("locked_pcrs", cbor::array({cbor::number(32)})) == "nsm.locked_pcrs");
    CHECK(with("locked_pcrs", cbor::array({cbor::text("0")})) == "nsm.locked_pcrs");
    CHECK(with("locked_pcrs", cbor::array({})) == "read");
    CHECK(with("digest", cbor::text("SHA256")) == "nsm.digest");
  }
}

}  // namespace
