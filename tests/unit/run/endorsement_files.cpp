// SPDX-License-Identifier: Apache-2.0
#include <enfilade/run/endorsement_files.hpp>

#include <enfilade/attest/any_of.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/attest/nitro/nitro.hpp>
#include <enfilade/attest/snp/snp.hpp>
#include <enfilade/attest/tdx/tdx.hpp>

#include "support/failure_of.hpp"
#include "support/random_model.hpp"
#include "support/test_authority.hpp"
#include "support/test_data.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace enfilade;
using test::bytes;
using test::failure_of;

std::string base64(const bytes& from) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < from.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t n = 0; n != 3; ++n)
      group = group << 8 | (i + n < from.size() ? std::to_integer<unsigned>(from[i + n]) : 0U);
    for (std::size_t n = 0; n != 4; ++n)
      text += i + n <= from.size() ? digits[(group >> (18 - 6 * n)) & 63] : '=';
  }
  return text;
}

std::string pem(std::string_view label, const bytes& der) {
  const std::string name{label};
  std::string text = "-----BEGIN " + name + "-----\n";
  const std::string all = base64(der);
  for (std::size_t i = 0; i < all.size(); i += 64) text += all.substr(i, 64) + '\n';
  return text + "-----END " + name + "-----\n";
}

std::string raw(const bytes& der) {
  return {reinterpret_cast<const char*>(der.data()), der.size()};
}

/// A directory with files of a test authority.
struct operators_files : test::temporary_directory {
  operators_files() {
    test::certificate_fields leaf;
    leaf.key_info = key.key_info();
    certificate = leaf.signed_by(key);
    list = test::crl_fields{}.signed_by(key);
  }
  std::string write(std::string_view name, const std::string& content) const {
    const auto at = path() / name;
    test::write_file(at, content);
    return at.string();
  }
  failure_of refused(const std::string& content) const {
    const std::string at = write("wrong", content);
    return failure_of([&] { load_endorsements({at}, std::nullopt); });
  }

  test::signing_key key;
  bytes certificate;
  bytes list;
};

