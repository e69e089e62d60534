// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/wire/handshake.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace test {

using enfilade::errc;
using enfilade::error_code;
using enfilade::handshake;
using enfilade::handshake_parameters;
using enfilade::handshake_step;
using enfilade::link_end;
using bytes = std::vector<std::byte>;

/// What one end of a test link is and does.
struct end_setup {
  handshake_parameters parameters;
  std::uint16_t format = 7;
  bytes evidence = bytes(300, std::byte{0xE7});
  error_code attest_error;   // instead of evidence
  error_code verdict_error;  // instead of accepting the peer's
};

inline end_setup upstream_setup() {
  end_setup setup;
  setup.parameters.end = link_end::upstream;
  setup.parameters.plan.fill(std::byte{0x91});
  return setup;
}

inline end_setup downstream_setup() {
  end_setup setup = upstream_setup();
  setup.parameters.end = link_end::downstream;
  return setup;
}

/// Each end attests and demands that the other does.
inline void attest_both(end_setup& up, end_setup& down) {
  for (end_setup* setup : {&up, &down})
    setup->parameters.sends_evidence = setup->parameters.demands_evidence = true;
}

/// Secrets and nonces are the same in every run, so that runs differ only in what a test changes.
template <enfilade::cipher C>
handshake<C> make_end(const handshake_parameters& parameters) {
  const bool up = parameters.end == link_end::upstream;
  std::array<std::byte, 32> secret{};
  std::array<std::byte, 32> nonce{};
  secret.fill(up ? std::byte{0x55} : std::byte{0xD0});
  nonce.fill(up ? std::byte{0x56} : std::byte{0xD1});
  return handshake<C>{parameters, enfilade::Key<32>{secret}, nonce};
}

/// One end, driven by hand: records are given to it and taken from it.
template <enfilade::cipher C>
struct driven_end {
  explicit driven_end(const handshake_parameters& parameters)
      : machine(make_end<C>(parameters)), step(machine.next()) {}
  explicit driven_end(handshake<C> fresh) : machine(std::move(fresh)), step(machine.next()) {}

  bytes take() {
    const bytes record(step.output.begin(), step.output.end());
    step = machine.next();
    return record;
  }

  void give(std::span<const std::byte> record) {
    while (step.what == handshake_step::action::read && record.size() >= step.input.size()) {
      const std::size_t size = step.input.size();
      std::copy_n(record.begin(), size, step.input.begin());
      record = record.subspan(size);
      step = machine.next();
      if (record.empty()) return;
    }
  }

  handshake<C> machine;
  handshake_step step;
};

/// A record on its way: who sent it, the how-many-th of that end, and its bytes, to be altered.
struct flight {
  link_end from;
  std::size_t index;
  bytes& record;
};

/// Runs two handshakes against each other in memory until neither can go on.
///
/// `on_the_way` sees, and may alter, each record between the ends; an end that waits for bytes when
/// the other has stopped is told that the stream ended.
template <enfilade::cipher C, enfilade::cipher D = C>
class two_ends {
 public:
  two_ends(end_setup up, end_setup down, std::function<void(flight)> on_the_way = {})
      : up_(std::move(up)), down_(std::move(down)), on_the_way_(std::move(on_the_way)) {
    run();
  }

  const handshake_step& up() const { return up_step_; }
  const handshake_step& down() const { return down_step_; }
  handshake<C>& up_handshake() { return up_end_; }
  handshake<D>& down_handshake() { return down_end_; }

  bool established() const {
    return up_step_.what == handshake_step::action::done &&
           down_step_.what == handshake_step::action::done;
  }

  /// What each end was shown and asked to sign.
  std::optional<std::array<std::byte, 64>> up_attested, down_attested, up_verified, down_verified;
  bytes shown_to_up, shown_to_down;
  std::vector<bytes> from_up, from_down;  // records as they left

 private:
  using action = handshake_step::action;

  void run() {
    std::size_t before = 0;
    do {
      before = steps_;
      advance(up_end_, up_, up_step_, to_up_, to_down_, from_up, up_attested, up_verified,
              shown_to_up);
      advance(down_end_, down_, down_step_, to_down_, to_up_, from_down, down_attested,
              down_verified, shown_to_down);
    } while (steps_ != before);
    end_of_stream(up_end_, up_step_);
    end_of_stream(down_end_, down_step_);
  }

  template <class Handshake>
  void end_of_stream(Handshake& end, handshake_step& step) {
    if (step.what != action::read) return;
    end.end_of_stream();
    step = end.next();
  }

  template <class Handshake>
  void advance(Handshake& end, const end_setup& setup, handshake_step& step, bytes& incoming,
               bytes& outgoing, std::vector<bytes>& sent,
               std::optional<std::array<std::byte, 64>>& attested,
               std::optional<std::array<std::byte, 64>>& verified, bytes& shown) {
    while (true) {
      if (step.what == action::read) {
        if (incoming.size() < step.input.size()) return;
        std::copy_n(incoming.begin(), step.input.size(), step.input.begin());
        incoming.erase(incoming.begin(),
                       incoming.begin() + static_cast<std::ptrdiff_t>(step.input.size()));
      } else if (step.what == action::attest) {
        attested = step.report_data;
        if (setup.attest_error)
          end.refuse(setup.attest_error);
        else
          end.provide(setup.format, setup.evidence);
      } else if (step.what == action::verify) {
        verified = step.report_data;
        shown.assign(step.evidence.begin(), step.evidence.end());
        if (setup.verdict_error)
          end.refuse(setup.verdict_error);
        else
          end.accept();
      } else if (step.what != action::write) {
        return;
      }
      step = end.next();
      ++steps_;
      if (step.what == action::write) {
        bytes record(step.output.begin(), step.output.end());
        sent.push_back(record);
        if (on_the_way_) on_the_way_({setup.parameters.end, sent.size() - 1, record});
        outgoing.insert(outgoing.end(), record.begin(), record.end());
      }
    }
  }

  end_setup up_;
  end_setup down_;
  std::function<void(flight)> on_the_way_;
  handshake<C> up_end_ = make_end<C>(up_.parameters);
  handshake<D> down_end_ = make_end<D>(down_.parameters);
  handshake_step up_step_ = handshake_step::write({});
  handshake_step down_step_ = handshake_step::write({});
  bytes to_up_;
  bytes to_down_;
  std::size_t steps_ = 0;
};

}  // namespace test
