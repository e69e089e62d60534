// SPDX-License-Identifier: Apache-2.0
#pragma once

// Handshakes with genuine mock evidence, between honest ends and whoever is in the middle.

#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/insecure.hpp>
#include <enfilade/cipher/aes_gcm.hpp>
#include <enfilade/cipher/key.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/handshake.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace test {

using enfilade::AesGcm;
using enfilade::errc;
using enfilade::error_code;
using enfilade::expectations;
using enfilade::handshake;
using enfilade::handshake_parameters;
using enfilade::handshake_step;
using enfilade::link_end;
using enfilade::registers;
using enfilade::result;
using enfilade::insecure::Mock;
using bytes = std::vector<std::byte>;

inline std::array<std::byte, 32> random_32(std::mt19937_64& random) {
  std::array<std::byte, 32> value{};
  for (std::byte& b : value) b = static_cast<std::byte>(random());
  return value;
}

/// The ephemeral secret and the nonce of one end: what an attacker would love to have a copy of.
struct ephemeral {
  std::array<std::byte, 32> secret;
  std::array<std::byte, 32> nonce;

  static ephemeral fresh(std::mt19937_64& random) {
    const std::array<std::byte, 32> secret = random_32(random);
    return {secret, random_32(random)};
  }
};

/// Evidence as it was shown, with what it was made for.
struct shown_evidence {
  bytes evidence;
  std::array<std::byte, 64> report_data{};
  std::array<std::byte, 32> receipt_key{};
};

/// One end of a link: answers what its handshake asks with what it was given to answer with.
class attested_end {
 public:
  using action = handshake_step::action;
  using make_evidence = std::function<result<bytes>(std::span<const std::byte, 64>)>;
  using judge_evidence = std::function<error_code(const handshake_step&)>;

  attested_end(const handshake_parameters& parameters, const ephemeral& key, make_evidence attest,
               judge_evidence verify)
      : attest_(std::move(attest)),
        verify_(std::move(verify)),
        machine_(parameters, enfilade::Key<32>{key.secret}, key.nonce) {}

  bool established() const { return step_.what == action::done; }
  bool failed() const { return step_.what == action::failed; }
  error_code error() const { return failed() ? step_.error : error_code{}; }

  /// What the peer showed, whether or not it was accepted.
  const std::optional<shown_evidence>& shown() const { return shown_; }

  handshake<AesGcm>& machine() { return machine_; }

  /// Takes what it can use of `incoming` and gives back the records that it has to say to that.
  std::vector<bytes> hear(bytes& incoming) {
    std::vector<bytes> said;
    while (true) {
      if (begun_) {
        if (!carried_out(incoming, said)) return said;
      }
      begun_ = true;
      step_ = machine_.next();
      ++steps_;
    }
  }

  /// The stream is at its end: nothing more will come.
  void end_of_stream() {
    if (step_.what != action::read) return;
    machine_.end_of_stream();
    step_ = machine_.next();
  }

  /// How many steps its handshake has taken. An honest one takes at most 17.
  std::size_t steps() const { return steps_; }

 private:
  // Whether the step was done, so that the handshake may be asked for the next one.
  bool carried_out(bytes& incoming, std::vector<bytes>& said) {
    switch (step_.what) {
      case action::read: {
        const std::size_t size = step_.input.size();
        if (incoming.size() < size) return false;
        std::copy_n(incoming.begin(), size, step_.input.begin());
        incoming.erase(incoming.begin(), incoming.begin() + static_cast<std::ptrdiff_t>(size));
        return true;
      }
      case action::write:
        said.emplace_back(step_.output.begin(), step_.output.end());
        return true;
      case action::attest: {
        const result<bytes> made = attest_(step_.report_data);
        if (made)
          machine_.provide(Mock::format, *made);
        else
          machine_.refuse(made.error());
        return true;
      }
      case action::verify: {
        shown_ = shown_evidence{bytes(step_.evidence.begin(), step_.evidence.end()),
                                step_.report_data, step_.receipt_key};
        const error_code refused = verify_(step_);
        if (refused)
          machine_.refuse(refused);
        else
          machine_.accept();
        return true;
      }
      default:
        return false;
    }
  }

  make_evidence attest_;
  judge_evidence verify_;
  handshake<AesGcm> machine_;
  handshake_step step_;
  std::optional<shown_evidence> shown_;
  std::size_t steps_ = 0;
  bool begun_ = false;
};

/// A program as it really is: evidence of its own registers, and pins for whoever it meets.
inline attested_end honest(const handshake_parameters& parameters, const ephemeral& key,
                           const Mock& own, const expectations& of_peer) {
  handshake_parameters asks = parameters;
  asks.sends_evidence = true;
  asks.demands_evidence = of_peer.demand_evidence();
  return {asks, key, [own](std::span<const std::byte, 64> data) { return own.attest(data); },
          [of_peer](const handshake_step& step) -> error_code {
            if (!of_peer.demand_evidence()) return {};
            if (step.format != Mock::format) return errc::attest_unsupported_format;
            const auto found = Mock::verify(step.evidence, step.report_data);
            if (!found) return found.error().code;
            return of_peer.check(*found).error();
          }};
}

/// Somebody who attests nothing of its own: shows `attest`'s bytes and takes whatever it is shown.
inline attested_end impostor(const handshake_parameters& parameters, const ephemeral& key,
                             attested_end::make_evidence attest) {
  handshake_parameters asks = parameters;
  asks.sends_evidence = asks.demands_evidence = true;
  return {asks, key, std::move(attest), [](const handshake_step&) { return error_code{}; }};
}

/// A record on its way, to be looked at and altered: who says it, the how-many-th of that end.
struct passing {
  link_end from;
  std::size_t index;
  bytes& record;
};

/// Carries records between two ends until neither has anything more to say, then ends the streams.
/// `false` where they went on for longer than any handshake lasts.
inline bool converse(attested_end& up, attested_end& down,
                     const std::function<void(passing)>& on_the_way = {}) {
  bytes to_up;
  bytes to_down;
  std::array<std::size_t, 2> count{};
  const auto carry = [&](attested_end& end, link_end which, bytes& in, bytes& out) {
    bool moved = false;
    const std::size_t before = end.steps();
    for (bytes& record : end.hear(in)) {
      if (on_the_way) on_the_way({which, count[which == link_end::upstream ? 0 : 1]++, record});
      out.insert(out.end(), record.begin(), record.end());
      moved = true;
    }
    return moved || end.steps() != before;
  };
  constexpr std::size_t far_too_many = 100;
  for (std::size_t round = 0; round != far_too_many; ++round) {
    const bool above = carry(up, link_end::upstream, to_up, to_down);
    const bool below = carry(down, link_end::downstream, to_down, to_up);
    if (!above && !below) {
      up.end_of_stream();
      down.end_of_stream();
      return true;
    }
  }
  return false;
}

}  // namespace test
