// SPDX-License-Identifier: Apache-2.0
//
// Documents that real Nitro enclaves made between 2022 and 2025, and one that only looks like it:
// each verdict is that of expected.json beside them.
#include <enfilade/attest/cose/cbor.hpp>
#include <enfilade/attest/cose/cose.hpp>
#include <enfilade/attest/nitro/nitro_verifier.hpp>
#include <enfilade/cipher/hash.hpp>
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
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/campaign.hpp"
#include "support/test_data.hpp"

namespace {

using namespace enfilade;
using nlohmann::json;
using std::chrono::sys_seconds;
using bytes = std::vector<std::byte>;

/// A file of the test data and what is to be expected of it.
struct evidence_file {
  bytes document;
  json expected;

  std::string name() const { return expected.at("file"); }
  bool debug() const { return expected.at("debug_mode"); }
  /// The second in which it was made.
  sys_seconds made_at() const {
    return sys_seconds{
        std::chrono::seconds{expected.at("timestamp_ms").get<std::int64_t>() / 1000}};
  }
};

/// "2023-09-18T17:37:12+00:00"
sys_seconds time_of(const json& text) {
  const std::string s = text;
  const auto number = [&](std::size_t at, std::size_t size) {
    return std::stoi(s.substr(at, size));
  };
  const std::chrono::year_month_day day{std::chrono::year{number(0, 4)},
                                        std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                        std::chrono::day{static_cast<unsigned>(number(8, 2))}};
  return std::chrono::sys_days{day} + std::chrono::hours{number(11, 2)} +
         std::chrono::minutes{number(14, 2)} + std::chrono::seconds{number(17, 2)};
}

/// All eight, the impostor among them; none where there is no test data.
std::vector<evidence_file> all_evidence() {
  const auto data = test::data_directory("Nitro evidence");
  if (!data) return {};
  const std::filesystem::path folder = *data / "attestation" / "nitro";
  std::vector<evidence_file> all;
  for (const json& expected : json::parse(test::read_file(folder / "derived" / "expected.json"))) {
    const std::string text = test::read_file(folder / expected.at("file").get<std::string>());
    const auto content = detail::bytes_of(text);
    all.push_back({bytes(content.begin(), content.end()), expected});
  }
  REQUIRE(all.size() == 8);
  return all;
}

bool is_genuine(const evidence_file& file) {
  return file.expected.at("expect").get<std::string>().starts_with("COSE signature");
}

/// The seven that a Nitro hypervisor made.
std::vector<evidence_file> genuine_evidence() {
  std::vector<evidence_file> all = all_evidence();
  std::erase_if(all, [](const evidence_file& file) { return !is_genuine(file); });
  if (!all.empty()) REQUIRE(all.size() == 7);
  return all;
}

std::optional<evidence_file> the(std::string_view name) {
  for (evidence_file& file : all_evidence())
    if (file.name() == name) return std::move(file);
  return std::nullopt;
}

constexpr nitro_options debug_allowed{.allow_debug = true};

/// Where it was refused and why: "chain: chain.expired"; empty where it was accepted.
std::string refusal_of(const nitro_verification& found) {
  CHECK(found.claims.has_value() == found.steps.accepted());
  const auto failed = found.steps.failure();
  if (!failed) return "";
  return std::string{failed->name} + ": " + std::string{failed->reason};
}

void check_told(const std::optional<bytes>& told, const json& expected) {
  CHECK(told.has_value() == !expected.is_null());
  if (told) CHECK(detail::to_hex(*told) == expected.get<std::string>());
}

/// Checks signatures as `x509_signature_check` does, but each good one only once.
class known_good_signatures {
 public:
  judged<void> operator()(const x509_certificate& issuer, x509_algorithm algorithm,
                          detail::byte_span message, detail::byte_span signature) {
    const auto id = sha256(issuer.key_info(), message, signature);
    if (good_.contains(id)) return {};
    const auto checked = x509_signature_check{}(issuer, algorithm, message, signature);
    if (checked) good_.insert(id);
    return checked;
  }
  std::size_t size() const { return good_.size(); }

