// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/refusal.hpp>
#include <enfilade/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// What a block of PEM may hold here.
enum class pem_label { certificate, revocation_list };

namespace detail {

class pem_reader {
 public:
  pem_reader(std::string_view text, pem_label label) noexcept
      : rest_(text), name_(label == pem_label::certificate ? "CERTIFICATE" : "X509 CRL") {}

  judged<std::vector<std::vector<std::byte>>> read(std::size_t most) {
    if (rest_.empty()) return refused("pem.empty");
    std::vector<std::vector<std::byte>> blocks;
    while (!rest_.empty()) {
      if (blocks.size() == most) return refused("pem.too_many_blocks");
      auto block = read_block();
      if (!block) return block.error();
      blocks.push_back(std::move(*block));
    }
    return blocks;
  }

 private:
  static constexpr std::size_t line_length = 64;  // RFC 7468 §2

  static refusal refused(std::string_view rule) noexcept { return {errc::attest_malformed, rule}; }

  judged<std::vector<std::byte>> read_block() {
    if (!is_boundary(next_line(), "-----BEGIN ")) return refused("pem.begin");
    std::vector<std::byte> content;
    for (bool last = false;;) {
      if (rest_.empty()) return refused("pem.no_end");
      const std::string_view line = next_line();
      if (is_boundary(line, "-----END ")) break;
      if (last || line.empty() || line.size() > line_length || line.size() % 4 != 0)
        return refused("pem.line");
      last = line.size() != line_length || line.back() == '=';
      if (const std::string_view rule = decode(line, content); !rule.empty()) return refused(rule);
    }
    if (content.empty()) return refused("pem.no_content");
    return content;
  }

  /// Up to an LF or CR LF, which is dropped; the rest where there is none.
  std::string_view next_line() noexcept {
    const std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
    if (end != rest_.npos && line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  bool is_boundary(std::string_view line, std::string_view begin) const noexcept {
    if (!line.starts_with(begin)) return false;
    line.remove_prefix(begin.size());
    return line.starts_with(name_) && line.substr(name_.size()) == "-----";
  }

  // 64 where `c` is none of the alphabet (RFC 4648 §4).
  static constexpr unsigned digit(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a' + 26);
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0' + 52);
    if (c == '+') return 62;
    if (c == '/') return 63;
    return 64;
  }

  /// Appends the bytes of groups of four characters; returns the rule that they break, or nothing.
  static std::string_view decode(std::string_view line, std::vector<std::byte>& out) {
    for (; !line.empty(); line.remove_prefix(4)) {
      std::string_view group = line.substr(0, 4);
      // Only the very last group may be filled up, and with one or two.
      while (line.size() == 4 && group.size() > 2 && group.back() == '=') group.remove_suffix(1);
      std::uint32_t bits = 0;
      for (std::size_t i = 0; i != 4; ++i) {
        const unsigned value = i < group.size() ? digit(group[i]) : 0;
        if (value == 64) return group[i] == '=' ? "pem.padding" : "pem.character";
        bits = bits << 6 | value;
      }
      const std::size_t bytes = group.size() - 1;
      // Bits that no byte takes are zero, or one content would have several encodings.
      if ((bits & ((1U << (8 * (3 - bytes))) - 1)) != 0) return "pem.padding";
      for (std::size_t i = 0; i != bytes; ++i)
        out.push_back(static_cast<std::byte>(bits >> (16 - 8 * i)));
    }
    return {};
  }

  std::string_view rest_;
  std::string_view name_;
};

}  // namespace detail

inline constexpr std::size_t max_pem_size = 512 * 1024;  ///< characters: a long list of revocations
inline constexpr std::size_t max_pem_blocks = 8;

/// The bytes of each block of a text in PEM, in their order: between one and `most`, all with the
/// same label, as certificates come inside of Intel's quotes and from every maker's servers.
///
/// The strict form of RFC 7468 (§3, "stricttextualmsg"): lines of 64 characters, only the last of a
/// block shorter; nothing before, between and behind the blocks; base64 without spaces, filled up at
/// its end, and with no bit that belongs to no byte. Lines end in LF or in CR LF, the last one may go
/// without. So a text with LF alone is the only one of its content.
///
/// `errc::attest_malformed` under a rule `pem.*` for everything else. What is in the blocks is not
/// looked at.
inline judged<std::vector<std::vector<std::byte>>> read_pem(std::string_view text, pem_label label,
                                                            std::size_t most = max_pem_blocks) {
  if (text.size() > max_pem_size) return refusal{errc::attest_malformed, "pem.too_long"};
  return detail::pem_reader{text, label}.read(most);
}

}  // namespace enfilade
