// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/cose/cbor_writer.hpp>
#include <enfilade/attest/device/device_file.hpp>
#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/nsm_reply.hpp>
#include <enfilade/attest/device/time_budget.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace enfilade {

/// What an enclave wants to have in its attestation document; nothing of a field: null.
struct nsm_request {
  std::optional<detail::byte_span> user_data = std::nullopt;   ///< at most 512 bytes
  std::optional<detail::byte_span> nonce = std::nullopt;       ///< at most 512 bytes
  std::optional<detail::byte_span> public_key = std::nullopt;  ///< at most 1024 bytes
};

namespace detail {

// <linux/nsm.h>: two buffers, and after the call the length of what is in the second.
struct nsm_raw {
  std::uint64_t request_address;
  std::uint64_t request_size;
  std::uint64_t response_address;
  std::uint64_t response_size;
};
inline constexpr unsigned long nsm_ioctl_raw = 0xC0200A00;

inline std::uint64_t address_of(const void* at) noexcept {
  return reinterpret_cast<std::uintptr_t>(at);
}

}  // namespace detail

/// The Nitro Secure Module, `/dev/nsm`: makes attestation documents inside an enclave and keeps its
/// registers.
///
///     nsm_device nsm;
///     const auto document = nsm.attest({.user_data = data}, std::chrono::seconds{5});
///
/// **Every call may block**, up to two minutes where the module does not answer: call it off the
/// executor. One request is one system call, and none is repeated but for signals; what comes after
/// `budget` counts as no answer.
///
/// | error                             | where                                                      |
/// |-----------------------------------|------------------------------------------------------------|
/// | `errc::attest_device_unavailable` | no enclave, or no right to open the device                 |
/// | `errc::attest_device_failed`      | the module's error by its name, a reply that is none, late |
/// | `errc::attest_registers_taken`    | the register is locked                                     |
/// | `errc::internal`                  | an argument that is too long                               |
template <system_calls Kernel = kernel>
class nsm_device {
 public:
  static constexpr const char* path = "/dev/nsm";
  static constexpr std::size_t max_told = 512;  // of user data, and of the nonce
  static constexpr std::size_t max_public_key = 1024;

  explicit nsm_device(Kernel machine = {}) : machine_(std::forward<Kernel>(machine)) {}

  /// Whether this machine has the device; it may still refuse to work.
  bool exists() const { return machine_.exists(path); }

  /// A COSE_Sign1, as `verify_nitro` takes it.
  judged<std::vector<std::byte>> attest(const nsm_request& told, std::chrono::nanoseconds budget) {
    const auto too_long = [](const std::optional<detail::byte_span>& field, std::size_t most) {
      return field && field->size() > most;
    };
    if (too_long(told.user_data, max_told)) return refusal{errc::internal, "nsm.user_data"};
    if (too_long(told.nonce, max_told)) return refusal{errc::internal, "nsm.nonce"};
    if (too_long(told.public_key, max_public_key)) return refusal{errc::internal, "nsm.public_key"};
    return ask(
        budget,
        [&](cbor_writer& request) {
          request.map(1).text("Attestation").map(3);
          request.text("user_data").bytes_or_null(told.user_data);
          request.text("nonce").bytes_or_null(told.nonce);
          request.text("public_key").bytes_or_null(told.public_key);
        },
        read_nsm_document);
  }

  judged<nsm_register> describe_register(std::uint16_t index, std::chrono::nanoseconds budget) {
    return ask(
        budget,
        [&](cbor_writer& request) {
          request.map(1).text("DescribePCR").map(1).text("index").number(index);
        },
        read_nsm_register);
  }

  /// Makes the register SHA-384 of its value and `data`. Returns the new value.
  judged<std::array<std::byte, 48>> extend_register(std::uint16_t index, detail::byte_span data,
                                                    std::chrono::nanoseconds budget) {
    if (data.size() > max_told) return refusal{errc::internal, "nsm.register_data"};
    return ask(
        budget,
        [&](cbor_writer& request) {
          request.map(1).text("ExtendPCR").map(2).text("index").number(index);
          request.text("data").bytes(data);
        },
        read_nsm_extended);
  }

  /// Nobody can extend that register any more until the enclave ends.
  judged<void> lock_register(std::uint16_t index, std::chrono::nanoseconds budget) {
    return ask(
        budget,
        [&](cbor_writer& request) {
          request.map(1).text("LockPCR").map(1).text("index").number(index);
        },
        [](detail::byte_span reply) { return read_nsm_done(reply, "LockPCR"); });
  }

  /// Locks the registers 0 to `end` - 1.
  judged<void> lock_registers_below(std::uint16_t end, std::chrono::nanoseconds budget) {
    return ask(
        budget,
        [&](cbor_writer& request) {
          request.map(1).text("LockPCRs").map(1).text("range").number(end);
        },
        [](detail::byte_span reply) { return read_nsm_done(reply, "LockPCRs"); });
  }

  judged<nsm_description> describe(std::chrono::nanoseconds budget) {
    return ask(
        budget, [](cbor_writer& request) { request.text("DescribeNSM"); }, read_nsm_description);
  }

  /// The kernel that it talks to.
  std::remove_reference_t<Kernel>& machine() { return machine_; }

 private:
  static constexpr std::size_t max_request = 0x1000;

  using machine_type = std::remove_reference_t<Kernel>;

  template <class Write, class Read>
  auto ask(std::chrono::nanoseconds budget, Write write, Read read)
      -> decltype(read(detail::byte_span{})) {
    std::array<std::byte, max_request> request;
    cbor_writer writer{request};
    write(writer);
    // The longest has 2.1 KiB: its parts were measured before.
    const detail::byte_span written = writer.document().value_or(detail::byte_span{});

    std::array<std::byte, detail::nsm_max_reply> reply;
    const auto size = exchange(written, reply, budget);
    if (!size) return size.error();
    return read(detail::byte_span{reply}.first(*size));
  }

  judged<std::size_t> exchange(detail::byte_span request, std::span<std::byte> room,
                               std::chrono::nanoseconds budget) {
    const time_budget<machine_type> time{machine_, budget};
    if (time.spent()) return detail::nsm_failed("nsm.late");
    detail::device_file<machine_type> file{machine_, path, O_RDWR};
    if (!file) return detail::open_failure(file.opened(), {"nsm.absent", "nsm.denied", "nsm.open"});

    detail::nsm_raw raw{detail::address_of(request.data()), request.size(),
                        detail::address_of(room.data()), room.size()};
    const int answer = file.ioctl(detail::nsm_ioctl_raw, &raw);
    if (answer < 0) return failure_of(-answer);
    if (time.spent()) return detail::nsm_failed("nsm.late");
    if (raw.response_size > room.size()) return detail::nsm_failed("nsm.reply_size");
    return static_cast<std::size_t>(raw.response_size);
  }

  static refusal failure_of(int number) {
    switch (number) {
      case EMSGSIZE:
        return detail::nsm_failed("nsm.input_too_large");
      case ETIMEDOUT:
        return detail::nsm_failed("nsm.timed_out");
      case EINTR:
        return detail::nsm_failed("nsm.interrupted");
      case ENOTTY:
      case EINVAL:
        return detail::nsm_failed("nsm.other_device");
      case EACCES:
      case EPERM:
        return {errc::attest_device_unavailable, "nsm.denied"};
      default:
        return detail::nsm_failed("nsm.ioctl");
    }
  }

  Kernel machine_;
};

template <class Kernel>
nsm_device(Kernel&&) -> nsm_device<Kernel>;
nsm_device()->nsm_device<kernel>;

}  // namespace enfilade
