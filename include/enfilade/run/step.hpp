// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>
#include <enfilade/run/link.hpp>
#include <enfilade/wire/message.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace enfilade {

/// The failure that a `failure` message tells of. Its text is for people and comes from an attested
/// stage; all but printable ASCII is dropped all the same, since it may reach a terminal.
inline failure failure_from(const message& told) {
  auto cause = static_cast<errc>(told.header.value);
  if (facts_of_error(cause).value != cause) cause = errc::internal;
  std::string where;
  for (const char c : told.as<char>())
    if (c >= ' ' && c <= '~') where.push_back(c);
  return failure(cause, std::move(where));
}

/// The outcome of one pass through the pipeline: a token, or what went wrong.
class step {
 public:
  step() = default;
  step(std::uint32_t t, std::uint64_t ns) : token(t), busy_ns(ns) {}
  step(failure f, std::size_t at) : failed(std::move(f)), stage(at) {}

  /// From what the stages below sent: a `token` or a `failure`.
  explicit step(const message& answer) {
    if (answer.header.kind == message_kind::failure) {
      failed = failure_from(answer);
      stage = answer.header.stage;
    } else if (answer.header.kind == message_kind::token) {
      token = static_cast<std::uint32_t>(answer.header.value);
      busy_ns = answer.header.busy_ns;
      if (answer.header.dtype == message_dtype::f32) {
        const auto scores = answer.as<float>();
        logits.assign(scores.begin(), scores.end());
      }
    } else {
      failed = failure(errc::frame_unexpected, "the stage below");
      stage = 1;
    }
  }

  /// Adds to a lost stage where in the answer that was: its restart does not bring back the tokens.
  void note_token(std::size_t made) {
    if (failed->code() != errc::stage_lost) return;
    const std::string phase = made == 0 ? "at the prompt" : "after token " + std::to_string(made);
    failed = failure(errc::stage_lost, failed->where() + ", " + phase);
  }

  std::uint32_t token = 0;
  std::uint64_t busy_ns = 0;      ///< time computed in all stages
  std::vector<float> logits;      ///< (vocab), where asked for
  std::optional<failure> failed;  ///< set where there is no token
  std::size_t stage = 0;          ///< where it failed
};

}  // namespace enfilade
