// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/tdx/tdx_tcb.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/refusal_text.hpp"
#include "support/tdx_maker.hpp"

namespace {

using namespace enfilade;
using enum tdx_tcb_status;
using test::bytes;
using test::hex;
using test::tdx_maker;

static_assert(name_of(up_to_date) == "UpToDate");
static_assert(name_of(revoked) == "Revoked");
static_assert(tdx_tcb_status_of("SWHardeningNeeded") == sw_hardening_needed);
static_assert(!tdx_tcb_status_of("uptodate"));

/// A platform, what its TDX module and quoting enclave are, and what Intel says of them.
struct situation {
  pck_extension platform;
  bytes svn = hex("05010300000000000000000000000000");
  std::uint16_t qe_svn = 6;
  tdx_tcb_info info;
  tdx_qe_info qe;

  situation() {
    platform.components.fill(5);
    platform.pcesvn = 13;
    info.levels = {level(5, 13, 3, up_to_date), level(4, 13, 2, out_of_date, {"B", "A"}),
                   level(4, 11, 2, out_of_date_configuration_needed, {"C"})};
    info.modules = {{1, {}, {{4, up_to_date, {}}, {2, out_of_date, {"M"}}}},
                    {3, {}, {{3, up_to_date, {}}}}};
    qe.levels = {{6, up_to_date, {}}, {4, out_of_date, {"Q"}}, {2, tdx_tcb_status::revoked, {"R"}}};
  }

  static tdx_tcb_level level(std::uint8_t components, std::uint16_t pcesvn, std::uint8_t microcode,
                             tdx_tcb_status status, std::vector<std::string> advisories = {}) {
    tdx_tcb_level out;
    out.sgx_components.fill(components);
    out.tdx_components = {5, 0, microcode};
    out.pcesvn = pcesvn;
    out.status = status;
    out.advisories = std::move(advisories);
    return out;
  }

