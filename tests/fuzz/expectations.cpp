// SPDX-License-Identifier: Apache-2.0
//
// An expectations file is written by an operator, perhaps from what a stranger sent: parsing never
// throws, and nothing it takes accepts a program without a pin unless it says "anyone". What was
// read and written is read again as the same.
#include <enfilade/attest/expectations_file.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  std::string complaint;
  const auto file = expectations_file::parse(text, &complaint);
  if (file.has_error()) {
    const bool known = file.error() == errc::attest_expectations_invalid ||
                       file.error() == errc::attest_expectations_empty;
    if (!known || complaint.empty()) std::abort();
    return 0;
  }
  const claims nothing{"mock", {}};
  claims debugged{"mock", {{"binary", Measurement{std::array<std::byte, 1>{}}}}};
  debugged.says("debug", true);
  debugged.tcb_status = "OutOfDate";
  const endorsements files;
  debugged.numbers = {{"vmpl", 3}};
  for (const char* role : {"client", "stage 0", "stage 1", "stage 999"}) {
    const auto wanted = file->role(role);
    if (wanted.has_error()) continue;
    if (wanted->check(nothing).has_value() && wanted->demand_evidence()) std::abort();
    if (!wanted->demand_evidence() && text.find("anyone") == text.npos &&
        text.find('\\') == text.npos)  // a letter may be written as an escape
      std::abort();
    const std::string entry = wanted->canonical();
    const auto again = expectations_file::parse(expectations_json({{role, entry}}));
    if (again.has_error() || again->role(role)->canonical() != entry) std::abort();
    const bool met = wanted->check(debugged).has_value();
    if (met != again->role(role)->check(debugged).has_value()) std::abort();
    if (met && wanted->demand_evidence() && !wanted->terms({}, files).allow_debug) std::abort();
  }
  return 0;
}
