// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace enfilade {

namespace detail {

inline void save_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream file{path, std::ios::binary};
  file << content;
  if (!file.flush()) throw failure(errc::usage, path.string() + " cannot be written");
}

}  // namespace detail

/// Keeps what a stage showed, for `enfilade-verify` and for auditors: `stage<i>.evidence`, and
/// `stage<i>.nonce` with the report data of its session in hexadecimal, which says for what it was
/// made. Both are public. Makes the folder; throws `failure(errc::usage)` where that fails.
inline void save_evidence(const std::filesystem::path& folder, std::size_t stage,
                          detail::byte_span evidence, std::span<const std::byte, 64> report_data) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw failure(errc::usage, folder.string() + " cannot be made");
  const std::filesystem::path file = folder / ("stage" + std::to_string(stage));
  detail::save_file(file.string() + ".evidence",
                    {reinterpret_cast<const char*>(evidence.data()), evidence.size()});
  detail::save_file(file.string() + ".nonce", detail::to_hex(report_data) + "\n");
}

}  // namespace enfilade
