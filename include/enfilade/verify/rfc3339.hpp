// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace enfilade {

namespace detail {

/// Takes a date apart from left to right; what is not there makes every later answer worthless, and
/// `good()` says so.
class date_reader {
 public:
  explicit date_reader(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i != count; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return fail();
      value = 10 * value + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  /// Whether the next character is one of these; it is then gone.
  char one_of(std::string_view allowed) {
    if (rest_.empty() || allowed.find(rest_.front()) == allowed.npos) return '\0';
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }
  void need(std::string_view allowed) {
    if (one_of(allowed) == '\0') fail();
  }
  /// One digit or more, of no interest.
  void skip_digits() {
    digits(1);
    while (one_of("0123456789") != '\0') continue;
  }
  bool good() const { return good_ && rest_.empty(); }

 private:
  int fail() {
    good_ = false;
    return 0;
  }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace detail

/// The second that a text such as `2024-09-07T14:37:39Z` or `2024-09-07T16:37:39.5+02:00` lies in
/// (RFC 3339 §5.6); nothing where it is none. Fractions of a second are cut off. A leap second is
/// none: the clocks that this is compared with have no such thing.
inline std::optional<std::chrono::sys_seconds> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  detail::date_reader reader{text};
  const int of_year = reader.digits(4);
  reader.need("-");
  const int of_month = reader.digits(2);
  reader.need("-");
  const int of_day = reader.digits(2);
  reader.need("Tt");
  const int hour = reader.digits(2);
  reader.need(":");
  const int minute = reader.digits(2);
  reader.need(":");
  const int second = reader.digits(2);
  if (reader.one_of(".") != '\0') reader.skip_digits();
  minutes ahead{0};
  if (const char sign = reader.one_of("+-"); sign != '\0') {
    const int hours_ahead = reader.digits(2);
    reader.need(":");
    const int minutes_ahead = reader.digits(2);
    if (hours_ahead > 23 || minutes_ahead > 59) return std::nullopt;
    ahead = (sign == '+' ? 1 : -1) * (hours{hours_ahead} + std::chrono::minutes{minutes_ahead});
  } else {
    reader.need("Zz");
  }
  const year_month_day date{year{of_year}, month{static_cast<unsigned>(of_month)},
                            day{static_cast<unsigned>(of_day)}};
  if (!reader.good() || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return sys_days{date} + hours{hour} + std::chrono::minutes{minute} + seconds{second} - ahead;
}

/// `2024-09-07T14:37:39Z`; of the years 0 to 9999, which is all that certificates can name.
inline std::string format_rfc3339(std::chrono::sys_seconds when) {
  using namespace std::chrono;
  const sys_days midnight = floor<days>(when);
  const year_month_day date{midnight};
  const hh_mm_ss time{when - midnight};
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

}  // namespace enfilade
