// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/snp/snp_selection.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/refusal_text.hpp"
#include "support/snp_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::snp_maker;

bool has(const std::vector<detail::byte_span>& chosen, const bytes& der) {
  return std::ranges::any_of(chosen, [&](auto one) { return std::ranges::equal(one, der); });
}

/// A report, and what lies around.
struct choice {
  snp_maker maker;
  bytes document = maker.document();
  std::vector<bytes> shown;
  endorsements files;

  const bytes& key() const { return maker.certificates[0]; }
  const bytes& issuer() const { return maker.certificates[1]; }

  judged<snp_selection> select() const {
    const std::vector<detail::byte_span> views(shown.begin(), shown.end());
    return select_snp_endorsements(*read_snp_report(document), views, &files);
  }
};

TEST_SUITE("attest/snp_selection") {
  TEST_CASE_FIXTURE(choice, "of an operator's certificates those of the report are chosen") {
    snp_maker genoa{"Genoa"};
    snp_maker neighbour;
    neighbour.extensions.set("04", bytes(64, std::byte{0xC2}));
    neighbour.issue();
    snp_maker newer;
    newer.extensions.set("0308", test::integer(220));
    newer.issue();
    snp_maker lent{"Milan", true};
    for (const snp_maker* other : {&genoa, &neighbour, &newer, &lent})
      for (const bytes& der : {other->certificates[0], other->root()})
        files.certificates.push_back(der);
    files.certificates.push_back(genoa.certificates[1]);
    CHECK(select()->certificates.empty());
    files.certificates.push_back(key());
    CHECK(select()->certificates.size() == 1);
    CHECK(has(select()->certificates, key()));
    files.certificates.push_back(issuer());
    CHECK(select()->certificates.size() == 2);
    CHECK(has(select()->certificates, issuer()));
  }

  TEST_CASE("a VLEK is chosen by its product and its state") {
    choice vlek;
    vlek.maker = snp_maker{"Genoa", true};
    vlek.document = vlek.maker.document();
    vlek.files.certificates = {snp_maker{"Milan", true}.certificates[0],
                               snp_maker{"Genoa"}.certificates[0], vlek.key(), vlek.issuer()};
    CHECK(vlek.select()->certificates.size() == 2);
    CHECK(has(vlek.select()->certificates, vlek.key()));
    CHECK(has(vlek.select()->certificates, vlek.issuer()));
  }

  TEST_CASE_FIXTURE(choice, "a machine that masks its id is found by its state") {
    maker.report.fill(0x1A0, 64, 0);
    document = maker.document();
    files.certificates = {key(), issuer()};
    CHECK(select()->certificates.size() == 2);
  }

  TEST_CASE_FIXTURE(choice, "what the peer shows is taken where the operator has nothing") {
    shown = {key(), issuer(), maker.root()};
    CHECK(select()->certificates.size() == 3);
    CHECK(has(select()->certificates, maker.root()));
    const snp_maker other;
    files.certificates = {other.certificates[1]};  // an issuer of the same name
    CHECK_FALSE(has(select()->certificates, issuer()));
    CHECK(has(select()->certificates, other.certificates[1]));
  }

  TEST_CASE_FIXTURE(choice, "a wrong key that was shown stays, so that the difference is named") {
    snp_maker other;
    other.extensions.set("0308", test::integer(220));
    other.issue();
    shown = {other.certificates[0], other.certificates[1]};
    CHECK(has(select()->certificates, other.certificates[0]));
    shown.push_back(key());
    CHECK_FALSE(has(select()->certificates, other.certificates[0]));
    CHECK(has(select()->certificates, key()));
  }

  TEST_CASE_FIXTURE(choice, "of lists those of the issuer and of its root are chosen") {
    const snp_maker genoa{"Genoa"};
    files.certificates = {key(), issuer()};
    files.revocation_lists = {genoa.list(), maker.list(), genoa.list_of_issuer(),
                              maker.list_of_issuer()};
    CHECK(select()->revocation_lists.size() == 2);
    CHECK(has(select()->revocation_lists, files.revocation_lists[1]));
    CHECK(has(select()->revocation_lists, files.revocation_lists[3]));
    files.revocation_lists.push_back(bytes(9));
    CHECK_MESSAGE(select()->revocation_lists.size() == 3, "the verifier shall refuse it");
  }

  TEST_CASE_FIXTURE(choice, "a certificate that cannot be read is refused, whosoever it is") {
    shown = {key(), bytes(9)};
    CHECK(select().error().code == errc::attest_malformed);
    shown.pop_back();
    CHECK(select().has_value());
    files.certificates = {bytes(9)};
    CHECK(select().error().code == errc::attest_malformed);
  }
}

}  // namespace
