// SPDX-License-Identifier: Apache-2.0
//
// Contract: every field of a quote that is read lies within the bytes, has its size, and together
// with the trailing bytes they leave no gap.
#include <enfilade/attest/tdx/tdx_quote.hpp>

#include "script.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const auto bytes = std::as_bytes(std::span{data, size});
  const auto read = read_tdx_quote(bytes);
  if (!read) {
    const errc code = read.error().code;
    fuzz::require(code == errc::attest_malformed || code == errc::attest_unsupported_format);
    fuzz::require(read.error().rule.starts_with("quote."));
    return 0;
  }
  const auto within = [&](detail::byte_span field, std::size_t wanted) {
    fuzz::require(field.size() == wanted);
    if (field.empty()) return;
    fuzz::require(field.data() >= bytes.data() &&
                  field.data() + field.size() <= bytes.data() + bytes.size());
  };
  fuzz::require(read->version == 4 || read->version == 5);
  const std::size_t body = read->is_tdx_15 ? 648 : 584;
  const std::size_t before = read->version == 4 ? 48 : 54;
  within(read->signed_part, before + body);
  within(read->tee_tcb_svn, 16);
  within(read->seam_attributes, 8);
  for (const auto& field : {read->mrseam, read->mrsignerseam, read->mrtd, read->mrconfigid,
                            read->mrowner, read->mrownerconfig, read->rtmrs[0], read->rtmrs[3]})
    within(field, 48);
  within(read->report_data, 64);
  within(read->tee_tcb_svn2, read->is_tdx_15 ? 16 : 0);
  within(read->mrservicetd, read->is_tdx_15 ? 48 : 0);
  within(read->signature, 64);
  within(read->attestation_key, 64);
  within(read->qe.whole, 384);
  within(read->qe.mrsigner, 32);
  within(read->qe.report_data, 64);
  within(read->qe_signature, 64);
  fuzz::require(read->qe_authentication.size() <= 1024);
  within(read->qe_authentication, read->qe_authentication.size());
  fuzz::require(read->certificates.size() <= 8192);
  within(detail::bytes_of(read->certificates), read->certificates.size());
  const std::size_t parts = before + body + 4 + 128 + 6 + 384 + 64 + 2 +
                            read->qe_authentication.size() + 6 + read->certificates.size() +
                            read->trailing_bytes;
  fuzz::require(size == parts || size == parts + 1);  // the zero behind the certificates
  return 0;
}
