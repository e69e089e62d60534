// SPDX-License-Identifier: Apache-2.0
//
// PCR4 of every Nitro document is the instance's id, extended by AWS as `lock_registers` extends.
#include <enfilade/attest/cose/cose.hpp>
#include <enfilade/attest/nitro/extended_pcr.hpp>
#include <enfilade/attest/nitro/nitro_document.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "support/test_data.hpp"

namespace {

using namespace enfilade;

TEST_CASE("PCR4 of AWS's documents is the instance's id in a register that was zero") {
  const auto data = test::data_directory("extended registers");
  if (!data) return;
  int seen = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator{*data / "attestation" / "nitro" / "derived"}) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".cose" || name == "blocky_selfsigned.cose") continue;
    CAPTURE(name);
    const std::string file = test::read_file(entry.path());
    const auto message = read_cose_sign1(detail::bytes_of(file));
    REQUIRE(message.has_value());
    const auto document = read_nitro_document(message->payload);
    REQUIRE(document.has_value());
    const std::string_view instance =
        document->module_id.substr(0, document->module_id.find("-enc"));
    CHECK(std::ranges::equal(document->pcrs[4], expected_pcr(detail::bytes_of(instance))));
    ++seen;
  }
  CHECK(seen == 7);
}

}  // namespace
