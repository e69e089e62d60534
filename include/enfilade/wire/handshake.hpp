// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/cipher/agree.hpp>
#include <enfilade/cipher/cipher.hpp>
#include <enfilade/cipher/compare.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/cipher/random.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/conversation.hpp>
#include <enfilade/wire/evidence.hpp>
#include <enfilade/wire/frame.hpp>
#include <enfilade/wire/handshake_parameters.hpp>
#include <enfilade/wire/handshake_step.hpp>
#include <enfilade/wire/hello.hpp>
#include <enfilade/wire/limits.hpp>
#include <enfilade/wire/session.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace enfilade {

/// How two ends of a link come to share keys and to know what the other one is.
///
/// A state machine without I/O: `next()` says what to do, the caller does it and calls `next()`
/// again. The dialling end (U) and the answering end (D) run the same machine:
///
///     U -> D  hello      version, suite, link, plan, ephemeral key, nonce
///     D -> U  hello      sent before D judges U's, so that both ends can name a mismatch
///     D -> U  evidence   sealed; bound to this conversation's secret and transcript
///     U -> D  evidence   sealed; sent only after U has accepted D's
///     U -> D  confirm    sealed under keys that both evidences were mixed into
///     D -> U  confirm    sealed; then the link is established
///
/// | expression                   | meaning                                                    |
/// |------------------------------|------------------------------------------------------------|
/// | `handshake{parameters}`      | key and nonce of the kernel's randomness                   |
/// | `h.next()`                   | the next `handshake_step`; the previous one has been done  |
/// | `h.provide(format, evidence)`| answers `attest`                                           |
/// | `h.accept()`                 | answers `verify`: the evidence is good                     |
/// | `h.refuse(error)`            | answers `attest` or `verify`: no; the next step is `failed`|
/// | `h.end_of_stream()`          | the peer's bytes ended inside a `read`                     |
/// | `h.take_session()`           | after `done`, once                                         |
///
/// Source, with every error and its cause: docs/design/wire_format.md §5 and §10.
template <cipher C>
class handshake {
 public:
  explicit handshake(const handshake_parameters& parameters) noexcept
      : own_(parameters), conversation_(parameters.end) {
    Key<32> secret;
    std::array<std::byte, 32> nonce{};
    result<void> random = random_bytes(secret.fill());
    if (random) random = random_bytes(nonce);
    begin(std::move(secret), nonce);
    if (!random) refuse(random.error());
  }

  /// With a known key and nonce, for test vectors. In a program each must be fresh.
  handshake(const handshake_parameters& parameters, Key<32> secret,
            const std::array<std::byte, 32>& nonce) noexcept
      : own_(parameters), conversation_(parameters.end) {
    begin(std::move(secret), nonce);
  }

  handshake_step next() noexcept {
    // clang-format off
    switch (at_) {
      case point::start: return dials() ? send_hello() : read_record(record_type::hello);
      case point::hello_sent: return dials() ? read_record(record_type::hello) : agree();
      case point::prefix: return read_body();
      case point::body: return received();
      case point::attest: return ask_for_evidence();
      case point::provided: return send_evidence();
      case point::evidence_sent: return dials() ? send_confirm() : read_record(record_type::evidence);
      case point::verify: return ask_for_verdict();
      case point::accepted: return peer_is_known();
      case point::confirm_sent: return dials() ? read_record(record_type::confirm) : finish();
      case point::done: return finish();
      case point::failed: break;
    }
    // clang-format on
    return step::fail(error_);
  }

  void provide(std::uint16_t format, std::span<const std::byte> bytes) noexcept {
    if (at_ != point::attest) return refuse(errc::internal);
    if (bytes.empty()) return refuse(errc::attest_missing);
    if (bytes.size() > max_evidence_size) return refuse(errc::frame_too_large);
    evidence mine;
    mine.format = format;
    mine.receipt_key = own_.receipt_key;
    mine.bytes = bytes;
    put_evidence(mine);
  }

  void accept() noexcept {
    if (at_ != point::verify) return refuse(errc::internal);
    at_ = point::accepted;
  }

  void refuse(error_code error) noexcept {
    if (at_ == point::failed) return;
    error_ = error;
    at_ = point::failed;
    key_.reset();
    conversation_.forget_everything();
  }

  void end_of_stream() noexcept { refuse(errc::frame_truncated); }

  /// Names this conversation in logs and receipts. Zeros until both hellos were heard.
  const std::array<std::byte, 32>& transcript() const noexcept {
    return conversation_.transcript();
  }

  /// What the peer said of itself; authentic once `done`.
  const hello& peer() const noexcept { return peer_; }

  session<C> take_session(session_limits limits = {}) noexcept {
    return session<C>{*std::move(conversation_.sending), *std::move(conversation_.receiving),
                      limits};
  }

 private:
  using step = handshake_step;

  // The step that `next()` returned last, or the answer that was given to it.
  // clang-format off
  enum class point : std::uint8_t {
    start, hello_sent, prefix, body, attest, provided, evidence_sent, verify, accepted,
    confirm_sent, done, failed
  };
  // clang-format on

  bool dials() const noexcept { return own_.end == link_end::upstream; }

  void begin(Key<32> secret, const std::array<std::byte, 32>& nonce) noexcept {
    key_.emplace(std::move(secret));
    mine_.suite = C::suite;
    mine_.end = own_.end;
    mine_.sends_evidence = own_.sends_evidence;
    mine_.demands_evidence = own_.demands_evidence;
    mine_.link = own_.link;
    mine_.public_key = key_->public_key();
    mine_.nonce = nonce;
    mine_.plan = own_.plan;
    own_hello_ = hello_record(mine_);
  }