 private:
  std::set<std::array<std::byte, 32>> good_;
};

void append(bytes& out, detail::byte_span more) { out.insert(out.end(), more.begin(), more.end()); }

/// The document with `choose(key, value)` as the encoding of each of its fields, and the signature
/// that it had.
template <class Choose>
bytes rebuilt(const bytes& document, Choose choose) {
  const auto message = read_cose_sign1(document);
  REQUIRE(message.has_value());
  const auto fields = cbor_document::read(message->payload);
  REQUIRE(fields.has_value());
  bytes payload{std::byte{0xBF}};
  for (const auto& [key, value] : fields->root().entries()) {
    append(payload, key.encoding());
    append(payload, choose(*key.text(), value));
  }
  payload.push_back(std::byte{0xFF});
  bytes out = *detail::from_hex("8444a1013822a059");
  out.push_back(static_cast<std::byte>(payload.size() >> 8));
  out.push_back(static_cast<std::byte>(payload.size() & 0xFF));
  append(out, payload);
  append(out, *detail::from_hex("5860"));
  append(out, message->signature);
  return out;
}

bytes with_fields_of(const evidence_file& file, const evidence_file& other,
                     const std::vector<std::string_view>& names) {
  const auto theirs = cbor_document::read(read_cose_sign1(other.document)->payload);
  REQUIRE(theirs.has_value());
  return rebuilt(file.document, [&](std::string_view key, cbor_value value) {
    const bool of_other = std::ranges::find(names, key) != names.end();
    return of_other ? theirs->root().find(key)->encoding() : value.encoding();
  });
}

TEST_SUITE("conformance/nitro_evidence") {
  TEST_CASE("genuine documents are accepted at their own time and say what they say") {
    for (const evidence_file& file : genuine_evidence()) {
      CAPTURE(file.name());
      const json& expected = file.expected;
      const auto found = verify_nitro_at_its_own_time(file.document, debug_allowed);
      CHECK(refusal_of(found) == "");
      REQUIRE(found.claims.has_value());
      const nitro_claims& claims = *found.claims;
      CHECK(claims.module_id == expected.at("module_id").get<std::string>());
      CHECK(claims.made_at.time_since_epoch().count() ==
            expected.at("timestamp_ms").get<std::int64_t>());
      CHECK(claims.debug == file.debug());
      CHECK(claims.valid_until == time_of(expected.at("chain_not_after_min")));
      for (std::size_t i = 0; i != claims.pcrs.size(); ++i) {
        const std::string index = std::to_string(i);
        CHECK(claims.pcrs[i].hex() == expected.at("pcrs").value(index, ""));
      }
      CHECK(expected.at("pcrs").size() == 16);
      check_told(claims.public_key, expected.at("public_key"));
      check_told(claims.user_data, expected.at("user_data"));
      check_told(claims.nonce, expected.at("nonce"));
      CHECK(refusal_of(verify_nitro(file.document, file.made_at(), debug_allowed)) == "");
    }
  }

  TEST_CASE("what is looked at, in order") {
    const auto file = the("derived/dstack_2025.cose");
    if (!file) return;
    std::vector<std::string_view> names;
    const auto found = verify_nitro(file->document, file->made_at());
    for (const verdict_step& step : found.steps.steps()) {
      names.push_back(step.name);
      CHECK(step.outcome == (step.name == "age" ? step_outcome::skipped : step_outcome::passed));
    }
    CHECK(names == std::vector<std::string_view>{"size", "message", "document", "debug", "age",
                                                 "root", "chain", "signature"});
  }

  TEST_CASE("a tag before it changes nothing") {
    for (evidence_file& file : genuine_evidence()) {
      file.document.insert(file.document.begin(), std::byte{0xD2});
      CHECK(refusal_of(verify_nitro_at_its_own_time(file.document, debug_allowed)) == "");
    }
  }

  TEST_CASE("a document of an enclave in debug mode is refused unless it was asked for") {
    int refused = 0;
    for (const evidence_file& file : genuine_evidence()) {
      CAPTURE(file.name());
      const auto found = verify_nitro_at_its_own_time(file.document);
      CHECK(refusal_of(found) == (file.debug() ? "debug: nitro.debug" : ""));
      if (!file.debug()) continue;
      ++refused;
      CHECK(found.steps.failure()->code == errc::attest_debug_enabled);
      const auto allowed = verify_nitro_at_its_own_time(file.document, debug_allowed);
      CHECK(allowed.steps.find("debug")->outcome == step_outcome::skipped);
    }
    CHECK((refused == 4 || genuine_evidence().empty()));
  }

  TEST_CASE("all of them have expired") {
    const sys_seconds today = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21};
    for (const evidence_file& file : genuine_evidence()) {
      CAPTURE(file.name());
      const auto found = verify_nitro(file.document, today, debug_allowed);
      CHECK(refusal_of(found) == "chain: chain.expired");
      CHECK(found.steps.failure()->code == errc::attest_expired);
      CHECK(found.steps.find("signature")->outcome == step_outcome::skipped);
    }
  }

