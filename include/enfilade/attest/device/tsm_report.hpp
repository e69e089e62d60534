// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/device/device_file.hpp>
#include <enfilade/attest/device/kernel.hpp>
#include <enfilade/attest/device/time_budget.hpp>
#include <enfilade/attest/refusal.hpp>
#include <enfilade/cipher/random.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace enfilade {

/// What configfs-tsm hands out.
struct tsm_reply {
  std::vector<std::byte> out;  ///< the report or quote, at most 32 KiB
  std::vector<std::byte> aux;  ///< what the provider gives along, at most 64 KiB; often empty
};

/// The kernel's own way to a report or quote of the TEE it runs in, for SEV-SNP and TDX: configfs-tsm,
/// `/sys/kernel/config/tsm/report` (Linux 6.7 and later).
///
/// **Every call may block**, up to a minute where the host throttles or its quoting service hangs:
/// call it off the executor. A directory of its own is made for each report and removed again,
/// whatever happens; somebody who writes into it all the same is noticed by its generation, and the
/// report is made anew, twice at most and within `budget`.
///
/// | error                             | where                                                       |
/// |-----------------------------------|-------------------------------------------------------------|
/// | `errc::attest_device_unavailable` | no configfs-tsm, no provider or another one, no right to it |
/// | `errc::attest_device_throttled`   | host or quoting service are busy                            |
/// | `errc::attest_device_failed`      | a refusal, a reply that is none, races, late                |
/// | `errc::internal`                  | a privilege level above 3                                   |
template <system_calls Kernel = kernel>
class tsm_report {
 public:
  static constexpr const char* path = "/sys/kernel/config/tsm/report";
  static constexpr std::size_t max_out = 32 * 1024;
  static constexpr std::size_t max_aux = 64 * 1024;

  explicit tsm_report(Kernel machine = {}) : machine_(std::forward<Kernel>(machine)) {}

  /// Whether this machine has configfs-tsm; it may still refuse to work.
  bool exists() const { return machine_.exists(path); }

  /// Evidence about `data` from `provider`, which is `sev_guest` or `tdx_guest`.
  ///
  /// `privilege` is the level that an SEV-SNP report is for. Nothing: the kernel's own level, which
  /// under a service module is not 0.
  judged<tsm_reply> make(std::string_view provider, std::span<const std::byte, 64> data,
                         std::optional<unsigned> privilege, std::chrono::nanoseconds budget) {
    if (privilege && *privilege > 3) return refusal{errc::internal, "tsm.privilege_level"};
    const time_budget<machine_type> time{machine_, budget};
    refusal last = failed("tsm.late");
    for (int i = 0; i != max_attempts; ++i) {
      if (time.spent()) return failed("tsm.late");
      judged<tsm_reply> made = attempt(provider, data, privilege);
      if (made) {
        if (time.spent()) return failed("tsm.late");
        return made;
      }
      last = made.error();
      const bool busy = last.rule == "tsm.busy";
      if (!busy && last.rule != "tsm.raced") return last;
      if (busy && i + 1 != max_attempts && !time.wait(std::chrono::seconds{1})) return last;
    }
    return last;
  }

 private:
  using machine_type = std::remove_reference_t<Kernel>;

  static constexpr int max_attempts = 3;

  static refusal failed(std::string_view rule) { return {errc::attest_device_failed, rule}; }

  /// A directory below `path` that is removed in the end.
  class directory {
   public:
    directory(machine_type& machine, std::string name)
        : machine_(machine), name_(std::move(name)), made_(machine.mkdir(name_.c_str())) {}
    ~directory() {
      if (made_ >= 0) machine_.rmdir(name_.c_str());
    }
    directory(const directory&) = delete;
    directory& operator=(const directory&) = delete;

    int made() const noexcept { return made_; }
    std::string file(std::string_view leaf) const { return name_ + "/" + std::string{leaf}; }

   private:
    machine_type& machine_;
    std::string name_;
    int made_;
  };

  judged<tsm_reply> attempt(std::string_view provider, std::span<const std::byte, 64> data,
                            std::optional<unsigned> privilege) {
    std::array<std::byte, 8> unique;
    if (const auto filled = random_bytes(unique); !filled)
      return refusal{errc::crypto_random_failed, "tsm.random"};
    const directory report{machine_, std::string{path} + "/enfilade-" + detail::to_hex(unique)};
    if (report.made() < 0)
      return detail::open_failure(report.made(), {"tsm.absent", "tsm.denied", "tsm.mkdir"});

    const auto named = read_line(report.file("provider"), "tsm.provider_read");
    if (!named) return named.error();
    if (*named != provider) return refusal{errc::attest_device_unavailable, "tsm.other_provider"};

    const auto before = read_number(report.file("generation"), "tsm.generation");
    if (!before) return before.error();
    std::uint64_t writes = 1;
    const auto level = level_to_write(report, privilege);
    if (!level) return level.error();
    if (*level) {
      const std::string digit(1, static_cast<char>('0' + **level));
      if (const auto why = write_all(report.file("privlevel"), detail::bytes_of(digit),
                                     "tsm.privilege_level_refused"))
        return *why;
      ++writes;
    }
    // One write of all: what is written in pieces would be several reports.
    if (const auto why = write_all(report.file("inblob"), data, "tsm.inblob_refused")) return *why;

    tsm_reply out;
    if (const auto why = read_blob(report.file("outblob"), max_out, out.out)) return *why;
    if (out.out.empty()) return failed("tsm.outblob_empty");
    if (const auto why = read_blob(report.file("auxblob"), max_aux, out.aux); why && !absent(*why))
      return *why;

    const auto after = read_number(report.file("generation"), "tsm.generation");
    if (!after) return after.error();
    // Whoever wrote in between may have put his data into our report.
    if (*after - *before != writes) return failed("tsm.raced");
    return out;
  }

