// SPDX-License-Identifier: Apache-2.0
//
// Contract: every part of a report that is read lies within the bytes and has its size; what was read
// is the whole of the input but for zeros, and reading the signed part and the signature once more
// gives the same.
#include <enfilade/attest/nvidia/hopper_report.hpp>

#include "script.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const auto bytes = std::as_bytes(std::span{data, size});
  const auto read = read_hopper_report(bytes);
  if (!read) {
    fuzz::require(read.error().rule.starts_with("hopper."));
    fuzz::require(read.error().code == errc::attest_malformed ||
                  read.error().code == errc::attest_unsupported_format);
    return 0;
  }
  const auto within = [&](detail::byte_span part, std::size_t least, std::size_t most) {
    fuzz::require(part.size() >= least && part.size() <= most);
    if (part.empty()) return;
    fuzz::require(part.data() >= bytes.data() &&
                  part.data() + part.size() <= bytes.data() + bytes.size());
  };
  within(read->nonce, 32, 32);
  within(read->device_nonce, 32, 32);
  within(read->signature, 96, 96);
  within(read->fields, 1, 1024);
  fuzz::require(read->signed_part.data() == bytes.data());
  fuzz::require(read->signature.data() == bytes.data() + read->signed_part.size());
  const std::size_t end = read->signed_part.size() + 96;
  fuzz::require(
      std::ranges::all_of(bytes.subspan(end), [](std::byte b) { return b == std::byte{}; }));
  for (std::size_t i = 0; i != 66; ++i)
    within(read->measurement(i), 0, read->measurement(i).empty() ? 0 : 48);
  within(read->field(hopper_field::firmware_id).value(), 48, 48);
  within(detail::bytes_of(read->text(hopper_field::driver_version)), 1, 32);
  for (unsigned type = 0; type != 64; ++type) {
    within(read->field(static_cast<hopper_field>(type)).value_or(detail::byte_span{}), 0, 1020);
    within(detail::bytes_of(read->text(static_cast<hopper_field>(type))), 0, 1020);
  }
  fuzz::require(read->vbios_version().size() == 14);

  const auto again = read_hopper_report(bytes.first(end));
  fuzz::require(again.has_value() && again->values.back().data() == read->values.back().data());
  fuzz::require(!read_hopper_report(bytes.first(end - 1)));
  return 0;
}
