// SPDX-License-Identifier: Apache-2.0
//
// Contract: a text that is read has blocks within its bounds, and, written once more in the one form
// with LF, is the text itself but for CRs and the last line end.
#include <enfilade/attest/x509/pem.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::string written(const std::vector<std::byte>& content) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string body;
  for (std::size_t i = 0; i < content.size(); i += 3) {
    unsigned bits = 0;
    const std::size_t count = std::min<std::size_t>(3, content.size() - i);
    for (std::size_t j = 0; j != 3; ++j)
      bits = bits << 8 | (j < count ? std::to_integer<unsigned>(content[i + j]) : 0U);
    for (std::size_t j = 0; j != 4; ++j)
      body += j <= count ? digits[bits >> (18 - 6 * j) & 63] : '=';
  }
  std::string out = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t i = 0; i < body.size(); i += 64) out += body.substr(i, 64) + "\n";
  return out + "-----END CERTIFICATE-----\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const std::string text{reinterpret_cast<const char*>(data), size};
  const auto read = read_pem(text, pem_label::certificate, 4);
  const auto list = read_pem(text, pem_label::revocation_list, 4);
  fuzz::require(!read || !list);  // one text has one label
  if (!read) {
    fuzz::require(read.error().code == errc::attest_malformed);
    fuzz::require(read.error().rule.starts_with("pem."));
    return 0;
  }
  fuzz::require(!read->empty() && read->size() <= 4);
  std::string again;
  for (const auto& block : *read) {
    fuzz::require(!block.empty());
    again += written(block);
  }
  std::string plain = text;
  std::erase(plain, '\r');
  if (!plain.ends_with('\n')) plain += '\n';
  fuzz::require(plain == again);
  return 0;
}