  judged<tdx_tcb> evaluated() const {
    tdx_quote quote;
    quote.tee_tcb_svn = svn;
    quote.qe.isvsvn = qe_svn;
    return evaluate_tdx_tcb(platform, quote, info, qe);
  }
  /// "OutOfDate A B"; the rule where the platform is below every level.
  std::string answer() const {
    const auto found = evaluated();
    if (!found) {
      CHECK(found.error().code == errc::attest_tcb_out_of_date);
      return std::string{found.error().rule};
    }
    std::string out{name_of(found->status)};
    for (const std::string& advisory : found->advisories) out += " " + advisory;
    return out;
  }
};

template <class Spoil>
std::string answer_with(Spoil spoil) {
  situation all;
  spoil(all);
  return all.answer();
}

TEST_SUITE("attest/tdx_tcb") {
  TEST_CASE("the first level that nothing falls below is the one") {
    CHECK(situation{}.answer() == "UpToDate");
    CHECK(answer_with([](situation& s) { s.platform.components.fill(200); }) == "UpToDate");
    CHECK(answer_with([](situation& s) { s.platform.components.fill(4); }) == "OutOfDate A B");
    CHECK(answer_with([](situation& s) { s.platform.components.fill(3); }) == "tcb.no_sgx_level");
    CHECK(answer_with([](situation& s) { s.info.levels.clear(); }) == "tcb.no_sgx_level");
  }

  TEST_CASE("each of the platform's components counts") {
    for (std::size_t i = 0; i != 16; ++i) {
      CAPTURE(i);
      CHECK(answer_with([&](situation& s) { s.platform.components[i] = 4; }) == "OutOfDate A B");
      CHECK(answer_with([&](situation& s) { s.platform.components[i] = 3; }) == "tcb.no_sgx_level");
    }
  }

  TEST_CASE("the PCESVN counts") {
    CHECK(answer_with([](situation& s) { s.platform.pcesvn = 0xFFFF; }) == "UpToDate");
    CHECK(answer_with([](situation& s) { s.platform.pcesvn = 12; }) ==
          "OutOfDateConfigurationNeeded C");
    CHECK(answer_with([](situation& s) { s.platform.pcesvn = 10; }) == "tcb.no_sgx_level");
  }

  TEST_CASE("the quote's security versions count, from the third on") {
    for (std::size_t i = 2; i != 16; ++i) {
      CAPTURE(i);
      const auto with = [&](std::uint8_t wanted, std::byte there) {
        return answer_with([&](situation& s) {
          for (tdx_tcb_level& level : s.info.levels) level.tdx_components[i] = wanted;
          s.svn[i] = there;
        });
      };
      CHECK(with(9, std::byte{9}) == "UpToDate");
      CHECK(with(9, std::byte{8}) == "tcb.no_tdx_level");
    }
    CHECK(answer_with([](situation& s) { s.svn[2] = std::byte{2}; }) == "OutOfDate A B");
  }

  TEST_CASE("the first two are the module's: compared where it is of kind 0, and only there") {
    // Level 5 is asked for; the module has 4 and levels of its own.
    CHECK(answer_with([](situation& s) { s.svn[0] = std::byte{4}; }) == "UpToDate");
    const auto first_kind = [](std::byte version, std::uint8_t wanted_kind) {
      return answer_with([&](situation& s) {
        s.svn[0] = version;
        s.svn[1] = std::byte{0};
        s.info.modules.clear();
        for (tdx_tcb_level& level : s.info.levels) level.tdx_components[1] = wanted_kind;
      });
    };
    CHECK(first_kind(std::byte{5}, 0) == "UpToDate");
    CHECK(first_kind(std::byte{4}, 0) == "tcb.no_tdx_level");
    // A level for modules of a later kind is not reached by one of the first.
    CHECK(first_kind(std::byte{5}, 1) == "tcb.no_tdx_level");
  }

  TEST_CASE("the module has a level under its identity") {
    CHECK(answer_with([](situation& s) { s.svn[0] = std::byte{3}; }) == "OutOfDate M");
    CHECK(answer_with([](situation& s) { s.svn[0] = std::byte{1}; }) == "tcb.no_module_level");
    CHECK(answer_with([](situation& s) { s.svn[1] = std::byte{3}; }) == "UpToDate");
    CHECK(answer_with([](situation& s) { s.svn[1] = std::byte{2}; }) == "tcb.no_module_level");
    CHECK(answer_with([](situation& s) { s.info.modules.clear(); }) == "tcb.no_module_level");
  }

  TEST_CASE("the quoting enclave has a level") {
    CHECK(answer_with([](situation& s) { s.qe_svn = 7; }) == "UpToDate");
    CHECK(answer_with([](situation& s) { s.qe_svn = 5; }) == "OutOfDate Q");
    CHECK(answer_with([](situation& s) { s.qe_svn = 3; }) == "Revoked R");
    CHECK(answer_with([](situation& s) { s.qe_svn = 1; }) == "tcb.no_qe_level");
  }

  TEST_CASE("the status is merged of platform and software") {
    const auto with = [](tdx_tcb_status platform, tdx_tcb_status module) {
      return answer_with([&](situation& s) {
        s.info.levels[0].status = platform;
        s.info.modules[0].levels[0].status = module;
      });
    };
    for (const tdx_tcb_status one : {up_to_date, sw_hardening_needed, configuration_needed,
                                     configuration_and_sw_hardening_needed, out_of_date,
                                     out_of_date_configuration_needed, tdx_tcb_status::revoked}) {
      CHECK(with(one, up_to_date) == name_of(one));
      CHECK(with(one, tdx_tcb_status::revoked) == "Revoked");
    }
    CHECK(with(up_to_date, out_of_date) == "OutOfDate");
    CHECK(with(sw_hardening_needed, out_of_date) == "OutOfDate");
    CHECK(with(out_of_date, out_of_date) == "OutOfDate");
    CHECK(with(configuration_needed, out_of_date) == "OutOfDateConfigurationNeeded");
    CHECK(with(configuration_and_sw_hardening_needed, out_of_date) ==
          "OutOfDateConfigurationNeeded");
    CHECK(with(out_of_date_configuration_needed, out_of_date) == "OutOfDateConfigurationNeeded");
    CHECK(with(tdx_tcb_status::revoked, out_of_date) == "Revoked");
  }

  TEST_CASE("advisories are those of all three, each once and sorted") {
    CHECK(answer_with([](situation& s) {
            s.platform.components.fill(4);
            s.svn[0] = std::byte{3};
            s.qe_svn = 5;
            s.qe.levels[1].advisories = {"Q", "A"};
          }) == "OutOfDate A B M Q");
  }

  TEST_CASE("a platform whose certificate is at a revoked level is revoked, whatever TDX adds") {
    CHECK(answer_with([](situation& s) {
            s.info.levels[0].status = tdx_tcb_status::revoked;
            s.svn[2] = std::byte{2};
          }) == "Revoked A B");
  }

  TEST_CASE("the quoting enclave is who it should be, bit by bit where the mask has ones") {
    tdx_maker maker;
    const auto check = [&](const tdx_qe_identity* wanted = nullptr) {
      const bytes quote = maker.quote();
      const auto read = read_tdx_quote(quote);
      const auto found = wanted ? check_tdx_qe(read->qe, *wanted) : check_tdx_qe(read->qe);
      if (!found) CHECK(found.error().code == errc::attest_measurement_mismatch);
      return found ? std::string_view{"good"} : found.error().rule;
    };
    CHECK(check() == "good");
    const bytes good = maker.qe_report;
    const auto flipped = [&](std::size_t at, unsigned bit) {
      maker.qe_report = good;
      maker.qe_report[at] ^= static_cast<std::byte>(bit);
      return check();
    };
    for (std::size_t i = 0; i != 32; ++i)
      CHECK(flipped(tdx_maker::qe_mrsigner + i, 1) == "qe.mrsigner");
    CHECK(flipped(tdx_maker::qe_prod_id, 1) == "qe.isvprodid");
    CHECK(flipped(tdx_maker::qe_prod_id + 1, 1) == "qe.isvprodid");
    CHECK(flipped(tdx_maker::qe_attributes, 2) == "qe.attributes");   // a debug enclave
    CHECK(flipped(tdx_maker::qe_attributes, 16) == "qe.attributes");  // may not certify keys
    CHECK(flipped(tdx_maker::qe_attributes + 7, 0x80) == "qe.attributes");
    CHECK(flipped(tdx_maker::qe_attributes, 4) == "good");      // of 32 bits
    CHECK(flipped(tdx_maker::qe_attributes + 8, 8) == "good");  // other extended features
    CHECK(flipped(tdx_maker::qe_misc, 1) == "qe.misc_select");
    CHECK(flipped(tdx_maker::qe_misc + 3, 0x80) == "qe.misc_select");

    maker.qe_report = good;
    tdx_qe_identity other = detail::known_tdx_qe;
    CHECK(check(&other) == "good");
    other.isvprodid = 3;
    CHECK(check(&other) == "qe.isvprodid");
    other = detail::known_tdx_qe;
    other.misc_select[0] = std::byte{1};
    CHECK(check(&other) == "qe.misc_select");
    other = detail::known_tdx_qe;
    other.attributes_mask[8] = std::byte{0x08};
    CHECK(check(&other) == "good");
    other.attributes_mask[8] = std::byte{0x04};
    CHECK(check(&other) == "qe.attributes");
  }

  TEST_CASE("the TDX module is one that Intel knows") {
    tdx_maker maker;
    tdx_tcb_info info;
    info.first_module = detail::known_tdx_module;
    info.modules = {{1, detail::known_tdx_module, {}}};
    const auto check = [&](const tdx_tcb_info* known) {
      const bytes quote = maker.quote();
      const auto found = check_tdx_module(*read_tdx_quote(quote), known);
      if (!found) CHECK(found.error().code == errc::attest_measurement_mismatch);
      return found ? std::string_view{"good"} : found.error().rule;
    };
    CHECK(check(nullptr) == "good");
    CHECK(check(&info) == "good");
    // By the identity of its kind, and that of the first kind only for the first.
    info.first_module.mrsigner[5] = std::byte{1};
    CHECK(check(&info) == "good");
    maker.body[tdx_maker::svn + 1] = std::byte{0};
    CHECK(check(&info) == "module.mrsigner");
    CHECK(check(nullptr) == "good");
    maker.body[tdx_maker::svn + 1] = std::byte{2};
    CHECK(check(&info) == "module.unknown");
    CHECK(check(nullptr) == "good");
    maker.body[tdx_maker::svn + 1] = std::byte{1};

    maker.body[tdx_maker::mrsignerseam + 47] = std::byte{1};
    CHECK(check(&info) == "module.mrsigner");
    CHECK(check(nullptr) == "module.mrsigner");
    info.modules[0].identity.mrsigner[47] = std::byte{1};
    CHECK(check(&info) == "good");

    maker.body[tdx_maker::seam_attributes + 7] = std::byte{0x80};
    CHECK(check(&info) == "module.attributes");
    info.modules[0].identity.attributes_mask[7] = std::byte{0x7F};
    CHECK(check(&info) == "good");
    maker.body[tdx_maker::mrsignerseam + 47] = std::byte{0};
    CHECK(check(nullptr) == "module.attributes");
  }
}

}  // namespace
