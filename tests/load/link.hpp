// SPDX-License-Identifier: Apache-2.0
#pragma once

// The link that the load tests attack: no model behind it, only a door and an echo.

#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/transport/tcp.hpp>
#include <enfilade/wire/message.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace load {

using namespace enfilade;
using connection = Tcp::stream;
using sealed_link = enfilade::link<connection, AesGcm>;

/// The mock, with a verification that takes as long as one of a TEE: a chain of P-384 signatures.
struct Costly : insecure::Mock {
  using insecure::Mock::Mock;
  static constexpr std::chrono::milliseconds cost{5};
  static inline std::uint64_t verifications = 0;

  static judged<claims> verify(detail::byte_span evidence, report_data_view data,
                               const appraisal&) {
    ++verifications;
    const auto end = std::chrono::steady_clock::now() + cost;
    while (std::chrono::steady_clock::now() < end) {
    }
    return Mock::verify(evidence, data);
  }
};

/// Shows 32 KiB of nonsense and believes everything.
struct Lying : insecure::Mock {
  using insecure::Mock::Mock;

  result<std::vector<std::byte>> attest(report_data_view) const {
    return std::vector<std::byte>(std::size_t{32} << 10, std::byte{0x5A});
  }
};

static_assert(attester<Costly>);
static_assert(attester<Lying>);

/// As much of a deployment as a link needs.
template <class Attester>
struct one_link {
  using cipher = AesGcm;
  using attester = Attester;
  static std::array<std::byte, 32> plan_digest() {
    std::array<std::byte, 32> digest{};
    digest.fill(std::byte{'p'});
    return digest;
  }
};

inline registers who(std::string_view name) {
  std::array<std::byte, 4> value{};
  value.fill(static_cast<std::byte>(name.front()));
  registers told;
  told.emplace_back("binary", Measurement{value});
  return told;
}

/// The terms of an end that is `own` and expects `peer`, or anybody where that is empty.
template <class Attester>
link_terms<one_link<Attester>> terms(link_end end, std::string_view own, std::string_view peer,
                                     const link_limits& limits = {}) {
  expectations of_peer =
      peer.empty() ? expectations::anyone() : *expectations::pinned("mock", who(peer));
  return {end, 1, std::make_shared<const Attester>(who(own)), std::move(of_peer), limits};
}

/// A message of `size` bytes of text.
inline message_header text_of(std::size_t size) {
  message_header header;
  header.kind = message_kind::generate;
  header.dtype = message_dtype::u8;
  header.rank = 1;
  header.shape[0] = static_cast<std::uint32_t>(size);
  header.payload_size = size;
  return header;
}

}  // namespace load
