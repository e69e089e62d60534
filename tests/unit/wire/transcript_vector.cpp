// SPDX-License-Identifier: Apache-2.0
//
// Whole links, from fixed keys and nonces to the authenticated close, compared byte for byte with
// tests/vectors/efl1_transcript.json. tests/python/efl1_peer.py computes the same file anew from
// docs/design/wire_format.md, so the vector is not merely what this code happens to do.
//
// ENFILADE_WRITE_VECTORS=1 writes the file instead; review the difference before you keep it.
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/agree.hpp>
#include <enfilade/cipher/chacha_poly.hpp>
#include <enfilade/wire/handshake.hpp>
#include <enfilade/wire/message.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "two_ends.hpp"

namespace {

using namespace enfilade;
using nlohmann::ordered_json;
using test::bytes;
using test::end_setup;

template <class Bytes>
std::string hex(const Bytes& b) {
  return detail::to_hex(b);
}

// A session's end that writes down what it seals.
template <cipher C>
class scribe {
 public:
  scribe(ordered_json& records, const char* from, session<C> own)
      : records_(records), from_(from), session_(std::move(own)) {}

  void send(scribe& to, record_type type, bytes body = {}, std::uint8_t flags = 0) {
    std::array<std::byte, record_prefix_size> prefix{};
    const bytes plain = body;
    REQUIRE_FALSE(session_.seal(type, flags, body, prefix).has_error());
    bytes record(prefix.begin(), prefix.end());
    record.insert(record.end(), body.begin(), body.end());
    records_.push_back({{"from", from_},
                        {"type", static_cast<int>(type)},
                        {"flags", flags},
                        {"body", hex(plain)},
                        {"record", hex(record)}});
    REQUIRE_FALSE(to.session_.open(prefix, body).has_error());
    CHECK(body == plain);
  }

