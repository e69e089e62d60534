// SPDX-License-Identifier: Apache-2.0
#include <enfilade/attest/x509/pem.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/tdx_maker.hpp"

namespace {

using namespace enfilade;
using test::bytes;

std::string block(const std::string& body) {
  return "-----BEGIN CERTIFICATE-----\n" + body + "-----END CERTIFICATE-----\n";
}

/// The rule that the text breaks; "read" where it breaks none.
std::string_view rule(std::string_view text, std::size_t most = max_pem_blocks) {
  const auto read = read_pem(text, pem_label::certificate, most);
  if (read) return "read";
  CHECK(read.error().code == errc::attest_malformed);
  return read.error().rule;
}
std::string_view rule_of_body(const std::string& body) { return rule(block(body)); }

TEST_SUITE("attest/pem") {
  TEST_CASE("blocks of every length are read as they were written") {
    for (std::size_t size = 1; size != 200; ++size) {
      bytes content;
      for (std::size_t i = 0; i != size; ++i) content.push_back(static_cast<std::byte>(37 * i));
      const auto read = read_pem(test::pem(content), pem_label::certificate);
      REQUIRE(read.has_value());
      REQUIRE(read->size() == 1);
      CHECK(read->front() == content);
    }
  }

  TEST_CASE("several blocks come in their order") {
    const std::string text = test::pem(bytes(70, std::byte{1})) + test::pem(bytes(3, std::byte{2}));
    const auto read = read_pem(text, pem_label::certificate);
    REQUIRE(read.has_value());
    CHECK(*read == std::vector<bytes>{bytes(70, std::byte{1}), bytes(3, std::byte{2})});
  }

  TEST_CASE("the label is the one that was asked for") {
    const std::string list = test::pem(bytes(9), "X509 CRL");
    CHECK(read_pem(list, pem_label::revocation_list).has_value());
    CHECK(rule(list) == "pem.begin");
    CHECK(rule(test::pem(bytes(9), "TRUSTED CERTIFICATE")) == "pem.begin");
    CHECK(rule("-----BEGIN CERTIFICATE-----\nAAAA\n-----END X509 CRL-----\n") == "pem.line");
  }

  TEST_CASE("lines end in LF or in CR LF, the last in nothing") {
    std::string text = test::pem(bytes(70));
    CHECK(rule(text.substr(0, text.size() - 1)) == "read");
    for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 2))
      text.insert(at, "\r");
    CHECK(rule(text) == "read");
    CHECK(rule(block("AAA\r")) == "pem.line");
  }

  TEST_CASE("nothing stands around the blocks") {
    const std::string good = block("AAAA\n");
    CHECK(rule(good) == "read");
    CHECK(rule("") == "pem.empty");
    CHECK(rule("subject=x\n" + good) == "pem.begin");
    CHECK(rule("\n" + good) == "pem.begin");
    CHECK(rule(good + "\n") == "pem.begin");
    CHECK(rule(good + '\0') == "pem.begin");
    CHECK(rule(" " + good) == "pem.begin");
  }

  TEST_CASE("every truncation is refused or ends behind a block") {
    const std::string text = test::pem(bytes(70)) + test::pem(bytes(5));
    const std::size_t first = test::pem(bytes(70)).size();
    for (std::size_t size = 0; size != text.size(); ++size) {
      CAPTURE(size);
      const bool whole = size == first || size == first - 1 || size == text.size() - 1;
      CHECK((rule(std::string_view{text}.substr(0, size)) == "read") == whole);
    }
    CHECK(rule("-----BEGIN CERTIFICATE-----\nAAAA\n") == "pem.no_end");
    CHECK(rule("-----BEGIN CERTIFICATE-----") == "pem.no_end");
  }

  TEST_CASE("lines have 64 characters, the last of a block 4 to 64") {
    const std::string full(64, 'A');
    CHECK(rule_of_body(full + "\n" + full + "\n") == "read");
    CHECK(rule_of_body(full + "\nAAAA\n") == "read");
    CHECK(rule_of_body("AAAA\nAAAA\n") == "pem.line");
    CHECK(rule_of_body("AAAA\n" + full + "\n") == "pem.line");
    CHECK(rule_of_body(full + "AAAA\n") == "pem.line");
    CHECK(rule_of_body("AAAAA\n") == "pem.line");
    CHECK(rule_of_body("AA\n") == "pem.line");
    CHECK(rule_of_body("\nAAAA\n") == "pem.line");
    CHECK(rule_of_body(std::string(62, 'A') + "==\nAAAA\n") == "pem.line");
    CHECK(rule_of_body("") == "pem.no_content");
  }

  TEST_CASE("only the alphabet of base64 is read") {
    CHECK(rule_of_body("ab+/\n") == "read");
    for (const char* body : {"ab-_\n", "ab c\n", "ab\tc\n", "Proc\xC3\xBC\n\n"})
      CHECK(rule_of_body(body) != "read");
    CHECK(rule_of_body("ab-_\n") == "pem.character");
    CHECK(rule_of_body("ab c\n") == "pem.character");
  }

  TEST_CASE("the end is filled up in one way") {
    CHECK(rule_of_body("AA==\n") == "read");
    CHECK(rule_of_body("AAA=\n") == "read");
    for (const char* body :
         {"A===\n", "====\n", "AA=A\n", "AA==AAAA\n", "=AAA\n", "AB==\n", "AAB=\n", "AA=\n\n"})
      CHECK(rule_of_body(body) != "read");
    CHECK(rule_of_body("A===\n") == "pem.padding");
    CHECK(rule_of_body("AA==AAAA\n") == "pem.padding");
    CHECK(rule_of_body("AB==\n") == "pem.padding");  // bits that belong to no byte
    CHECK(rule_of_body("AAB=\n") == "pem.padding");
  }

  TEST_CASE("there are at most 8 blocks, or as many as asked for, and 512 KiB") {
    std::string text;
    for (int i = 0; i != 8; ++i) text += block("AAAA\n");
    CHECK(rule(text) == "read");
    CHECK(rule(text, 7) == "pem.too_many_blocks");
    CHECK(rule(text + block("AAAA\n")) == "pem.too_many_blocks");
    CHECK(rule(std::string(max_pem_size + 1, 'A')) == "pem.too_long");
    CHECK(rule(std::string(max_pem_size, 'A')) == "pem.begin");
  }
}

}  // namespace
