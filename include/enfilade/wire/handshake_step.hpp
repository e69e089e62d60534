// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace enfilade {

/// What a `handshake` asks of whoever drives it; `action` says which of the fields mean something.
///
/// Spans view memory of the handshake and are valid until its next call.
struct handshake_step {
  enum class action : std::uint8_t {
    write,   ///< send all of `output`
    read,    ///< fill all of `input`; where the stream ends first, `end_of_stream()`
    attest,  ///< have a TEE sign `report_data`, then `provide()` or `refuse()`
    verify,  ///< does `evidence` hold for `report_data`? `accept()` or `refuse()`
    done,    ///< established: `take_session()`
    failed,  ///< `error` says why; close the connection
  };

  handshake_step() noexcept = default;

  action what = action::failed;
  std::span<const std::byte> output;
  std::span<std::byte> input;
  std::array<std::byte, 64> report_data{};
  std::uint16_t format = 0;
  std::span<const std::byte> evidence;
  std::array<std::byte, 32> receipt_key{};
  error_code error;

  static handshake_step write(std::span<const std::byte> bytes) noexcept {
    handshake_step step{action::write};
    step.output = bytes;
    return step;
  }
  static handshake_step read(std::span<std::byte> into) noexcept {
    handshake_step step{action::read};
    step.input = into;
    return step;
  }
  static handshake_step attest(const std::array<std::byte, 64>& data,
                               const std::array<std::byte, 32>& key) noexcept {
    handshake_step step{action::attest};
    step.report_data = data;
    step.receipt_key = key;
    return step;
  }
  static handshake_step verify(const std::array<std::byte, 64>& data, std::uint16_t kind,
                               std::span<const std::byte> bytes,
                               const std::array<std::byte, 32>& key) noexcept {
    handshake_step step{action::verify};
    step.report_data = data;
    step.format = kind;
    step.evidence = bytes;
    step.receipt_key = key;
    return step;
  }
  static handshake_step finish() noexcept { return handshake_step{action::done}; }
  static handshake_step fail(error_code cause) noexcept {
    handshake_step step{action::failed};
    step.error = cause;
    return step;
  }

 private:
  explicit handshake_step(action a) noexcept : what(a) {}
};

}  // namespace enfilade
