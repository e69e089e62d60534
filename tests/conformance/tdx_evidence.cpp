// SPDX-License-Identifier: Apache-2.0
//
// Quotes that real machines with TDX made between 2022 and 2026, and Intel's collateral for some of
// them: each verdict is that of expected.json beside them.
#include <enfilade/attest/tdx/tdx_collateral.hpp>
#include <enfilade/attest/tdx/tdx_verifier.hpp>
#include <enfilade/attest/x509/pem.hpp>
#include <enfilade/attest/x509/x509_crl.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "support/campaign.hpp"
#include "support/evidence_files.hpp"
#include "support/refusal_text.hpp"
#include "support/test_data.hpp"

namespace {

using namespace enfilade;
using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using std::chrono::year;
using bytes = std::vector<std::byte>;

constexpr sys_seconds today = sys_days{year{2026} / 11 / 21};

/// A file of the test data and what is to be expected of it.
struct evidence_file {
  bytes quote;
  json expected;

  std::string name() const { return expected.at("file"); }
  bool is_sgx() const { return expected.at("tee_type") == "0x0"; }
  bool debug() const { return !is_sgx() && expected.at("debug").get<bool>(); }
  sys_seconds time_of(const char* member) const {
    return test::utc(expected.at(member).get<std::string>());
  }
  /// A second in which the certificates of the platform are valid.
  sys_seconds time() const { return time_of("pck_not_before") + 24h; }
};

std::optional<std::filesystem::path> tdx_directory() {
  const auto data = test::data_directory("TDX evidence");
  if (!data) return std::nullopt;
  return *data / "attestation" / "tdx";
}

std::vector<evidence_file> all_evidence() {
  const auto directory = tdx_directory();
  if (!directory) return {};
  std::vector<evidence_file> all;
  for (const json& expected : json::parse(test::read_file(*directory / "derived/expected.json")))
    all.push_back(
        {test::read_bytes(*directory / expected.at("file").get<std::string>()), expected});
  REQUIRE(all.size() == 10);
  return all;
}

std::vector<evidence_file> tdx_evidence() {
  std::vector<evidence_file> all = all_evidence();
  std::erase_if(all, [](const evidence_file& file) { return file.is_sgx(); });
  if (!all.empty()) REQUIRE(all.size() == 9);
  return all;
}

std::optional<evidence_file> the(std::string_view name) {
  for (evidence_file& file : all_evidence())
    if (file.name() == name) return std::move(file);
  return std::nullopt;
}

tdx_endorsements collateral_of(const std::filesystem::path& path) {
  auto read = read_tdx_collateral(test::read_file(path));
  REQUIRE(read.has_value());
  return *read;
}
std::optional<tdx_endorsements> collateral(const char* name) {
  const auto directory = tdx_directory();
  if (!directory) return std::nullopt;
  return collateral_of(*directory / "dcap-qvl" / name);
}

constexpr const char* good_collateral = "tdx_quote_collateral.json";
// max issueDate and min nextUpdate of README.md: of phala_v4 and of phala_outdated_v5.
constexpr sys_seconds good_from = sys_days{year{2025} / 6 / 19} + 10h + 32min + 27s;
constexpr sys_seconds good_until = sys_days{year{2025} / 7 / 19} + 10h + 0min + 35s;
constexpr sys_seconds outdated_from = sys_days{year{2026} / 2 / 18} + 10h + 58min + 51s;
constexpr sys_seconds outdated_until = sys_days{year{2026} / 3 / 20} + 10h + 41min + 15s;

tdx_options debug_allowed() {
  tdx_options options;
  options.allow_debug = true;
  return options;
}

/// Where it was refused and why: "chain: chain.expired"; empty where it was accepted.
std::string refusal_of(const tdx_verification& found) {
  CHECK(found.claims.has_value() == found.steps.accepted());
  const auto failed = found.steps.failure();
  if (!failed) return "";
  return std::string{failed->name} + ": " + std::string{failed->reason};
}

template <class Bytes>
void check_bytes(const Bytes& found, const json& expected) {
  CHECK(detail::to_hex(found) == expected.get<std::string>());
}
void check_measurement(const Measurement& found, const json& expected) {
  CHECK(found.hex() == expected.get<std::string>());
}
std::string hex_of(std::uint64_t value) {
  std::array<std::byte, 8> bytes_of_value;
  detail::store_le(bytes_of_value.data(), value);
  return detail::to_hex(bytes_of_value);
}

TEST_SUITE("conformance/tdx_evidence") {
  TEST_CASE("quotes are genuine at their own time and say what they say") {
    for (const evidence_file& file : tdx_evidence()) {
      CAPTURE(file.name());
      const json& expected = file.expected;
      const auto found = verify_tdx(file.quote, nullptr, file.time(), debug_allowed());
      CHECK(refusal_of(found) == "");
      REQUIRE(found.claims.has_value());
      const tdx_claims& claims = *found.claims;
      CHECK(claims.quote_version == expected.at("version").get<int>());
      check_measurement(claims.mrtd, expected.at("mrtd"));
      for (std::size_t i = 0; i != 4; ++i)
        check_measurement(claims.rtmrs[i], expected.at("rtmr" + std::to_string(i)));
      check_measurement(claims.mrseam, expected.at("mrseam"));
      check_measurement(claims.mrsignerseam, expected.at("mrsignerseam"));
      check_measurement(claims.mrconfigid, expected.at("mrconfigid"));
      check_measurement(claims.mrowner, expected.at("mrowner"));
      check_measurement(claims.mrownerconfig, expected.at("mrownerconfig"));
      check_bytes(claims.report_data, expected.at("report_data"));
      check_bytes(claims.tee_tcb_svn, expected.at("tee_tcb_svn"));
      check_bytes(claims.fmspc, expected.at("fmspc"));
      CHECK(hex_of(claims.td_attributes) == expected.at("td_attributes").get<std::string>());
      CHECK(hex_of(claims.seam_attributes) == expected.at("seam_attributes").get<std::string>());
      CHECK(hex_of(claims.xfam) == expected.at("xfam").get<std::string>());
      CHECK(claims.debug == file.debug());
      CHECK(claims.tee_tcb_svn2.has_value() == expected.contains("tee_tcb_svn2"));
      CHECK(claims.mrservicetd.has_value() == claims.tee_tcb_svn2.has_value());
      if (claims.tee_tcb_svn2) {
        check_bytes(*claims.tee_tcb_svn2, expected.at("tee_tcb_svn2"));
        check_measurement(*claims.mrservicetd, expected.at("mrservicetd"));
      }
      CHECK(claims.strength == tdx_strength::signatures);
      CHECK(claims.valid_until == file.time_of("pck_not_after"));
      const auto quote = read_tdx_quote(file.quote);
      CHECK(quote->trailing_bytes == expected.at("trailing_bytes").get<std::size_t>());
    }
  }

  TEST_CASE("a quote of SGX is refused by its name") {
    const auto file = the("derived/phala_sgx_v3.quote");
    if (!file) return;
    const auto found = verify_tdx(file->quote, nullptr, file->time());
    CHECK(refusal_of(found) == "quote: quote.sgx_version_3");
    CHECK(found.steps.failure()->code == errc::attest_unsupported_format);
    const auto directory = tdx_directory();
    const auto read =
        read_tdx_collateral(test::read_file(*directory / "dcap-qvl" / "sgx_quote_collateral.json"));
    REQUIRE(read.has_error());
    CHECK(read.error() == refusal{errc::attest_unsupported_format, "tcb_info.id"});
  }

  TEST_CASE("a guest in debug mode is refused unless it was asked for") {
    int refused = 0;
    for (const evidence_file& file : tdx_evidence()) {
      CAPTURE(file.name());
      const auto found = verify_tdx(file.quote, nullptr, file.time());
      CHECK(refusal_of(found) == (file.debug() ? "debug: tdx.debug" : ""));
      if (!file.debug()) continue;
      ++refused;
      CHECK(found.steps.failure()->code == errc::attest_debug_enabled);
    }
    CHECK((refused == 1 || tdx_evidence().empty()));
  }

  TEST_CASE("certificates are good from their first to their last second") {
    for (const evidence_file& file : tdx_evidence()) {
      CAPTURE(file.name());
      const sys_seconds first = file.time_of("pck_not_before");
      const sys_seconds last = file.time_of("pck_not_after");
      const auto at = [&](sys_seconds when) {
        return refusal_of(verify_tdx(file.quote, nullptr, when, debug_allowed()));
      };
      CHECK(at(first) == "");
      CHECK(at(last) == "");
      CHECK(at(first - 1s) == "chain: chain.not_yet_valid");
      CHECK(at(last + 1s) == "chain: chain.expired");
      // They live seven years: none of them has expired by now.
      CHECK(at(today) == "");
    }
  }

  TEST_CASE("with its collateral a quote is up to date, without advisories") {
    const auto file = the("derived/phala_v4.quote");
    const auto given = collateral(good_collateral);
    if (!file || !given) return;
    for (const sys_seconds when : {good_from, good_until - 1s, good_until}) {
      const auto found = verify_tdx(file->quote, &*given, when);
      CHECK(refusal_of(found) == "");
      REQUIRE(found.claims.has_value());
      CHECK(found.claims->strength == tdx_strength::collateral);
      CHECK(found.claims->tcb->status == tdx_tcb_status::up_to_date);
      CHECK(found.claims->tcb->advisories.empty());
      CHECK(found.claims->evaluation_number == 17);
      CHECK(found.claims->valid_until == good_until);
      for (const verdict_step& step : found.steps.steps())
        CHECK(step.outcome == step_outcome::passed);
    }
    // The list of the PCK authority is the first to end.
    const auto late = verify_tdx(file->quote, &*given, good_until + 1s);
    CHECK(refusal_of(late) == "revocation: crl.expired");
    CHECK(late.steps.failure()->code == errc::attest_expired);
    const auto early = verify_tdx(file->quote, &*given, good_from - 1s);
    CHECK(refusal_of(early) == "dates: qe_identity.not_yet_valid");
    CHECK(early.steps.failure()->code == errc::attest_not_yet_valid);
  }

  TEST_CASE("another platform of the same kind is judged by the same collateral") {
    const auto file = the("derived/phala_tappd_v4.quote");
    const auto given = collateral(good_collateral);
    if (!file || !given) return;
    CHECK(file->expected.at("fmspc") == "b0c06f000000");
    const auto found = verify_tdx(file->quote, &*given, good_from);
    // Component 8 of its certificate is 3, and every level wants 5.
    CHECK(refusal_of(found) == "tcb: tcb.no_sgx_level");
    CHECK(found.steps.failure()->code == errc::attest_tcb_out_of_date);
  }

  TEST_CASE("the outdated platform is refused, and one of its kind that was updated is not") {
    const auto outdated = the("derived/phala_outdated_v5.quote");
    const auto updated = the("derived/google_v5_td15.quote");
    const auto given = collateral("tdx_quote_outdated_collateral.json");
    if (!outdated || !updated || !given) return;
    for (const sys_seconds when : {outdated_from, outdated_until}) {
      const auto found = verify_tdx(outdated->quote, &*given, when);
      CHECK(refusal_of(found) == "tcb: tcb.no_sgx_level");
      CHECK(found.steps.failure()->code == errc::attest_tcb_out_of_date);
      CHECK_FALSE(found.tcb.has_value());
      // Without collateral nobody would know.
      CHECK(refusal_of(verify_tdx(outdated->quote, nullptr, when)) == "");

      const auto other = verify_tdx(updated->quote, &*given, when);
      CHECK(refusal_of(other) == "");
      REQUIRE(other.claims.has_value());
      CHECK(other.claims->tcb->status == tdx_tcb_status::up_to_date);
      CHECK(other.claims->tcb->advisories.empty());
      CHECK(other.claims->valid_until == outdated_until);
    }
  }

  TEST_CASE("all collateral has expired") {
    for (const char* name : {good_collateral, "tdx_quote_outdated_collateral.json"}) {
      const auto given = collateral(name);
      if (!given) return;
      for (const evidence_file& file : tdx_evidence()) {
        CAPTURE(file.name());
        const auto found = verify_tdx(file.quote, &*given, today, debug_allowed());
        CHECK(refusal_of(found) == "dates: tcb_info.expired");
        CHECK(found.steps.failure()->code == errc::attest_expired);
      }
    }
  }

  TEST_CASE("collateral of another kind of platform is none") {
    const auto given = collateral(good_collateral);
    if (!given) return;
    int others = 0;
    for (const evidence_file& file : tdx_evidence()) {
      if (file.expected.at("fmspc") == "b0c06f000000") continue;
      if (file.time_of("pck_not_before") > good_from) continue;
      ++others;
      CAPTURE(file.name());
      // Where the module is of TDX 1.0 too: the info names its signer.
      const auto found = verify_tdx(file.quote, &*given, good_from, debug_allowed());
      CHECK(refusal_of(found) == "collateral: tdx.collateral_of_another_fmspc");
      CHECK(found.steps.failure()->code == errc::attest_endorsement_missing);
    }
    CHECK(others == 5);
  }

  // As Intel's servers gave them, with their certificates in a header that was not kept: those of
  // dcap-qvl have the same key.
  TEST_CASE("responses of Intel's servers are read and signed") {
    const auto directory = tdx_directory();
    const auto given = collateral(good_collateral);
    if (!directory || !given) return;
    const auto signer = x509_certificate::parse(given->tcb_text.issuers.front());
    REQUIRE(signer.has_value());
    const auto& key = std::get<curve_point<P256>>(signer->public_key());
    const auto signed_json = [&](const char* file, std::string_view name) {
      CAPTURE(file);
      const auto split = split_pcs_response(test::read_file(*directory / file), name);
      REQUIRE(split.has_value());
      CHECK(verify_signature(key, detail::bytes_of(split->text), split->signature));
      std::string altered = split->text;
      altered[altered.size() / 2] ^= 1;
      CHECK_FALSE(verify_signature(key, detail::bytes_of(altered), split->signature));
      return split->text;
    };
    for (const auto& [file, fmspc, levels, modules] :
         {std::tuple{"go-tdx-guest/sample_tcbInfo_response", "50806f000000", 2, 0},
          std::tuple{"go-tdx-guest/sample_tcbinfo_response_v5", "90c06f000000", 3, 2},
          std::tuple{"trustee/tcbInfo.json", "00a06d080000", 2, 2}}) {
      const auto info = read_tdx_tcb_info(signed_json(file, "tcbInfo"));
      REQUIRE(info.has_value());
      CHECK(detail::to_hex(info->fmspc) == fmspc);
      CHECK(info->levels.size() == static_cast<std::size_t>(levels));
      CHECK(info->modules.size() == static_cast<std::size_t>(modules));
    }
    for (const char* file :
         {"go-tdx-guest/sample_qeIdentity_response", "trustee/enclaveIdentity.json"}) {
      const auto qe = read_tdx_qe_info(signed_json(file, "enclaveIdentity"));
      REQUIRE(qe.has_value());
      CHECK(qe->identity.isvprodid == 2);
    }
  }

  TEST_CASE("of the platforms of Intel's responses one is up to date, one below every level") {
    const auto directory = tdx_directory();
    if (!directory) return;
    const auto text = [&](const char* file, std::string_view name) {
      return split_pcs_response(test::read_file(*directory / "go-tdx-guest" / file), name)->text;
    };
    const auto qe = read_tdx_qe_info(text("sample_qeIdentity_response", "enclaveIdentity"));
    REQUIRE(qe.has_value());
    for (const auto& [name, response] :
         {std::pair{"derived/google_spr_v4.quote", "sample_tcbInfo_response"},
          std::pair{"derived/google_v5_td15.quote", "sample_tcbinfo_response_v5"}}) {
      const auto file = the(name);
      const auto info = read_tdx_tcb_info(text(response, "tcbInfo"));
      const auto quote = read_tdx_quote(file->quote);
      const auto chain = read_pem(quote->certificates, pem_label::certificate);
      const auto pck = x509_certificate::parse(chain->front());
      const auto platform = read_pck_extension(*pck);
      REQUIRE(platform.has_value());
      CHECK(platform->fmspc == info->fmspc);
      CHECK(platform->pceid == info->pceid);
      CHECK(check_tdx_module(*quote, &*info).has_value());
      CHECK(check_tdx_qe(quote->qe, qe->identity).has_value());
      const auto tcb = evaluate_tdx_tcb(*platform, *quote, *info, *qe);
      if (quote->version == 4) {
        // Components 1 and 2 of its certificate are 3, and every level wants 5.
        REQUIRE(tcb.has_error());
        CHECK(tcb.error() == refusal{errc::attest_tcb_out_of_date, "tcb.no_sgx_level"});
        continue;
      }
      REQUIRE(tcb.has_value());
      CHECK(tcb->status == tdx_tcb_status::up_to_date);
      CHECK(tcb->advisories.empty());
    }
  }

  // Intel's collateral in other hands: a newer TCB info with the rest of an older set.
  TEST_CASE("a TCB info can be replaced by another one that Intel signed") {
    const auto directory = tdx_directory();
    const auto file = the("derived/google_v5_td15.quote");
    auto given = collateral("tdx_quote_outdated_collateral.json");
    if (!directory || !file || !given) return;
    const auto split = split_pcs_response(
        test::read_file(*directory / "go-tdx-guest" / "sample_tcbinfo_response_v5"), "tcbInfo");
    given->tcb_text.text = split->text;
    given->tcb_text.signature = split->signature;
    given->tcb_info = *read_tdx_tcb_info(split->text);
    CHECK(refusal_of(verify_tdx(file->quote, &*given, outdated_from)) == "");
  }

  TEST_CASE("lists of 2023 are those of Intel's authorities") {
    const auto directory = tdx_directory();
    const auto file = the("derived/google_spr_v4.quote");
    if (!directory || !file) return;
    const auto quote = read_tdx_quote(file->quote);
    const auto chain = read_pem(quote->certificates, pem_label::certificate);
    const auto authority = x509_certificate::parse((*chain)[1]);
    const auto root = x509_certificate::parse(intel_sgx_root());
    const bytes of_platforms = test::read_bytes(*directory / "go-tdx-guest" / "pckcrl");
    const bytes of_root = test::read_bytes(*directory / "go-tdx-guest" / "rootcrl.der");
    const auto platforms = x509_crl::parse(of_platforms);
    const auto authorities = x509_crl::parse(of_root);
    REQUIRE(platforms.has_value());
    REQUIRE(authorities.has_value());
    const sys_seconds then = sys_days{year{2023} / 7 / 1};
    CHECK(platforms->verify(*authority, then).has_value());
    CHECK(authorities->verify(*root, then).has_value());
    CHECK_FALSE(platforms->revokes(x509_certificate::parse(chain->front())->serial()));
    CHECK_FALSE(authorities->revokes(authority->serial()));
  }

  TEST_CASE("bytes behind a quote are not part of it") {
    tdx_options strict = debug_allowed();
    strict.allow_trailing_bytes = false;
    for (const evidence_file& file : tdx_evidence()) {
      CAPTURE(file.name());
      const auto used = file.expected.at("used_bytes").get<std::size_t>();
      const bool more = used != file.quote.size();
      CHECK(refusal_of(verify_tdx(file.quote, nullptr, file.time(), strict)) ==
            (more ? "quote: tdx.trailing_bytes" : ""));
      const bytes alone{file.quote.begin(), file.quote.begin() + static_cast<std::ptrdiff_t>(used)};
      CHECK(refusal_of(verify_tdx(alone, nullptr, file.time(), strict)) == "");
    }
  }

  TEST_CASE("a quote with the certificates of another platform is refused") {
    const auto file = the("derived/phala_v4.quote");
    const auto other = the("derived/phala_tappd_v4.quote");
    if (!file || !other) return;
    // Both chains have the same length, and both platforms belong to one authority.
    bytes mixed = file->quote;
    const auto pem_of = [](const bytes& quote) {
      const auto read = read_tdx_quote(quote);
      const auto* begin = reinterpret_cast<const std::byte*>(read->certificates.data());
      return std::pair{static_cast<std::size_t>(begin - quote.data()), read->certificates};
    };
    const auto [at, mine] = pem_of(mixed);
    const auto [from, theirs] = pem_of(other->quote);
    REQUIRE(mine.size() == theirs.size());
    std::ranges::copy(std::span{other->quote}.subspan(from, theirs.size()),
                      mixed.begin() + static_cast<std::ptrdiff_t>(at));
    CHECK(refusal_of(verify_tdx(mixed, nullptr, good_from)) == "qe_signature: tdx.qe_signature");
  }

  TEST_CASE("every truncation is refused by name") {
    for (const char* name : {"derived/phala_v4.quote", "derived/google_v5_td15.quote"}) {
      const auto file = the(name);
      if (!file) return;
      const auto used = file->expected.at("used_bytes").get<std::size_t>();
      const std::size_t body = file->expected.at("version") == 5 ? 54 + 648 : 48 + 584;
      for (std::size_t size = 0; size != used; ++size) {
        CAPTURE(size);
        const auto found = verify_tdx(std::span{file->quote}.first(size), nullptr, file->time());
        CHECK(refusal_of(found) == (size == 0     ? "size: tdx.size"
                                    : size < 48   ? "quote: quote.header_truncated"
                                    : size < body ? "quote: quote.body_truncated"
                                                  : "quote: quote.signature_truncated"));
        CHECK(found.steps.failure()->code == errc::attest_malformed);
        CHECK(found.steps.steps().size() == 14);
      }
    }
  }

  TEST_CASE("no bit of a quote can be flipped, but those behind it") {
    const auto file = the("derived/phala_v4.quote");
    const auto given = collateral(good_collateral);
    if (!file || !given) return;
    test::campaign campaign{"attest.tdx_bits"};
    const auto used = file->expected.at("used_bytes").get<std::size_t>();
    REQUIRE(used < file->quote.size());
    const std::size_t bits = 8 * used;
    const std::uint64_t count = test::effort(bits / 8, bits);
    std::mt19937_64 random{campaign.seed()};
    // Most flips leave most signatures alone: those are checked once.
    known_signatures known;
    bytes quote = file->quote;
    const auto verified = [&] { return verify_tdx(quote, &*given, good_from, {}, &known); };
    REQUIRE(verified().steps.accepted());
    const std::size_t known_before = known.size();
    std::map<std::string_view, std::uint64_t> refused_at;
    for (std::uint64_t i = 0; i != count; ++i) {
      const auto bit = static_cast<std::size_t>(count == bits ? i : random() % bits);
      CAPTURE(bit);
      const std::byte flipped = std::byte{1} << (bit % 8);
      quote[bit / 8] ^= flipped;
      campaign.tried();
      const auto found = verified();
      CHECK_FALSE(found.steps.accepted());
      CHECK_FALSE(found.claims.has_value());
      // Without collateral as well.
      CHECK_FALSE(verify_tdx(quote, nullptr, good_from, {}, &known).steps.accepted());
      if (const auto failed = found.steps.failure()) {
        campaign.refused();
        ++refused_at[failed->name];
      }
      quote[bit / 8] ^= flipped;
    }
    CHECK(campaign.refusals() == count);
    CHECK(known.size() == known_before);
    CHECK(refused_at["chain"] > refused_at["quote_signature"]);
    CHECK(refused_at["quote_signature"] > 0);
    CHECK(refused_at["collateral"] == 0);

    // Unsigned: the rest of the kernel's buffer, of which nothing is said.
    for (std::size_t at = used; at != quote.size(); ++at) quote[at] = ~quote[at];
    CHECK(refusal_of(verified()) == "");
  }
}

}  // namespace
