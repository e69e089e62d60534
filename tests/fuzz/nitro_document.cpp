// SPDX-License-Identifier: Apache-2.0
//
// Contract: every field of a document that is read lies within the bytes and within its bounds.
#include <enfilade/attest/nitro/nitro_document.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const auto payload = std::as_bytes(std::span{data, size});
  const auto read = read_nitro_document(payload);
  if (!read) {
    const std::string_view rule = read.error().rule;
    fuzz::require(read.error().code == errc::attest_malformed);
    fuzz::require(rule.starts_with("cbor.") || rule.starts_with("nitro."));
    return 0;
  }
  const auto within = [&](detail::byte_span field, std::size_t least, std::size_t most) {
    fuzz::require(field.size() >= least && field.size() <= most);
    if (field.empty()) return;
    fuzz::require(field.data() >= payload.data() &&
                  field.data() + field.size() <= payload.data() + payload.size());
  };
  within(detail::bytes_of(read->module_id), 1, 128);
  fuzz::require(std::ranges::all_of(read->module_id, [](char c) { return c > ' ' && c <= '~'; }));
  fuzz::require(read->timestamp_ms > 0 && read->timestamp_ms < 253'402'300'800'000);
  for (std::size_t i = 0; i != read->pcrs.size(); ++i)
    within(read->pcrs[i], i < 3 || !read->pcrs[i].empty() ? 48 : 0, 48);
  within(read->certificate, 1, 1024);
  fuzz::require(!read->cabundle().empty() && read->cabundle().size() <= 8);
  for (const detail::byte_span certificate : read->cabundle()) within(certificate, 1, 1024);
  if (read->public_key) within(*read->public_key, 1, 1024);
  for (const auto& told : {read->user_data, read->nonce})
    if (told) within(*told, 0, 1024);
  static_cast<void>(read->is_debug());
  return 0;
}
