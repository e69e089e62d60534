// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/tdx/tdx_collateral_json.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "support/refusal_text.hpp"
#include "support/tdx_maker.hpp"

namespace {

using namespace enfilade;
using nlohmann::json;
using test::tdx_maker;

std::string_view rule(const refusal& why) {
  const bool unsupported =
      why.rule.ends_with(".id") || why.rule.ends_with(".version") || why.rule.ends_with("tcb_type");
  CHECK(why.code == (unsupported ? errc::attest_unsupported_format : errc::attest_malformed));
  return why.rule;
}
/// The rule that the text breaks; "read" where it breaks none.
std::string_view rule_of_info(const std::string& text) {
  const auto read = read_tdx_tcb_info(text);
  return read ? "read" : rule(read.error());
}
std::string_view rule_of_qe(const std::string& text) {
  const auto read = read_tdx_qe_info(text);
  return read ? "read" : rule(read.error());
}

/// With another value at `pointer`, such as "/tdxModule/mrsigner"; null takes the member away.
json changed(json document, const std::string& pointer, const json& value) {
  if (!value.is_null()) {
    document[json::json_pointer{pointer}] = value;
    return document;
  }
  const json::json_pointer at{pointer};
  json& parent = document[at.parent_pointer()];
  if (parent.is_array()) {
    parent.erase(std::stoul(at.back()));
  } else {
    parent.erase(at.back());
  }
  return document;
}
std::string_view info_with(const std::string& pointer, const json& value) {
  return rule_of_info(changed(tdx_maker::good_tcb_info(), pointer, value).dump());
}
std::string_view qe_with(const std::string& pointer, const json& value) {
  return rule_of_qe(changed(tdx_maker::good_qe_identity(), pointer, value).dump());
}

const json absent;  // null

TEST_SUITE("attest/tdx_collateral_json") {
  TEST_CASE("a TCB info says what stands in it") {
    const auto info = read_tdx_tcb_info(tdx_maker::good_tcb_info().dump());
    REQUIRE(info.has_value());
    using namespace std::chrono;
    CHECK(info->issue.issued == sys_days{year{2024} / 6 / 1});
    CHECK(info->issue.next_update == sys_days{year{2024} / 7 / 1});
    CHECK(info->issue.evaluation_number == 17);
    CHECK(detail::to_hex(info->fmspc) == "b0c06f000000");
    CHECK(detail::to_hex(info->pceid) == "0000");
    CHECK(detail::to_hex(info->first_module.attributes_mask) == "ffffffffffffffff");
    REQUIRE(info->modules.size() == 1);
    CHECK(info->modules[0].version == 1);
    REQUIRE(info->modules[0].levels.size() == 2);
    CHECK(info->modules[0].levels[1].isvsvn == 2);
    CHECK(info->modules[0].levels[1].status == tdx_tcb_status::out_of_date);
    CHECK(info->modules[0].levels[1].advisories == std::vector<std::string>{"INTEL-SA-01036"});
    REQUIRE(info->levels.size() == 2);
    CHECK(info->levels[0].status == tdx_tcb_status::up_to_date);
    CHECK(info->levels[0].advisories.empty());
    CHECK(info->levels[0].sgx_components[7] == 5);
    CHECK(info->levels[0].sgx_components[8] == 0);
    CHECK(info->levels[0].tdx_components[2] == 3);
    CHECK(info->levels[1].pcesvn == 11);
    CHECK(info->levels[1].advisories == std::vector<std::string>{"INTEL-SA-00837"});
  }

  TEST_CASE("an identity says what stands in it") {
    const auto qe =
        read_tdx_qe_info(changed(tdx_maker::good_qe_identity(), "/miscselect", "01020304").dump());
    REQUIRE(qe.has_value());
    CHECK(qe->issue.issued == std::chrono::sys_days{std::chrono::year{2024} / 6 / 2});
    CHECK(qe->issue.evaluation_number == 16);
    CHECK(detail::to_hex(qe->identity.misc_select) == "01020304");
    CHECK(detail::to_hex(qe->identity.attributes_mask) == "fbffffffffffffff0000000000000000");
    CHECK(qe->identity.isvprodid == 2);
    REQUIRE(qe->levels.size() == 1);
    CHECK(qe->levels[0].isvsvn == 4);
  }

  TEST_CASE("the format is the one that is known") {
    CHECK(info_with("/id", "SGX") == "tcb_info.id");
    CHECK(info_with("/id", absent) == "tcb_info.id");
    CHECK(info_with("/version", 2) == "tcb_info.version");
    CHECK(info_with("/version", 4) == "tcb_info.version");
    CHECK(info_with("/version", "3") == "tcb_info.version");
    CHECK(info_with("/version", 3.0) == "tcb_info.version");
    CHECK(info_with("/tcbType", 1) == "tcb_info.tcb_type");
    CHECK(info_with("/tcbType", absent) == "tcb_info.tcb_type");
    CHECK(qe_with("/id", "QE") == "qe_identity.id");
    CHECK(qe_with("/version", 1) == "qe_identity.version");
    CHECK(qe_with("/version", absent) == "qe_identity.version");
  }

  TEST_CASE("it is one JSON object, of at most 128 KiB, with each key once") {
    for (const char* text : {"", "[]", "7", "{", "{}{}", "null", "{\"id\":\"TDX\",\"id\":\"TDX\"}"})
      CHECK(rule_of_info(text) != "read");
    CHECK(rule_of_info("") == "tcb_info.json");
    CHECK(rule_of_info("[]") == "tcb_info.json");
    CHECK(rule_of_info("{\"id\":\"TDX\",\"id\":\"TDX\"}") == "tcb_info.json");
    CHECK(rule_of_qe("[]") == "qe_identity.json");
    const std::string good = tdx_maker::good_tcb_info().dump();
    CHECK(rule_of_info(good + std::string(128 * 1024 - good.size(), ' ')) == "read");
    CHECK(rule_of_info(good + std::string(128 * 1024 - good.size() + 1, ' ')) == "tcb_info.json");
  }

  TEST_CASE("what Intel may add is left alone") {
    CHECK(info_with("/color", "blue") == "read");
    CHECK(info_with("/tcbLevels/0/tcb/color", 7) == "read");
    CHECK(qe_with("/color", "blue") == "read");
  }

  TEST_CASE("dates are dates, in their order, and there is a round of assessment") {
    for (const char* member : {"/issueDate", "/nextUpdate"}) {
      for (const char* wrong :
           {"2024-06-01", "2024-06-01T00:00:00", "2024-06-01T00:00:00z", "2024-06-01 00:00:00Z",
            "2024-02-30T00:00:00Z", "2024-06-01T24:00:00Z", "2024-06-01T00:60:00Z",
            "2024-06-01T00:00:60Z", "20x4-06-01T00:00:00Z", "2024-06-01T00:00:00.0Z", ""}) {
        CAPTURE(wrong);
        CHECK(info_with(member, wrong) == "tcb_info.issue");
        CHECK(qe_with(member, wrong) == "qe_identity.issue");
      }
      CHECK(info_with(member, absent) == "tcb_info.issue");
      CHECK(info_with(member, 7) == "tcb_info.issue");
    }
    CHECK(info_with("/nextUpdate", "2024-06-01T00:00:00Z") == "read");
    CHECK(info_with("/nextUpdate", "2024-05-31T23:59:59Z") == "tcb_info.issue");
    CHECK(info_with("/tcbEvaluationDataNumber", -1) == "tcb_info.issue");
    CHECK(info_with("/tcbEvaluationDataNumber", 0x100000000) == "tcb_info.issue");
    CHECK(qe_with("/tcbEvaluationDataNumber", absent) == "qe_identity.issue");
  }

  TEST_CASE("bytes are hexadecimal, of their lengths") {
    CHECK(info_with("/fmspc", "b0c06f0000") == "tcb_info.fmspc");
    CHECK(info_with("/fmspc", "b0c06f00000g") == "tcb_info.fmspc");
    CHECK(info_with("/pceId", "000000") == "tcb_info.pceid");
    CHECK(info_with("/pceId", 0) == "tcb_info.pceid");
    for (const char* member : {"mrsigner", "attributes", "attributesMask"}) {
      CHECK(info_with("/tdxModule/" + std::string{member}, "00") == "tcb_info.module");
      CHECK(info_with("/tdxModuleIdentities/0/" + std::string{member}, absent) ==
            "tcb_info.module_identities");
    }
    CHECK(info_with("/tdxModule", absent) == "tcb_info.module");
    CHECK(info_with("/tdxModule", json::array()) == "tcb_info.module");
    CHECK(qe_with("/miscselect", "0000") == "qe_identity.misc_select");
    CHECK(qe_with("/miscselectMask", absent) == "qe_identity.misc_select");
    CHECK(qe_with("/attributes", "11") == "qe_identity.attributes");
    CHECK(qe_with("/attributesMask", absent) == "qe_identity.attributes");
    CHECK(qe_with("/mrsigner", "DC9E") == "qe_identity.mrsigner");
    CHECK(qe_with("/isvprodid", 65536) == "qe_identity.isvprodid");
    CHECK(qe_with("/isvprodid", -1) == "qe_identity.isvprodid");
  }

  TEST_CASE("modules have a kind each, of two hexadecimal digits") {
    CHECK(info_with("/tdxModuleIdentities", absent) == "read");
    CHECK(info_with("/tdxModuleIdentities", json::array()) == "read");
    CHECK(info_with("/tdxModuleIdentities", 7) == "tcb_info.module_identities");
    for (const char* id : {"TDX_1", "TDX_001", "TDX_0g", "tdx_01", "TDX-01", "01"})
      CHECK(info_with("/tdxModuleIdentities/0/id", id) == "tcb_info.module_identities");
    CHECK(info_with("/tdxModuleIdentities/0/id", "TDX_fF") == "read");
    json twice = tdx_maker::good_tcb_info();
    twice["tdxModuleIdentities"].push_back(twice["tdxModuleIdentities"][0]);
    CHECK(rule_of_info(twice.dump()) == "tcb_info.module_identities");
    json many = tdx_maker::good_tcb_info();
    for (int i = 2; i <= 17; ++i) {
      json module = many["tdxModuleIdentities"][0];
      module["id"] = "TDX_" + detail::to_hex(std::array{std::byte(i)});
      many["tdxModuleIdentities"].push_back(module);
      CHECK(rule_of_info(many.dump()) == (i <= 16 ? "read" : "tcb_info.module_identities"));
    }
  }

  TEST_CASE("levels are whole, at most 64") {
    CHECK(info_with("/tcbLevels", json::array()) == "read");
    CHECK(info_with("/tcbLevels", absent) == "tcb_info.levels");
    CHECK(info_with("/tcbLevels", json::object()) == "tcb_info.levels");
    json many = tdx_maker::good_tcb_info();
    while (many["tcbLevels"].size() != 64) many["tcbLevels"].push_back(many["tcbLevels"][0]);
    CHECK(rule_of_info(many.dump()) == "read");
    many["tcbLevels"].push_back(many["tcbLevels"][0]);
    CHECK(rule_of_info(many.dump()) == "tcb_info.levels");

    CHECK(info_with("/tcbLevels/1", 7) == "tcb_info.components");
    for (const char* list : {"sgxtcbcomponents", "tdxtcbcomponents"}) {
      const std::string at = "/tcbLevels/1/tcb/" + std::string{list};
      CHECK(info_with(at, absent) == "tcb_info.components");
      CHECK(info_with(at + "/15", absent) == "tcb_info.components");
      CHECK(info_with(at + "/16", {{"svn", 0}}) == "tcb_info.components");
      CHECK(info_with(at + "/3/svn", 255) == "read");
      CHECK(info_with(at + "/3/svn", 256) == "tcb_info.components");
      CHECK(info_with(at + "/3/svn", -1) == "tcb_info.components");
      CHECK(info_with(at + "/3", 5) == "tcb_info.components");
    }
    CHECK(info_with("/tcbLevels/1/tcb/pcesvn", 65536) == "tcb_info.pcesvn");
    CHECK(info_with("/tcbLevels/1/tcb/pcesvn", absent) == "tcb_info.pcesvn");
    CHECK(info_with("/tcbLevels/1/tcbDate", "yesterday") == "tcb_info.tcb_date");
    CHECK(info_with("/tcbLevels/1/tcbStatus", "Fine") == "tcb_info.status");
    CHECK(info_with("/tcbLevels/1/tcbStatus", absent) == "tcb_info.status");
    CHECK(info_with("/tcbLevels/1/tcbStatus", "ConfigurationAndSWHardeningNeeded") == "read");
  }

  TEST_CASE("software is up to date, out of date or revoked") {
    for (const char* status : {"UpToDate", "OutOfDate", "Revoked"}) {
      CHECK(qe_with("/tcbLevels/0/tcbStatus", status) == "read");
      CHECK(info_with("/tdxModuleIdentities/0/tcbLevels/0/tcbStatus", status) == "read");
    }
    for (const char* status : {"SWHardeningNeeded", "ConfigurationNeeded", "uptodate", ""}) {
      CHECK(qe_with("/tcbLevels/0/tcbStatus", status) == "qe_identity.levels");
      CHECK(info_with("/tdxModuleIdentities/0/tcbLevels/0/tcbStatus", status) ==
            "tcb_info.module_identities");
    }
    CHECK(qe_with("/tcbLevels", absent) == "qe_identity.levels");
    CHECK(qe_with("/tcbLevels/0/tcb/isvsvn", 65536) == "qe_identity.levels");
    CHECK(qe_with("/tcbLevels/0/tcb", absent) == "qe_identity.levels");
    CHECK(qe_with("/tcbLevels/0/tcbDate", absent) == "qe_identity.levels");
    CHECK(qe_with("/tcbLevels/0/advisoryIDs", "INTEL-SA-1") == "qe_identity.levels");
    json many = tdx_maker::good_qe_identity();
    while (many["tcbLevels"].size() != 64) many["tcbLevels"].push_back(many["tcbLevels"][0]);
    CHECK(rule_of_qe(many.dump()) == "read");
    many["tcbLevels"].push_back(many["tcbLevels"][0]);
    CHECK(rule_of_qe(many.dump()) == "qe_identity.levels");
  }

  TEST_CASE("advisories can be printed, 32 characters each, at most 128") {
    const std::string at = "/tcbLevels/1/advisoryIDs";
    CHECK(info_with(at, absent) == "read");
    CHECK(info_with(at, json::array()) == "read");
    CHECK(info_with(at, json(std::vector<std::string>(128, "INTEL-SA-00001"))) == "read");
    CHECK(info_with(at, json(std::vector<std::string>(129, "INTEL-SA-00001"))) ==
          "tcb_info.advisories");
    CHECK(info_with(at + "/0", std::string(32, 'A')) == "read");
    for (const json& wrong : {json(std::string(33, 'A')), json(""), json("intel"), json("A B"),
                              json("A\x1B[2J"), json("\xC3\xBC"), json(7)})
      CHECK(info_with(at + "/0", wrong) == "tcb_info.advisories");
    CHECK(info_with(at, "INTEL-SA-00001") == "tcb_info.advisories");
  }
}

}  // namespace
