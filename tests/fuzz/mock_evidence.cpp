// SPDX-License-Identifier: Apache-2.0
//
// Evidence is what a stranger sends: verifying never throws. Two readings of each input: as it
// is, which the signature stops, and signed with the published key, which gets past it.
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enfilade;
  const std::array<std::byte, 64> nobody{};
  const auto bytes = std::as_bytes(std::span{data, size});
  if (insecure::Mock::verify(bytes, nobody).has_value()) std::abort();

  Key<32> seed;
  std::memcpy(seed.fill().data(), "enfilade insecure mock test key!", 32);
  std::vector<std::byte> body(bytes.begin(), bytes.end());
  const auto signature = SigningKey{std::move(seed)}.sign(body);
  body.insert(body.end(), signature.begin(), signature.end());
  const auto found = insecure::Mock::verify(body, nobody);
  if (found.has_error()) return 0;
  if (found->values.empty() || found->values.size() > max_told_registers) std::abort();
  if (expectations::describe(*found).empty()) std::abort();
  return 0;
}