 private:
  ordered_json& records_;
  const char* from_;
  session<C> session_;
};

bytes message_bytes(const message_header& header, std::string_view payload = {}) {
  bytes out(message_header_size + payload.size());
  encode(header, std::span{out}.first<message_header_size>());
  std::ranges::copy(detail::bytes_of(payload), out.begin() + message_header_size);
  return out;
}

message_header header_of(message_kind kind, std::string_view text = {}) {
  message_header h;
  h.kind = kind;
  h.request = 1;
  h.payload_size = text.size();
  if (!text.empty()) {
    h.dtype = message_dtype::u8;
    h.rank = 1;
    h.shape[0] = static_cast<std::uint32_t>(text.size());
  }
  return h;
}

ordered_json keys_of(const Key<32>& secret, link_end sender) {
  const Key<32> direction = detail::direction_secret(secret, sender);
  const Key<44> traffic = detail::traffic_key(direction);
  return {{"secret", hex(direction.view())},
          {"key", hex(traffic.view().first(32))},
          {"iv", hex(traffic.view().last(12))}};
}

ordered_json end_of(const end_setup& setup, const hello& said, std::byte secret) {
  return {{"secret", hex(bytes(32, secret))},
          {"nonce", hex(said.nonce)},
          {"public_key", hex(said.public_key)},
          {"sends_evidence", setup.parameters.sends_evidence},
          {"demands_evidence", setup.parameters.demands_evidence},
          {"format", setup.parameters.sends_evidence ? setup.format : 0},
          {"receipt_key", hex(setup.parameters.sends_evidence ? setup.parameters.receipt_key
                                                              : std::array<std::byte, 32>{})},
          {"evidence", setup.parameters.sends_evidence ? hex(setup.evidence) : ""}};
}

bytes evidence_body(const end_setup& setup) {
  evidence e;
  if (setup.parameters.sends_evidence) {
    e.format = setup.format;
    e.receipt_key = setup.parameters.receipt_key;
    e.bytes = setup.evidence;
  }
  bytes body(evidence_header_size + e.bytes.size());
  encode(e, body);
  return body;
}

template <cipher C>
ordered_json transcript_of(const char* name, end_setup up, end_setup down) {
  test::two_ends<C> ends{up, down};
  REQUIRE(ends.established());
  const hello up_hello = ends.down_handshake().peer();
  const hello down_hello = ends.up_handshake().peer();

  const AgreementKey up_key{Key<32>{std::span<const std::byte, 32>{bytes(32, std::byte{0x55})}}};
  const Key<32> shared = *up_key.agree(down_hello.public_key);
  const auto& transcript = ends.up_handshake().transcript();
  const Key<32> secret_0 = detail::first_secret(shared, transcript);
  const Key<32> exporter = detail::exporter(secret_0);
  const auto evidence_up = sha256(evidence_body(up));
  const auto evidence_down = sha256(evidence_body(down));
  const Key<32> secret_1 = detail::second_secret(secret_0, evidence_up, evidence_down);
  const auto report = [&](link_end end, const end_setup& setup) {
    return hex(detail::report_data(end, exporter, transcript, setup.parameters.receipt_key));
  };

  ordered_json out;
  out["name"] = name;
  out["suite"] = C::suite;
  out["link"] = up.parameters.link;
  out["plan"] = hex(up.parameters.plan);
  out["upstream"] = end_of(up, up_hello, std::byte{0x55});
  out["downstream"] = end_of(down, down_hello, std::byte{0xD0});
  out["shared"] = hex(shared.view());
  out["transcript"] = hex(transcript);
  out["secret_0"] = hex(secret_0.view());
  out["exporter"] = hex(exporter.view());
  if (up.parameters.sends_evidence) {
    out["upstream_report_data"] = report(link_end::upstream, up);
    CHECK((out["upstream_report_data"] == hex(*ends.up_attested)));
  }
  if (down.parameters.sends_evidence) {
    out["downstream_report_data"] = report(link_end::downstream, down);
    CHECK((out["downstream_report_data"] == hex(*ends.down_attested)));
  }
  out["upstream_keys_0"] = keys_of(secret_0, link_end::upstream);
  out["downstream_keys_0"] = keys_of(secret_0, link_end::downstream);
  out["evidence_digests"] = {hex(evidence_up), hex(evidence_down)};
  out["secret_1"] = hex(secret_1.view());
  out["upstream_keys_1"] = keys_of(secret_1, link_end::upstream);
  out["downstream_keys_1"] = keys_of(secret_1, link_end::downstream);
  out["handshake"] = {
      {"hello_upstream", hex(ends.from_up[0])},
      {"hello_downstream", hex(ends.from_down[0])},
      {"evidence_downstream", hex(ends.from_down[1])},
      {"evidence_upstream", hex(ends.from_up[1])},
      {"confirm_upstream", hex(ends.from_up[2])},
      {"confirm_downstream", hex(ends.from_down[2])},
  };

  ordered_json records = ordered_json::array();
  scribe<C> left{records, "upstream", ends.up_handshake().take_session()};
  scribe<C> right{records, "downstream", ends.down_handshake().take_session()};
  constexpr std::string_view prompt = "The capital of France is";
  message_header ask = header_of(message_kind::generate, prompt);
  ask.value = 16;
  left.send(right, record_type::message, message_bytes(ask, prompt));
  message_header answer = header_of(message_kind::token, " Paris");
  answer.value = 6342;
  answer.busy_ns = 123456789;
  right.send(left, record_type::message, message_bytes(answer, " Paris"));
  right.send(left, record_type::heartbeat);
  left.send(right, record_type::rekey);
  // A message in two chunks under the next key, with another rekey between them.
  const std::string tail(72, 'x');
  const bytes long_message = message_bytes(header_of(message_kind::generate, tail), tail);
  left.send(right, record_type::message, bytes(long_message.begin(), long_message.begin() + 128),
            flag_more);
  left.send(right, record_type::rekey);
  left.send(right, record_type::message, bytes(long_message.begin() + 128, long_message.end()));
  right.send(left, record_type::message, message_bytes(header_of(message_kind::done)));
  left.send(right, record_type::close);
  right.send(left, record_type::close);
  out["records"] = std::move(records);
  return out;
}

std::string all_transcripts() {
  end_setup up = test::upstream_setup();
  end_setup down = test::downstream_setup();
  ordered_json cases = ordered_json::array();
  cases.push_back(transcript_of<AesGcm>("AES-256-GCM, nobody attests", up, down));

  down.parameters.sends_evidence = up.parameters.demands_evidence = true;
  down.evidence.clear();
  for (int i = 0; i != 100; ++i) down.evidence.push_back(static_cast<std::byte>(i));
  cases.push_back(transcript_of<AesGcm>("AES-256-GCM, the stage attests", up, down));

  test::attest_both(up, down);
  up.parameters.link = down.parameters.link = 1;
  up.format = 0xFFFF;
  up.evidence.assign(1000, std::byte{0xE7});
  down.parameters.receipt_key.fill(std::byte{0x4B});
  cases.push_back(transcript_of<AesGcm>("AES-256-GCM, both attest", up, down));
  cases.push_back(transcript_of<ChaChaPoly>("ChaCha20-Poly1305, both attest", up, down));

  ordered_json out;
  out["protocol"] = "efl/1";
  out["cases"] = std::move(cases);
  return out.dump(1) + "\n";
}

TEST_SUITE("wire/transcript vector") {
  TEST_CASE("whole links are the published ones, byte for byte") {
    const std::filesystem::path path = std::filesystem::path{__FILE__}.parent_path() / ".." / ".." /
                                       "vectors" / "efl1_transcript.json";
    const std::string ours = all_transcripts();
    if (std::getenv("ENFILADE_WRITE_VECTORS") != nullptr)
      std::ofstream{path, std::ios::binary} << ours;
    std::ifstream file{path, std::ios::binary};
    REQUIRE(file.good());
    const std::string published{std::istreambuf_iterator<char>{file}, {}};
    CHECK_MESSAGE((ours == published), "the transcript differs from tests/vectors");
  }
}

}  // namespace