  static bool absent(const refusal& why) { return why.rule == "tsm.blob_absent"; }

  /// The privilege level that must be written; nothing where the kernel's default is right.
  judged<std::optional<unsigned>> level_to_write(const directory& report,
                                                 std::optional<unsigned> wanted) {
    const auto floor = read_number(report.file("privlevel_floor"), "tsm.privilege_floor");
    if (!floor) {
      // TDX has no such thing.
      if (floor.error() != refusal{errc::attest_device_unavailable, "tsm.privilege_floor"})
        return floor.error();
      if (wanted) return failed("tsm.privilege_level_unknown");
      return std::optional<unsigned>{};
    }
    if (*floor > 3) return failed("tsm.privilege_floor");
    if (wanted && *wanted < *floor) return failed("tsm.privilege_level_below_floor");
    if (wanted) return wanted;
    if (*floor == 0) return std::optional<unsigned>{};
    return std::optional{static_cast<unsigned>(*floor)};
  }

  judged<std::string> read_line(const std::string& name, std::string_view rule) {
    detail::device_file<machine_type> file{machine_, name.c_str(), O_RDONLY};
    if (!file) return detail::open_failure(file.opened(), {rule, "tsm.denied", rule});
    std::array<std::byte, 32> room;
    const std::int64_t got = file.read_all(room);
    if (got == -ENXIO) return refusal{errc::attest_device_unavailable, "tsm.no_provider"};
    if (got <= 0 || static_cast<std::size_t>(got) == room.size()) return failed(rule);
    std::string line(reinterpret_cast<const char*>(room.data()), static_cast<std::size_t>(got));
    if (line.back() == '\n') line.pop_back();
    return line;
  }

  judged<std::uint64_t> read_number(const std::string& name, std::string_view rule) {
    const auto line = read_line(name, rule);
    if (!line) return line.error();
    std::uint64_t value = 0;
    const char* const end = line->data() + line->size();
    const auto [at, error] = std::from_chars(line->data(), end, value);
    if (error != std::errc{} || at != end) return failed(rule);
    return value;
  }

  std::optional<refusal> write_all(const std::string& name, detail::byte_span bytes,
                                   std::string_view rule) {
    detail::device_file<machine_type> file{machine_, name.c_str(), O_WRONLY};
    if (!file) return detail::open_failure(file.opened(), {rule, "tsm.denied", rule});
    const std::int64_t written = file.write(bytes);
    if (written < 0) return failure_of(-written, rule);
    if (static_cast<std::uint64_t>(written) != bytes.size()) return failed("tsm.short_write");
    return std::nullopt;
  }

  std::optional<refusal> read_blob(const std::string& name, std::size_t most,
                                   std::vector<std::byte>& out) {
    detail::device_file<machine_type> file{machine_, name.c_str(), O_RDONLY};
    if (!file)
      return detail::open_failure(file.opened(),
                                  {"tsm.blob_absent", "tsm.denied", "tsm.blob_open"});
    out.resize(most + 1);  // one more shows that there is more
    const std::int64_t got = file.read_all(out);
    if (got < 0) return failure_of(-got, "tsm.blob_read");
    if (static_cast<std::uint64_t>(got) > most) return failed("tsm.blob_too_long");
    out.resize(static_cast<std::size_t>(got));
    return std::nullopt;
  }

  static refusal failure_of(std::int64_t number, std::string_view rule) {
    switch (number) {
      case EBUSY:
      case EAGAIN:
        return {errc::attest_device_throttled, "tsm.busy"};
      case ETIMEDOUT:
        return {errc::attest_device_throttled, "tsm.timed_out"};
      case EINVAL:
        return failed("tsm.invalid_argument");
      case EFAULT:
        return failed("tsm.fault");
      case EFBIG:
        return failed("tsm.blob_too_long");
      case EINTR:
        return failed("tsm.interrupted");
      // The kernel has destroyed its key, after an answer that it could not trust.
      case ENOTTY:
        return failed("tsm.key_disabled");
      default:
        return failed(rule);
    }
  }

  Kernel machine_;
};

template <class Kernel>
tsm_report(Kernel&&) -> tsm_report<Kernel>;
tsm_report()->tsm_report<kernel>;

}  // namespace enfilade
