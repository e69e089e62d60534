// SPDX-License-Identifier: Apache-2.0
//
// Contract: a text that is read has blocks within its bounds, and, written once more in the one form
// with LF, is the text itself but for CRs and the last line end.
#include <enfilade/attest/x509/pem.hpp>

#include "../support/pem_writer.hpp"
#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
    again += test::pem(block);
  }
  std::string plain = text;
  std::erase(plain, '\r');
  if (!plain.ends_with('\n')) plain += '\n';
  fuzz::require(plain == again);
  return 0;
}