  TEST_CASE("a document is good in the first and in the last second of its certificates") {
    using namespace std::chrono_literals;
    for (const evidence_file& file : genuine_evidence()) {
      CAPTURE(file.name());
      const sys_seconds first = time_of(file.expected.at("chain_not_before_max"));
      const sys_seconds last = time_of(file.expected.at("chain_not_after_min"));
      const auto at = [&](sys_seconds when) {
        return refusal_of(verify_nitro(file.document, when, debug_allowed));
      };
      CHECK(at(last) == "");
      CHECK(at(last + 1s) == "chain: chain.expired");
      CHECK(at(first - 1s) == (file.made_at() - first > 299s ? "age: nitro.timestamp_in_the_future"
                                                             : "chain: chain.not_yet_valid"));
      // In evervault_ga_2023 the certificate is half an hour older than the document.
      CHECK(at(first) ==
            (file.made_at() - first > 299s ? "age: nitro.timestamp_in_the_future" : ""));
    }
  }

  TEST_CASE("a maximum age is kept to the second") {
    using namespace std::chrono_literals;
    const auto file = the("derived/blocky_2024.cose");
    if (!file) return;
    const auto at = [&](std::chrono::seconds age) {
      return verify_nitro(file->document, file->made_at() + age, {.max_age = 60s});
    };
    CHECK(refusal_of(at(60s)) == "");  // made in the middle of its second
    CHECK(at(60s).steps.find("age")->outcome == step_outcome::passed);
    CHECK(refusal_of(at(61s)) == "age: nitro.timestamp_old");
    CHECK(at(61s).steps.failure()->code == errc::attest_stale);
  }

  // Self-signed, made by somebody who had read AWS's text: it is refused for its form, before
  // anything of it is computed with.
  TEST_CASE("the impostor is refused, and once more for each fault that is mended") {
    const auto file = the("derived/blocky_selfsigned.cose");
    if (!file) return;
    CHECK_FALSE(is_genuine(*file));
    const sys_seconds when = sys_seconds{std::chrono::seconds{1713379906}};
    bytes document = file->document;
    CHECK(refusal_of(verify_nitro(document, when)) == "message: cose.unprotected_header");
    CHECK(refusal_of(verify_nitro_at_its_own_time(document)) == "message: cose.unprotected_header");
    document[6] = std::byte{0xA0};  // not signed, so it can be mended
    CHECK(refusal_of(verify_nitro(document, when)) == "document: nitro.cabundle");
    const auto failed = verify_nitro(document, when).steps.failure();
    REQUIRE(failed.has_value());
    CHECK(failed->code == errc::attest_malformed);
  }

  // All are AWS's certificates and AWS's documents; they only do not belong together.
  TEST_CASE("a document with the certificates of another is refused") {
    const std::vector<evidence_file> all = genuine_evidence();
    for (const evidence_file& file : all)
      for (const evidence_file& other : all) {
        if (file.name() == other.name()) continue;
        CAPTURE(file.name());
        CAPTURE(other.name());
        const auto at = [&](const bytes& document) {
          return refusal_of(verify_nitro(document, other.made_at(), debug_allowed));
        };
        const bool early = file.made_at() - other.made_at() > std::chrono::minutes{5};
        const std::string_view too_early = "age: nitro.timestamp_in_the_future";
        // The two of blocky come from one instance, half a minute apart.
        if (!file.name().starts_with("derived/blocky") ||
            !other.name().starts_with("derived/blocky")) {
          const std::string_view why = early ? too_early : "chain: chain.issuer_name";
          CHECK(at(with_fields_of(file, other, {"cabundle"})) == why);
          CHECK(at(with_fields_of(file, other, {"certificate"})) == why);
        }
        // A whole chain, valid at that time, to a key that signed something else.
        CHECK(at(with_fields_of(file, other, {"cabundle", "certificate"})) ==
              (early ? too_early : "signature: cose.not_signed_by_leaf"));
        CHECK(at(with_fields_of(file, other, {"cabundle", "certificate", "timestamp"})) ==
              "signature: cose.not_signed_by_leaf");
      }
  }