TEST_SUITE("run/endorsement_files") {
  TEST_CASE("certificates and lists, in PEM and in DER: their content says what they are") {
    const operators_files own;
    const std::vector<std::string> files{
        own.write("1", raw(own.certificate)), own.write("2", pem("X509 CRL", own.list)),
        own.write("3", pem("CERTIFICATE", own.certificate) + pem("CERTIFICATE", own.certificate)),
        own.write("4", raw(own.list))};
    const endorsements given = load_endorsements(files, std::nullopt);
    CHECK(given.certificates == std::vector<bytes>(3, own.certificate));
    CHECK(given.revocation_lists == std::vector<bytes>(2, own.list));
    CHECK(given.tdx_collateral.empty());
  }

  TEST_CASE("no file is no endorsement") {
    const endorsements none = load_endorsements({}, std::nullopt);
    CHECK(none.certificates.empty());
    CHECK(none.revocation_lists.empty());
    CHECK(none.tdx_collateral.empty());
  }

  TEST_CASE("a file that is none of these is refused, and named with the rule") {
    const operators_files own;
    const auto says = [&own](const failure_of& why, errc code, const std::string& rule) {
      CHECK(why.code == code);
      CHECK(why.where == (own.path() / "wrong").string() + ": " + rule);
    };
    says(own.refused("hello"), errc::attest_malformed, "der.unexpected_element");
    says(own.refused(""), errc::attest_malformed, "der.unexpected_element");
    says(own.refused("-----BEGIN PRIVATE KEY-----\n"), errc::attest_malformed, "pem.begin");
    says(own.refused(pem("CERTIFICATE", own.certificate) + pem("X509 CRL", own.list)),
         errc::attest_malformed, "pem.begin");
    says(own.refused(raw(own.certificate) + "x"), errc::attest_malformed, "x509.trailing_bytes");
    says(own.refused(pem("CERTIFICATE", bytes(8))), errc::attest_malformed,
         "der.unexpected_element");
    test::certificate_fields old;
    old.version = test::hex("a003020101");
    old.key_info = own.key.key_info();
    says(own.refused(raw(old.signed_by(own.key))), errc::attest_unsupported_format, "x509.version");
    test::crl_fields older;
    older.version = test::integer(0);
    says(own.refused(raw(older.signed_by(own.key))), errc::attest_unsupported_format,
         "crl.version");
  }

  TEST_CASE("a file that cannot be read is named") {
    const operators_files own;
    for (const std::string& path : {own.path().string(), (own.path() / "none").string()}) {
      const failure_of missing([&] { load_endorsements({path}, std::nullopt); });
      CHECK(missing.code == errc::usage);
      CHECK(missing.where == path + ": cannot be read");
      const failure_of collateral([&] { load_endorsements({}, path); });
      CHECK(collateral.code == errc::usage);
      CHECK(collateral.where == path + ": cannot be read");
    }
  }

  TEST_CASE("1 MiB is read and not a byte more, whatever it may be") {
    const operators_files own;
    CHECK(own.refused(std::string(max_endorsement_file, 'x')).says(": der.unexpected_element"));
    const failure_of longer = own.refused(std::string(max_endorsement_file + 1, 'x'));
    CHECK(longer.code == errc::attest_malformed);
    CHECK(longer.says(": longer than 1 MiB"));
  }

  TEST_CASE("so many certificates and lists together, and no more") {
    const operators_files own;
    const std::string one = own.write("certificate", raw(own.certificate));
    std::vector<std::string> files(max_endorsement_count - 1, one);
    files.push_back(own.write("list", raw(own.list)));
    CHECK(load_endorsements(files, std::nullopt).certificates.size() == max_endorsement_count - 1);
    files.push_back(one);
    const failure_of more([&] { load_endorsements(files, std::nullopt); });
    CHECK(more.code == errc::attest_malformed);
    CHECK(more.where == one + ": endorsements.too_many");
  }

  TEST_CASE("collateral that cannot be read as such is refused at once, not with the first peer") {
    const operators_files own;
    for (const char* text : {"", "{}", "[]", "{\"tcb_info\": 1}"}) {
      CAPTURE(text);
      const std::string at = own.write("collateral.json", text);
      const failure_of wrong([&] { load_endorsements({}, at); });
      CHECK(wrong.code == errc::attest_malformed);
      CHECK(wrong.where.starts_with(at + ": collateral."));
    }
  }

  TEST_CASE("the files of AMD's and Intel's servers are read as they come") {
    const auto data = test::data_directory("operators' files");
    if (!data) return;
    const auto amd = *data / "attestation" / "sev-snp";
    const endorsements given = load_endorsements(
        {amd / "derived" / "virtee_milan_v2.vcek.der", amd / "amd-roots" / "ask_ark_milan.pem",
         amd / "derived" / "ark_milan.crl.der"},
        *data / "attestation" / "tdx" / "dcap-qvl" / "tdx_quote_collateral.json");
    CHECK(given.certificates.size() == 3);
    CHECK(given.revocation_lists.size() == 1);
    CHECK(read_tdx_collateral(given.tdx_collateral).has_value());
  }
}

struct Endorsed : insecure::Mock {
  static constexpr bool takes_endorsements = true;
};
struct Proud : insecure::Mock {
  static constexpr bool takes_endorsements = false;
};
static_assert(takes_endorsements<Endorsed>);
static_assert(!takes_endorsements<Proud> && !takes_endorsements<insecure::Mock>);
static_assert(takes_endorsements<SevSnp> && takes_endorsements<Tdx>);
static_assert(!takes_endorsements<Nitro>, "its documents bring all certificates that they need");
static_assert(takes_endorsements<AnyOf<Nitro, SevSnp>> && !takes_endorsements<AnyOf<Nitro>>);

TEST_SUITE("run/endorsement_files, options") {
  TEST_CASE("only a deployment that can use such files has options for them") {
    CHECK(endorsement_options<insecure::Mock>().empty());
    const std::vector<option> known = endorsement_options<Endorsed>();
    REQUIRE(known.size() == 2);
    CHECK(known[0].name == "--certs");
    CHECK(known[0].repeated);
    CHECK(known[1].name == "--collateral");
    CHECK_FALSE(known[1].repeated);
  }

  TEST_CASE("what the command line names is loaded") {
    const operators_files own;
    const std::string one = own.write("certificate", raw(own.certificate));
    const std::string two = own.write("list", raw(own.list));
    const char* argv[] = {"stage", "--certs", one.c_str(), "--certs", two.c_str()};
    const options given{5, argv, endorsement_options<Endorsed>()};
    const endorsements found = endorsements_from<Endorsed>(given);
    CHECK(found.certificates.size() == 1);
    CHECK(found.revocation_lists.size() == 1);
    const options none{1, argv, {}};
    CHECK(endorsements_from<insecure::Mock>(none).certificates.empty());
  }
}

}  // namespace
