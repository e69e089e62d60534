// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/attestation_desk.hpp>
#include <enfilade/run/dial.hpp>
#include <enfilade/run/establish.hpp>
#include <enfilade/run/judge_rooms.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/run/shown_evidence.hpp>
#include <enfilade/run/step.hpp>
#include <enfilade/transport/transport.hpp>
#include <enfilade/wire/message.hpp>
#include <enfilade/wire/room_evidence.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// What a client asks: a prompt as text or as token ids, and how many tokens at most.
class request {
 public:
  request(std::string prompt, std::size_t max_tokens) : text(std::move(prompt)), most(max_tokens) {}
  request(std::vector<std::uint32_t> prompt, std::size_t max_tokens)
      : tokens(std::move(prompt)), most(max_tokens) {}

  std::string text;                   ///< UTF-8; used where `tokens` is empty
  std::vector<std::uint32_t> tokens;  ///< ids below the model's vocabulary
  std::size_t most;                   ///< more than this are never generated
  bool wants_logits = false;          ///< return the scores of each step instead of its text
};

/// One token of an answer.
class answer_token {
 public:
  explicit answer_token(const message& told)
      : id(static_cast<std::uint32_t>(told.header.value)), busy_ns(told.header.busy_ns) {
    if (told.header.dtype == message_dtype::f32) {
      const auto scores = told.as<float>();
      logits.assign(scores.begin(), scores.end());
    } else {
      const auto bytes = told.as<char>();
      text.assign(bytes.begin(), bytes.end());
    }
  }

  std::uint32_t id;
  std::uint64_t busy_ns;      ///< time that the stages computed for it, all together
  std::string text;           ///< its bytes; a character may be spread over several tokens
  std::vector<float> logits;  ///< (vocab), where asked for
};

/// A client of a deployment: the upstream peer of stage 0, which it makes prove itself.
///
///     auto model = co_await Client<Split>::dial("tcp:127.0.0.1:7000", expected);
///     co_await model.check_rooms(file, appraisal{now});
///     co_await model.ask(question);
///     while (auto token = co_await model.next()) std::cout << token->text;
///     co_await model.close();
///
/// `Via` is how this end travels: the deployment's door, or another transport where a relay between
/// turns one into the other (a client on TCP, stage 0 behind vsock).
/// Errors are thrown as `failure`. One request at a time; for several, dial several clients. Keep
/// the executor running while the client is in use: its heartbeats tell stage 0 that it is alive,
/// also between two requests.
template <class Deployment, transport Via = typename Deployment::door>
class Client {
 public:
  using transport_type = Via;
  using attester_type = typename Deployment::attester;
  using link_type = link<typename transport_type::stream, typename Deployment::cipher>;

  /// Connects to stage 0 and checks its evidence against `of_stage_0` before anything is sent.
  /// `own` proves this client, where stage 0 expects more of it than `anyone`; `desk` is where
  /// evidence is made and judged, or nothing for the program's common one.
  static asio::awaitable<Client> dial(std::string address, expectations of_stage_0,
                                      std::shared_ptr<const attester_type> own = nullptr,
                                      link_limits limits = {},
                                      std::shared_ptr<attestation_desk<attester_type>> desk = {}) {
    const auto executor = co_await asio::this_coro::executor;
    const result<typename transport_type::endpoint> at = transport_type::parse(address);
    if (!at) throw failure(at.error(), address);
    typename transport_type::stream connected =
        co_await dial_within<transport_type>(executor, *at, limits.dial);
    link_terms<Deployment> terms{link_end::upstream,    0,      std::move(own),
                                 std::move(of_stage_0), limits, std::move(desk)};
    std::string where = "stage 0 at " + transport_type::format(*at);
    auto established =
        co_await establish<link_type>(std::move(connected), std::move(terms), std::move(where));
    co_return Client{std::move(established)};
  }

