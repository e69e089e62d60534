// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/attester.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/attestation_desk.hpp>
#include <enfilade/run/deadline.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/run/pulse.hpp>
#include <enfilade/run/shown_evidence.hpp>
#include <enfilade/run/visitor.hpp>
#include <enfilade/transport/asio.hpp>
#include <enfilade/wire/handshake.hpp>
#include <enfilade/wire/handshake_parameters.hpp>
#include <enfilade/wire/handshake_step.hpp>
#include <enfilade/wire/link_end.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// What one end of a link brings to its handshakes: which link of which deployment, what proves
/// this program, what is demanded of the peer, and where evidence is made and judged.
template <class Deployment>
class link_terms {
 public:
  using attester_type = typename Deployment::attester;
  using desk_type = attestation_desk<attester_type>;
  using duration = std::chrono::nanoseconds;

  /// `own` may be null: then this end shows no evidence, as a client without a TEE does. So may
  /// `desk`: then it is the program's common one, which has no files of an operator.
  link_terms(link_end end, std::size_t link, std::shared_ptr<const attester_type> own,
             expectations of_peer, const link_limits& limits = {},
             std::shared_ptr<desk_type> desk = nullptr)
      : of_peer_(std::move(of_peer)),
        own_(std::move(own)),
        limits_(limits),
        desk_(desk ? std::move(desk) : desk_type::common()) {
    parameters_.end = end;
    parameters_.plan = Deployment::plan_digest();
    parameters_.link = static_cast<std::uint32_t>(link);
    parameters_.sends_evidence = own_ != nullptr;
    parameters_.demands_evidence = of_peer_.demand_evidence();
  }

  const handshake_parameters& parameters() const noexcept { return parameters_; }
  const link_limits& limits() const noexcept { return limits_; }

  /// Evidence of this program for one session.
  asio::awaitable<result<std::vector<std::byte>>> attest(report_data_view data,
                                                         duration patience) const {
    return desk_->attest(own_, data, patience);
  }

  /// Judges the peer's evidence: genuine, made for this session, and of the expected program.
  /// `detail` is told which rule is broken, or which register differs.
  asio::awaitable<result<claims>> judge(const handshake_step& shown, std::string& detail,
                                        duration patience) const {
    if (shown.format != attester_type::format) co_return errc::attest_unsupported_format;
    result<claims> found =
        co_await desk_->judge(shown.evidence, shown.report_data, of_peer_, detail, patience);
    co_return std::move(found);
  }

 private:
  handshake_parameters parameters_;
  expectations of_peer_;
  std::shared_ptr<const attester_type> own_;
  link_limits limits_;
  std::shared_ptr<desk_type> desk_;
};

namespace detail {

/// Does the reading and writing that a `handshake` asks for; says why where the stream fails.
///
/// A stream that ends before the peer has said anything belongs to nobody: a relay whose far side
/// is down, or a stage that is starting. That is `transport_unreachable`, and worth another try.
template <class Stream>
class handshake_io {
 public:
  explicit handshake_io(Stream& stream) : stream_(stream) {}

  asio::awaitable<bool> read(std::span<std::byte> into) {
    const asio::mutable_buffer buffer{into.data(), into.size()};
    error_code failed;
    co_await asio::async_read(stream_, buffer, asio::redirect_error(asio::use_awaitable, failed));
    if (!failed) heard_ = true;
    co_return !failed;
  }

  asio::awaitable<bool> write(std::span<const std::byte> from) {
    const asio::const_buffer buffer{from.data(), from.size()};
    error_code failed;
    co_await asio::async_write(stream_, buffer, asio::redirect_error(asio::use_awaitable, failed));
    co_return !failed;
  }

  errc why_ended() const noexcept {
    return heard_ ? errc::transport_closed : errc::transport_unreachable;
  }

 private:
  Stream& stream_;
  bool heard_ = false;
};

/// What a peer showed, for the end that keeps it.
inline shown_evidence copy_of(const handshake_step& shown) {
  shown_evidence copy;
  copy.format = shown.format;
  copy.report_data = shown.report_data;
  copy.bytes.assign(shown.evidence.begin(), shown.evidence.end());
  return copy;
}

}  // namespace detail

/// Runs the handshake on a fresh connection: afterwards the peer is known and every byte is sealed.
///
/// `where` names the peer for people. Throws `failure`: what the handshake refused, what `terms`
/// refused with the register that differs, `transport_timeout` after `terms.limits().handshake`.
/// No byte of the application travels before both ends have confirmed the keys. The link has a
/// pulse; when the last pointer to it goes, its stream is closed. Before the first evidence, own or
/// the peer's, `from` waits for its turn; at the end it is known.
template <class Link, class Deployment>
asio::awaitable<std::shared_ptr<Link>> establish(typename Link::stream_type stream,
                                                 link_terms<Deployment> terms, std::string where,
                                                 visitor<typename Link::stream_type> from = {}) {
  const link_limits& limits = terms.limits();
  handshake<typename Deployment::cipher> shake{terms.parameters()};
  detail::handshake_io<typename Link::stream_type> io{stream};
  constexpr bool takes_time = Deployment::attester::takes_time;
  const bool dials = terms.parameters().end == link_end::upstream;
  std::optional<claims> peer;
  std::optional<shown_evidence> kept;
  std::string complaint;
  deadline limit{stream, limits.handshake};
  bool had_turn = false;
  while (true) {
    const handshake_step step = shake.next();
    using action = handshake_step::action;
    if (step.what == action::done) break;
    const bool costly = step.what == action::attest || step.what == action::verify;
    if (costly && !std::exchange(had_turn, true)) co_await from.turn();
    // A step's limit is for the peer; the desk has its own, within the limit of the whole.
    if (costly && takes_time) limit.within(limits.handshake);
    bool carried = true;
    switch (step.what) {
      case action::write:
        carried = co_await io.write(step.output);
        break;
      case action::read:
        limit.within(limits.handshake_step);
        carried = co_await io.read(step.input);
        break;
      case action::attest: {
        const auto shown = co_await terms.attest(step.report_data, limit.left());
        if (shown) {
          shake.provide(Deployment::attester::format, *shown);
        } else {
          complaint = "own evidence";
          shake.refuse(shown.error());
        }
        break;
      }
      case action::verify: {
        if (dials) kept = detail::copy_of(step);
        if (!terms.parameters().demands_evidence) {
          shake.accept();
          break;
        }
        result<claims> found = co_await terms.judge(step, complaint, limit.left());
        if (found) {
          if (kept) kept->judged_at = found->judged_at;
          peer = *std::move(found);
          shake.accept();
        } else {
          shake.refuse(found.error());
        }
        break;
      }
      default:
        throw failure(step.error, complaint.empty() ? where : where + ": " + complaint);
    }
    if (costly && takes_time) limit.within(limits.handshake_step);
    if (!carried) throw failure(limit.expired() ? errc::transport_timeout : io.why_ended(), where);
  }
  from.becomes_known(where);
  const asio::any_io_executor executor = stream.get_executor();
  const auto established =
      std::make_shared<Link>(std::move(stream), shake.take_session(limits.session), std::move(peer),
                             std::move(where), shake.transcript(), std::move(kept));
  asio::awaitable<void> pulse = keep_pulse(std::weak_ptr<Link>{established}, limits);
  asio::co_spawn(executor, std::move(pulse), asio::detached);
  // The pulse may be inside a write to a peer that does not read when the owner lets go.
  co_return std::shared_ptr<Link>{established.get(),
                                  [established](Link* left) { left->abandon(); }};
}

}  // namespace enfilade
