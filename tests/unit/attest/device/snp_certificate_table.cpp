// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/device/snp_certificate_table.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "support/fake_sev_guest.hpp"
#include "support/refusal_text.hpp"

namespace {

using namespace enfilade;
using test::bytes;
using test::certificate_table;

std::string answer(const bytes& table) {
  const auto read = read_snp_certificate_table(table);
  if (read) return "read";
  CHECK(read.error().code == errc::attest_malformed);
  return std::string{read.error().rule};
}

bytes filled(std::size_t size, unsigned fill) { return bytes(size, static_cast<std::byte>(fill)); }

bool is(detail::byte_span found, const bytes& wanted) { return std::ranges::equal(found, wanted); }

/// A table of one certificate, of which the entry says this.
bytes with_entry(std::uint32_t offset, std::uint32_t size) {
  bytes table = certificate_table({{detail::snp_vcek_guid, filled(100, 1)}});
  detail::store_le(table.data() + 16, offset);
  detail::store_le(table.data() + 20, size);
  return table;
}

TEST_SUITE("attest/snp_certificate_table") {
  TEST_CASE("the GUIDs are AMD's, in the order of their text") {
    const auto text = [](const detail::snp_guid& guid) {
      return detail::to_hex(std::as_bytes(std::span{guid}));
    };
    CHECK(text(detail::snp_vcek_guid) == "63da758de6644564adc5f4b93be8accd");
    CHECK(text(detail::snp_vlek_guid) == "a8074bc2a25a483eaae639c045a0b8a1");
    CHECK(text(detail::snp_ask_guid) == "4ab7b379bbac4fe4a02f05aef327c782");
    CHECK(text(detail::snp_ark_guid) ==
          "c0b406a4a80349529743"
          "3fb6014cd0ae");
    CHECK(text(detail::snp_crl_guid) == "92f81bc358114d3d97ffd19f88dc67ea");
  }

  TEST_CASE("each certificate is found by its GUID") {
    const bytes table = certificate_table({{detail::snp_ark_guid, filled(30, 1)},
                                           {detail::snp_crl_guid, filled(31, 2)},
                                           {detail::snp_vlek_guid, filled(32, 3)},
                                           {detail::snp_vcek_guid, filled(33, 4)},
                                           {detail::snp_ask_guid, filled(34, 5)}});
    const auto read = read_snp_certificate_table(table);
    REQUIRE(read.has_value());
    CHECK(is(read->ark, filled(30, 1)));
    CHECK(is(read->crl, filled(31, 2)));
    CHECK(is(read->vlek, filled(32, 3)));
    CHECK(is(read->vcek, filled(33, 4)));
    CHECK(is(read->ask, filled(34, 5)));
  }

  TEST_CASE("a host without certificates gives no bytes, or zeros") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{24}, std::size_t{16384}}) {
      const bytes zeros(size);
      const auto read = read_snp_certificate_table(zeros);
      REQUIRE(read.has_value());
      CHECK(read->vcek.empty());
      CHECK(read->ark.empty());
    }
  }

  TEST_CASE("kinds that nobody knows are passed over, within their bounds") {
    detail::snp_guid other{};
    other[0] = 1;
    bytes table = certificate_table({{other, filled(30, 1)}, {detail::snp_ask_guid, filled(9, 2)}});
    const auto read = read_snp_certificate_table(table);
    REQUIRE(read.has_value());
    CHECK(is(read->ask, filled(9, 2)));
    detail::store_le(table.data() + 20, std::uint32_t{1000});
    CHECK(answer(table) == "snp_certificates.bounds");
  }

  TEST_CASE("nothing lies beyond the table, nor wraps round to its beginning") {
    CHECK(answer(with_entry(48, 100)) == "read");
    CHECK(answer(with_entry(48, 101)) == "snp_certificates.bounds");
    CHECK(answer(with_entry(49, 100)) == "snp_certificates.bounds");
    CHECK(answer(with_entry(148, 1)) == "snp_certificates.bounds");
    CHECK(answer(with_entry(0xFFFFFFFF, 1)) == "snp_certificates.bounds");
    CHECK(answer(with_entry(0xFFFFFFF0, 0x30)) == "snp_certificates.bounds");
    CHECK(answer(with_entry(48, 0xFFFFFFFF)) == "snp_certificates.bounds");
    CHECK(answer(with_entry(0x80000000, 0x80000000)) == "snp_certificates.bounds");
  }

  TEST_CASE("nothing lies in the entries, and nothing is empty") {
    CHECK(answer(with_entry(0, 48)) == "snp_certificates.offset");
    CHECK(answer(with_entry(23, 10)) == "snp_certificates.offset");
    CHECK(answer(with_entry(48, 0)) == "snp_certificates.empty");
    CHECK(answer(with_entry(0, 0)) == "snp_certificates.empty");
  }

  TEST_CASE("one certificate of a kind") {
    CHECK(answer(certificate_table(
              {{detail::snp_ask_guid, filled(3, 1)}, {detail::snp_ask_guid, filled(3, 1)}})) ==
          "snp_certificates.twice");
  }

  TEST_CASE("a table has an end, and is not too long") {
    CHECK(answer(bytes(23)) == "snp_certificates.no_end");
    bytes endless = certificate_table({{detail::snp_ask_guid, filled(24, 1)}});
    endless.erase(endless.begin() + 24, endless.begin() + 48);
    detail::store_le(endless.data() + 16, std::uint32_t{24});
    // The certificate itself now stands where the next entry would be.
    CHECK(answer(endless) == "snp_certificates.bounds");
    endless.resize(24);
    detail::store_le(endless.data() + 16, std::uint32_t{23});
    detail::store_le(endless.data() + 20, std::uint32_t{1});
    CHECK(answer(endless) == "snp_certificates.offset");
    CHECK(answer(bytes(64 * 1024)) == "read");
    CHECK(answer(bytes(64 * 1024 + 1)) == "snp_certificates.size");

    std::vector<std::pair<detail::snp_guid, bytes>> many;
    for (unsigned i = 0; i != 31; ++i) {
      detail::snp_guid other{};
      other[15] = static_cast<unsigned char>(i + 1);
      many.emplace_back(other, filled(1, 1));
    }
    CHECK(answer(certificate_table(many)) == "read");
    many.push_back(many.back());
    CHECK(answer(certificate_table(many)) == "snp_certificates.too_many");
  }
}

}  // namespace