  explicit Client(std::shared_ptr<link_type> established) : link_(std::move(established)) {}
  Client(Client&&) noexcept = default;
  Client& operator=(Client&&) noexcept = default;

  /// What stage 0 proved of itself; nothing where the expectations were `anyone`.
  const std::optional<claims>& peer() const noexcept { return link_->peer(); }

  /// What stage 0 showed, judged or not; nothing where it has no attester.
  const std::optional<shown_evidence>& shown() const noexcept { return link_->shown(); }

  /// What the stages behind stage 0 have shown to the stages above them, in the handshakes of the
  /// links that are up now; nothing of it is judged here. Not while an answer is under way.
  asio::awaitable<std::vector<room_evidence>> rooms() {
    message_header header;
    header.kind = message_kind::rooms;
    header.request = ++last_request_;
    co_await link_->send(header);
    const std::optional<message> told = co_await link_->receive();
    if (!told) throw failure(errc::transport_closed, link_->where());
    if (told->header.kind == message_kind::failure) throw failure_from(*told);
    if (told->header.kind != message_kind::room_evidence || told->header.request != header.request)
      throw failure(errc::frame_unexpected, link_->where());
    auto shown = read_rooms(told->payload, 1);
    if (!shown) throw failure(shown.error(), link_->where());
    co_return *std::move(shown);
  }

  /// Asks for the evidence of every stage behind stage 0 and judges it, as `judge_rooms` does, with
  /// this deployment's attester: to be called before anything is asked. Returns the stages for
  /// which `wanted` demands evidence; throws for the first that is not as demanded.
  asio::awaitable<std::vector<judged_room>> check_rooms(const expectations_file& wanted,
                                                        appraisal with) {
    const std::vector<room_evidence> told = co_await rooms();
    co_return judge_rooms<Deployment>(told, wanted, with);
  }

  /// Sends a request; its answer comes from `next`.
  asio::awaitable<void> ask(request asked) {
    message_header header;
    header.kind = message_kind::generate;
    header.flags = asked.wants_logits ? message_flag_logits : std::uint8_t{0};
    header.request = ++last_request_;
    header.value = asked.most;
    header.rank = 1;
    std::span<const std::byte> payload = std::as_bytes(std::span{asked.tokens});
    header.dtype = message_dtype::u32;
    header.shape[0] = static_cast<std::uint32_t>(asked.tokens.size());
    if (asked.tokens.empty()) {
      payload = std::as_bytes(std::span{asked.text.data(), asked.text.size()});
      header.dtype = message_dtype::u8;
      header.shape[0] = static_cast<std::uint32_t>(asked.text.size());
    }
    header.payload_size = payload.size();
    const std::span<std::byte> room = link_->prepare(payload.size());
    if (!payload.empty()) std::memcpy(room.data(), payload.data(), payload.size());
    co_await link_->send(header);
  }

  /// The next token; nothing at the end of the answer (`finished` says why it ended).
  asio::awaitable<std::optional<answer_token>> next() {
    const std::optional<message> told = co_await link_->receive();
    if (!told) throw failure(errc::transport_closed, link_->where());
    switch (told->header.kind) {
      case message_kind::token:
        co_return answer_token{*told};
      case message_kind::done:
        finished_ = static_cast<done_reason>(told->header.value);
        co_return std::nullopt;
      case message_kind::failure:
        throw failure_from(*told);
      default:
        throw failure(errc::frame_unexpected, link_->where());
    }
  }

  done_reason finished() const noexcept { return finished_; }

  /// Asks stage 0 to stop; `next` then ends with `errc::request_cancelled`.
  asio::awaitable<void> cancel() {
    message_header header;
    header.kind = message_kind::cancel;
    header.request = last_request_;
    co_await link_->send(header);
  }

  /// Leaves, and says so.
  asio::awaitable<void> close() { return link_->close(); }

 private:
  std::shared_ptr<link_type> link_;
  std::uint64_t last_request_ = 0;
  done_reason finished_ = done_reason::length;
};

}  // namespace enfilade