  TEST_CASE("a chain with a link missing leads nowhere") {
    const auto file = the("derived/evervault_beta_2022.cose");
    if (!file) return;
    const auto payload = cbor_document::read(read_cose_sign1(file->document)->payload);
    REQUIRE(payload.has_value());
    const cbor_value bundle = *payload->root().find("cabundle");
    for (std::size_t missing = 0; missing != bundle.size(); ++missing) {
      CAPTURE(missing);
      bytes shorter{static_cast<std::byte>(0x80 | (bundle.size() - 1))};
      std::size_t at = 0;
      for (const cbor_value certificate : bundle.elements())
        if (at++ != missing) append(shorter, certificate.encoding());
      const auto found = verify_nitro_at_its_own_time(
          rebuilt(file->document, [&](std::string_view key, cbor_value value) {
            return key == "cabundle" ? detail::byte_span{shorter} : value.encoding();
          }));
      CHECK(refusal_of(found) == (missing == 0 ? "root: nitro.root" : "chain: chain.issuer_name"));
      CHECK(found.steps.failure()->code == errc::attest_chain_invalid);
    }
  }

  TEST_CASE("every truncation is refused by name") {
    const auto file = the("derived/dstack_2025.cose");
    if (!file) return;
    for (std::size_t size = 0; size != file->document.size(); ++size) {
      CAPTURE(size);
      const auto found = verify_nitro_at_its_own_time(std::span{file->document}.first(size));
      CHECK(refusal_of(found) == (size == 0 ? "size: nitro.size" : "message: cbor.truncated"));
      CHECK(found.steps.failure()->code == errc::attest_malformed);
      CHECK(found.steps.steps().size() == 8);
    }
    bytes longer = file->document;
    longer.push_back(std::byte{0});
    CHECK(refusal_of(verify_nitro_at_its_own_time(longer)) == "message: cbor.trailing_bytes");
  }

  TEST_CASE("no bit of a document can be flipped") {
    const auto file = the("derived/dstack_2025.cose");
    if (!file) return;
    test::campaign campaign{"attest.nitro_bits"};
    const std::size_t bits = 8 * file->document.size();
    const std::uint64_t count = test::effort(bits / 8, bits);
    std::mt19937_64 random{campaign.seed()};
    // Most flips leave three of four certificates alone: their signatures are checked once.
    known_good_signatures known;
    bytes document = file->document;
    detail::nitro_verifier verifier{nitro_root_g1(), file->made_at(), {}};
    REQUIRE(verifier.verify(document, known).steps.accepted());
    REQUIRE(known.size() == 4);
    std::map<std::string_view, std::uint64_t> refused_at;
    for (std::uint64_t i = 0; i != count; ++i) {
      const auto bit = static_cast<std::size_t>(count == bits ? i : random() % bits);
      CAPTURE(bit);
      const std::byte flipped = std::byte{1} << (bit % 8);
      document[bit / 8] ^= flipped;
      campaign.tried();
      // At the time that the unchanged one names: the timestamp is among the bits.
      const auto found = verifier.verify(document, known);
      CHECK_FALSE(found.steps.accepted());
      CHECK_FALSE(found.claims.has_value());
      if (const auto failed = found.steps.failure()) {
        campaign.refused();
        ++refused_at[failed->name];
      }
      document[bit / 8] ^= flipped;
    }
    CHECK(campaign.refusals() == count);
    CHECK(known.size() == 4);
    CHECK(refused_at["chain"] > refused_at["signature"]);
    CHECK(refused_at["signature"] > 0);
  }

  // How evidence reaches a verifier in the field: in a file with what other software put around it.
  TEST_CASE("the message must stand alone") {
    const auto data = test::data_directory("Nitro evidence in an envelope");
    if (!data) return;
    const std::string text =
        test::read_file(*data / "attestation" / "nitro" / "dstack" / "nitro_attestation.bin");
    const auto found = verify_nitro_at_its_own_time(detail::bytes_of(text));
    CHECK(refusal_of(found) == "message: cbor.trailing_bytes");
  }
}

}  // namespace
