// SPDX-License-Identifier: Apache-2.0
//
// Addresses come from a command line or a configuration: parsing never throws, and what it takes
// is written back byte for byte, so that a log shows the address that was meant.
#include <enfilade/transport/loopback.hpp>
#include <enfilade/transport/tcp.hpp>
#include <enfilade/transport/unix.hpp>
#include <enfilade/transport/vsock.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

template <enfilade::transport T>
void parse(std::string_view text) {
  const auto parsed = T::parse(text);
  if (parsed.has_error()) {
    if (parsed.error() != enfilade::errc::transport_address_invalid) std::abort();
    return;
  }
  if (T::format(*parsed) != text || text.size() > 300) std::abort();
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  parse<enfilade::Tcp>(text);
  parse<enfilade::Unix>(text);
  parse<enfilade::Vsock>(text);
  parse<enfilade::Loopback>(text);
  return 0;
}
