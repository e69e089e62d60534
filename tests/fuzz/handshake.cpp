// SPDX-License-Identifier: Apache-2.0
//
// Contract: a peer that says anything at all brings neither end to `done`, never has more than
// 64 KiB read or allocated for it, and always gets a refusal with a reason.
//
// The first byte chooses the end, what it sends and demands, and how much of the peer's work the
// fuzzer is given: with bit 4 the bytes are sealed as the genuine peer would, so that they reach the
// decoder of evidence behind the keys; else they are the stream itself.
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/wire/handshake.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace {

using namespace enfilade;
using action = handshake_step::action;

handshake_parameters parameters(link_end end, bool sends, bool demands) {
  handshake_parameters p;
  p.end = end;
  p.sends_evidence = sends;
  p.demands_evidence = demands;
  return p;
}

template <cipher C>
handshake<C> end_of(const handshake_parameters& p) {
  std::array<std::byte, 32> secret{};
  secret.fill(static_cast<std::byte>(p.end));
  return handshake<C>{p, Key<32>{secret}, secret};
}

// Feeds `stream` to the end until it stops or wants more than there is.
template <cipher C>
void feed(handshake<C>& end, handshake_step& step, std::span<const std::byte>& stream) {
  for (int steps = 0;; ++steps) {
    if (steps > 32) std::abort();  // a handshake is short
    switch (step.what) {
      case action::read:
        if (step.input.size() > max_evidence_body) std::abort();
        if (stream.size() < step.input.size()) return;
        std::ranges::copy(stream.first(step.input.size()), step.input.begin());
        stream = stream.subspan(step.input.size());
        break;
      case action::attest:
        end.provide(7, std::array<std::byte, 3>{});
        break;
      case action::verify:
        end.refuse(errc::attest_bad_signature);
        break;
      case action::write:
        break;
      case action::failed:
        if (!step.error) std::abort();
        return;
      case action::done:
        std::abort();
    }
    step = end.next();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  std::span<const std::byte> rest = std::as_bytes(std::span{data, size}.subspan(1));
  const link_end own = (choice & 1) != 0 ? link_end::upstream : link_end::downstream;
  const bool sends = (choice & 2) != 0;
  const bool demands = (choice & 4) != 0;
  auto end = end_of<AesGcm>(parameters(own, sends, demands));
  handshake_step step = end.next();

  std::vector<std::byte> stream;
  if ((choice & 16) == 0) {
    stream.assign(rest.begin(), rest.end());
  } else {
    // The genuine peer's hello, then the fuzzer's evidence body under the genuine keys.
    hello peer;
    std::array<std::byte, 32> secret{};
    secret.fill(static_cast<std::byte>(opposite(own)));
    const AgreementKey key{Key<32>{secret}};
    peer.suite = AesGcm::suite;
    peer.end = opposite(own);
    peer.sends_evidence = demands || (choice & 8) != 0;
    peer.demands_evidence = sends;
    peer.public_key = key.public_key();
    const auto record = hello_record(peer);
    stream.assign(record.begin(), record.end());

    hello mine;
    mine.suite = AesGcm::suite;
    mine.end = own;
    mine.sends_evidence = sends;
    mine.demands_evidence = demands;
    secret.fill(static_cast<std::byte>(own));
    mine.public_key = AgreementKey{Key<32>{secret}}.public_key();
    mine.nonce.fill(static_cast<std::byte>(own));
    const auto own_record = hello_record(mine);
    const auto up = std::span{own == link_end::upstream ? own_record : record}.last<hello_size>();
    const auto down = std::span{own == link_end::upstream ? record : own_record}.last<hello_size>();
    detail::conversation<AesGcm> talk{opposite(own)};
    talk.hear_hellos(up, down);
    if (!talk.agree(key, mine.public_key)) std::abort();
    if (rest.size() <= max_evidence_body && rest.size() >= evidence_header_size) {
      std::vector<std::byte> body(rest.begin(), rest.end());
      std::array<std::byte, record_prefix_size> prefix{};
      talk.sending->seal(record_type::evidence, 0, body, prefix);
      stream.insert(stream.end(), prefix.begin(), prefix.end());
      stream.insert(stream.end(), body.begin(), body.end());
    }
  }

  std::span<const std::byte> left{stream};
  feed(end, step, left);
  if (step.what == action::read) {
    end.end_of_stream();
    if (end.next().error != errc::frame_truncated) std::abort();
  }
  return 0;
}
