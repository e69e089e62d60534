// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/error.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/error.hpp>

namespace enfilade::detail {

/// No address of any transport is longer, so that none fills a line of a log.
inline constexpr std::size_t max_address_length = 300;

/// What follows `scheme:`; nothing where the text does not begin so, or is too long.
inline std::optional<std::string_view> after_scheme(std::string_view text,
                                                    std::string_view scheme) noexcept {
  if (text.size() > max_address_length || text.size() <= scheme.size() ||
      !text.starts_with(scheme) || text[scheme.size()] != ':')
    return std::nullopt;
  return text.substr(scheme.size() + 1);
}

/// A decimal number of the fewest digits, at most `max`: no sign, no blank, no leading zero.
template <std::unsigned_integral T>
std::optional<T> parse_decimal(std::string_view text, T max) noexcept {
  T value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc{} || stop != end || value > max) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return value;
}

/// The error of a socket call in Enfilade's words, with the address it concerns.
///
/// Codes that speak of this process rather than of the address (no more descriptors, no memory)
/// stay what they are, and so does `operation_aborted`, which is no fault at all.
inline failure transport_failure(error_code e, std::string where) {
  namespace error = boost::asio::error;
  namespace posix = boost::system::errc;
  if (e == error::connection_refused || e == error::host_unreachable ||
      e == error::network_unreachable || e == error::network_down || e == error::host_not_found ||
      e == error::host_not_found_try_again || e == error::no_data || e == error::no_recovery ||
      e == error::service_not_found || e == error::connection_reset ||
      e == error::connection_aborted || e == posix::no_such_file_or_directory ||
      e == posix::address_not_available || e == posix::no_such_device || e == error::try_again)
    return {errc::transport_unreachable, std::move(where)};
  if (e == posix::filename_too_long) return {errc::transport_address_invalid, std::move(where)};
  if (e == error::timed_out) return {errc::transport_timeout, std::move(where)};
  if (e == error::address_in_use) return {errc::transport_address_in_use, std::move(where)};
  if (e == error::access_denied || e == error::no_permission)
    return {errc::transport_denied, std::move(where)};
  if (e == error::address_family_not_supported || e == posix::protocol_not_supported)
    return {errc::transport_unsupported, std::move(where)};
  return {e, std::move(where)};
}

/// As `transport_failure`, for opening a door: there an address that is not this machine's own, or
/// whose folder does not exist, is a wrong address and not an absent peer.
inline failure listen_failure(error_code e, std::string where) {
  failure found = transport_failure(e, where);
  if (found.code() == errc::transport_unreachable)
    return {errc::transport_address_invalid, std::move(where)};
  return found;
}

}  // namespace enfilade::detail
