// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/detail/bytes.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "support/fake_kernel.hpp"
#include "support/fake_sev_guest.hpp"
#include "support/test_authority.hpp"

namespace test {

/// configfs-tsm of a guest that the test runs: directories whose files are the kernel's, with its
/// rules for what is written and for the generation.
class fake_tsm : public fake_kernel::node {
 public:
  fake_tsm(fake_kernel& machine, std::string provider_name, evidence_maker maker)
      : provider(std::move(provider_name)), make(std::move(maker)), machine_(machine) {
    if (provider == "sev_guest") privilege_floor = 0;
    machine.attach(*this);
  }

  // --- what a test may choose ------------------------------------------------------------------
  std::string provider;
  evidence_maker make;
  bytes aux;                                ///< `auxblob`; SEV-SNP always has the file
  std::optional<unsigned> privilege_floor;  ///< TDX has none; not 0 under a service module
  int races = 0;                            ///< somebody else writes so often into our directory
  int busy = 0;                             ///< so many reads of `outblob` fail with EBUSY
  std::string generation_text;              ///< in place of the number
  std::chrono::nanoseconds takes{0};        ///< how long evidence takes

  // --- and what it may ask -----------------------------------------------------------------------
  int made() const { return made_; }
  std::size_t left_behind() const { return reports_.size(); }
  int privilege_written() const { return privilege_written_; }

  bool has(const std::string& path) const override {
    if (path == root) return true;
    const auto [report, leaf] = parts(path);
    if (!reports_.contains(report)) return false;
    if (leaf == "privlevel" || leaf == "privlevel_floor") return privilege_floor.has_value();
    if (leaf == "auxblob") return provider == "sev_guest";
    constexpr std::array<std::string_view, 5> known{"", "provider", "generation", "inblob",
                                                    "outblob"};
    return std::ranges::find(known, leaf) != known.end();
  }

  int mkdir(const std::string& path) override {
    const bool fresh = reports_.emplace(path, state{}).second;
    if (fresh) ++made_;
    return fresh ? 0 : -EEXIST;
  }
  int rmdir(const std::string& path) override { return reports_.erase(path) == 1 ? 0 : -ENOENT; }

  std::int64_t write(const std::string& path, std::span<const std::byte> from) override {
    const auto [report, leaf] = parts(path);
    state& s = reports_.at(report);
    if (leaf == "inblob") {
      // The kernel collects it, and looks at it when the file is closed.
      if (s.collected.size() + from.size() > 64) return -EFBIG;
      s.collected.insert(s.collected.end(), from.begin(), from.end());
      return static_cast<std::int64_t>(from.size());
    }
    if (leaf != "privlevel") return -EINVAL;
    const auto level = from.empty() ? 9U : std::to_integer<unsigned>(from.front()) - '0';
    if (level > 3 || level < privilege_floor) return -EINVAL;
    s.privilege = level;
    privilege_written_ = static_cast<int>(level);
    ++s.generation;
    return static_cast<std::int64_t>(from.size());
  }

  void closed(const std::string& path) override {
    const auto [report, leaf] = parts(path);
    const auto at = reports_.find(report);
    if (leaf != "inblob" || at == reports_.end() || at->second.collected.empty()) return;
    at->second.data = std::exchange(at->second.collected, {});
    ++at->second.generation;
  }

  std::int64_t read(const std::string& path, std::size_t offset,
                    std::span<std::byte> into) override {
    const auto [report, leaf] = parts(path);
    state& s = reports_.at(report);
    if (leaf == "provider") return give(text_bytes(provider + "\n"), offset, into);
    if (leaf == "generation") {
      const std::string text = std::to_string(s.generation) + "\n";
      return give(text_bytes(generation_text.empty() ? text : generation_text), offset, into);
    }
    if (leaf == "privlevel_floor")
      return give(text_bytes(std::to_string(*privilege_floor) + "\n"), offset, into);
    if (leaf == "auxblob") return give(aux, offset, into);
    if (leaf != "outblob") return -EINVAL;
    if (offset == 0) {
      if (s.data.size() != 64) return -EINVAL;
      if (privilege_floor && s.privilege < *privilege_floor) return -EINVAL;
      if (busy > 0) {
        --busy;
        return -EBUSY;
      }
      if (races != 0) {
        if (races > 0) --races;
        s.data.assign(64, std::byte{0xEE});
        ++s.generation;
      }
      machine_.pass(takes);
      s.out = make(std::span{s.data}.first<64>(), s.privilege);
    }
    return give(s.out, offset, into);
  }

 private:
  struct state {
    std::uint64_t generation = 0;
    unsigned privilege = 0;
    bytes collected;
    bytes data;
    bytes out;
  };

  static constexpr const char* root = "/sys/kernel/config/tsm/report";

  /// The directory of a report, and the file in it; "" for the directory itself.
  static std::pair<std::string, std::string> parts(const std::string& path) {
    const std::size_t end = path.find('/', std::string_view{root}.size() + 1);
    if (end == std::string::npos) return {path, ""};
    return {path.substr(0, end), path.substr(end + 1)};
  }

  static bytes text_bytes(std::string_view text) {
    const auto view = enfilade::detail::bytes_of(text);
    return {view.begin(), view.end()};
  }

  static std::int64_t give(const bytes& content, std::size_t offset, std::span<std::byte> into) {
    const std::size_t from = std::min(offset, content.size());
    const std::size_t size = std::min(into.size(), content.size() - from);
    std::ranges::copy(std::span{content}.subspan(from, size), into.begin());
    return static_cast<std::int64_t>(size);
  }

  fake_kernel& machine_;
  std::map<std::string, state> reports_;
  int made_ = 0;
  int privilege_written_ = -1;
};

}  // namespace test
