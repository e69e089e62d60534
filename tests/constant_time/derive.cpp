// SPDX-License-Identifier: Apache-2.0
//
// The key schedule of a link from the shared secret on: exporter, report data, ratchet, the keys of
// both directions, a rekey, and the comparison of confirmations.
#include "secret.hpp"

#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/wire/conversation.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <span>

namespace {

using namespace enfilade;
using detail::byte_span;

// One record there, opened by the peer: header and tag are public once they are on the way.
void passes_a_record(detail::direction<AesGcm>& from, detail::direction<AesGcm>& to,
                     byte_span text) {
  std::array<std::byte, record_prefix_size> prefix{};
  std::array<std::byte, confirm_size> body{};
  std::copy(text.begin(), text.end(), body.begin());
  from.seal(record_type::confirm, 0, body, prefix);
  test::require_secret(body, "the record is sealed under a secret");
  test::make_public(prefix);
  test::make_public(body);
  test::require(to.open(prefix, body), "the peer opens it");
  test::require_secret(body, "what was opened is secret");
  test::require(equal(body, text), "and is what was sealed");
}

}  // namespace

int main() {
  const AgreementKey key{test::secret_key<32>()};
  const AgreementKey peer_key{test::secret_key<32>(2)};
  std::array<std::byte, 32> public_key = key.public_key();
  std::array<std::byte, 32> peer_public_key = peer_key.public_key();
  test::make_public(public_key);
  test::make_public(peer_public_key);
  const std::array<std::byte, 32> receipt_key{};
  const std::array<std::byte, 100> evidence{std::byte{3}};

  detail::conversation<AesGcm> ours{link_end::upstream};
  detail::conversation<AesGcm> theirs{link_end::downstream};
  for (auto* side : {&ours, &theirs}) side->hear_hellos(public_key, peer_public_key);
  test::require(ours.agree(key, peer_public_key).has_value(), "we agree");
  test::require(theirs.agree(peer_key, public_key).has_value(), "so does the peer");
  test::require_secret(ours.report_data(link_end::upstream, receipt_key),
                       "the report data are bound to the secret");
  passes_a_record(*ours.sending, *theirs.receiving, std::span{evidence}.first<32>());

  for (auto* side : {&ours, &theirs}) {
    side->hear_evidence(link_end::upstream, evidence);
    side->hear_evidence(link_end::downstream, evidence);
    side->ratchet();
  }
  auto confirmation = ours.confirmation(link_end::upstream);
  test::make_secret(confirmation);  // as though an attacker had to find it byte by byte
  passes_a_record(*ours.sending, *theirs.receiving, confirmation);
  test::require(equal(confirmation, theirs.confirmation(link_end::upstream)), "it is confirmed");

  ours.sending->rekey(std::chrono::seconds{1});
  theirs.receiving->rekey(std::chrono::seconds{1});
  passes_a_record(*ours.sending, *theirs.receiving, std::span{evidence}.first<32>());
}