  step fail(error_code error) noexcept {
    refuse(error);
    return next();
  }

  step send_hello() noexcept {
    at_ = point::hello_sent;
    return step::write(own_hello_);
  }

  // A record is read in two steps: its length is judged before anything is allocated for it.
  step read_record(record_type type) noexcept {
    awaited_ = type;
    at_ = point::prefix;
    return step::read(prefix_);
  }

  step read_body() noexcept {
    const auto header = decode(std::span{prefix_}.template first<record_header_size>());
    if (!header) return fail(header.error());
    if (header->type != awaited_) return fail(errc::frame_unexpected);
    if (header->sequence != 0) return fail(errc::frame_out_of_order);  // the first under its key
    if (!detail::resized(body_, header->body_length)) return fail(errc::process_out_of_memory);
    at_ = point::body;
    return step::read(body_);
  }

  step received() noexcept {
    if (awaited_ == record_type::hello) return received_hello();
    if (!conversation_.receiving->open(prefix_, body_)) return fail(errc::crypto_auth_failed);
    return awaited_ == record_type::evidence ? received_evidence() : received_confirm();
  }

  step received_hello() noexcept {
    // Nothing authenticates a hello yet, so its tag means nothing and may be nothing but zeros.
    for (std::byte b : std::span{prefix_}.template last<record_tag_size>())
      if (b != std::byte{0}) return fail(errc::frame_malformed);
    const auto theirs = std::span<const std::byte>{body_}.template first<hello_size>();
    const auto mine = std::span<const std::byte>{own_hello_}.template last<hello_size>();
    const result<hello> said = decode(theirs);
    if (!said) return fail(said.error());
    peer_ = *said;
    conversation_.hear_hellos(dials() ? mine : theirs, dials() ? theirs : mine);
    return dials() ? agree() : send_hello();
  }

  step agree() noexcept {
    if (const error_code wrong = mismatch(mine_, peer_)) return fail(wrong);
    const result<void> agreed = conversation_.agree(*key_, peer_.public_key);
    if (!agreed) return fail(agreed.error());
    key_.reset();
    return dials() ? read_record(record_type::evidence) : own_evidence();
  }

  step own_evidence() noexcept {
    if (own_.sends_evidence) return ask_for_evidence();
    put_evidence({});
    return next();
  }

  step ask_for_evidence() noexcept {
    at_ = point::attest;
    return step::attest(conversation_.report_data(own_.end, own_.receipt_key), own_.receipt_key);
  }

  void put_evidence(const evidence& mine) noexcept {
    const std::size_t size = record_prefix_size + evidence_header_size + mine.bytes.size();
    if (!detail::resized(own_evidence_, size)) return refuse(errc::process_out_of_memory);
    const std::span<std::byte> body = std::span{own_evidence_}.subspan(record_prefix_size);
    encode(mine, body);
    conversation_.hear_evidence(own_.end, body);
    at_ = point::provided;
  }

  step send_evidence() noexcept {
    const std::span<std::byte> record{own_evidence_};
    conversation_.sending->seal(record_type::evidence, 0, record.subspan(record_prefix_size),
                                record.first<record_prefix_size>());
    at_ = point::evidence_sent;
    return step::write(record);
  }

  step received_evidence() noexcept {
    const result<evidence> theirs = decode_evidence(body_);
    if (!theirs) return fail(theirs.error());
    if (peer_.sends_evidence && theirs->bytes.empty()) return fail(errc::attest_missing);
    if (!peer_.sends_evidence && !theirs->bytes.empty()) return fail(errc::frame_malformed);
    conversation_.hear_evidence(peer_.end, body_);
    return theirs->bytes.empty() ? peer_is_known() : ask_for_verdict();
  }

  step ask_for_verdict() noexcept {
    const evidence theirs = *decode_evidence(body_);  // it was well-formed when it came
    at_ = point::verify;
    return step::verify(conversation_.report_data(peer_.end, theirs.receipt_key), theirs.format,
                        theirs.bytes, theirs.receipt_key);
  }

  step peer_is_known() noexcept {
    if (dials()) return own_evidence();
    conversation_.ratchet();
    return read_record(record_type::confirm);
  }

  step send_confirm() noexcept {
    if (dials()) conversation_.ratchet();
    const auto mine = conversation_.confirmation(own_.end);
    const std::span<std::byte, record_prefix_size + confirm_size> record{own_confirm_};
    const auto body = record.template last<confirm_size>();
    std::memcpy(body.data(), mine.data(), mine.size());
    conversation_.sending->seal(record_type::confirm, 0, body,
                                record.template first<record_prefix_size>());
    at_ = point::confirm_sent;
    return step::write(record);
  }

  step received_confirm() noexcept {
    if (!equal(body_, conversation_.confirmation(peer_.end))) return fail(errc::crypto_auth_failed);
    return dials() ? finish() : send_confirm();
  }

  step finish() noexcept {
    at_ = point::done;
    conversation_.forget_secret();
    return step::finish();
  }

  handshake_parameters own_;
  detail::conversation<C> conversation_;
  point at_ = point::start;
  record_type awaited_ = record_type::hello;
  error_code error_;
  hello mine_;
  hello peer_;
  std::optional<AgreementKey> key_;
  std::array<std::byte, record_prefix_size + hello_size> own_hello_;
  std::array<std::byte, record_prefix_size + confirm_size> own_confirm_{};
  std::array<std::byte, record_prefix_size> prefix_{};
  std::vector<std::byte> own_evidence_;
  std::vector<std::byte> body_;  // of the record that was received last
};

}  // namespace enfilade
