#include "cli/wall_time.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <limits>

namespace ioa::cli {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kLastSecond = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;

/// Reads a text from its beginning; after a step that failed all others do.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : rest_(text) {}

  bool is_at_end() const noexcept { return ok_ && rest_.empty(); }
  bool ok() const noexcept { return ok_; }

  /// Exactly so many digits.
  int digits(std::size_t count) noexcept {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value * 10 + digit();
    return value;
  }
  /// One of these characters, which it returns.
  char one_of(std::string_view choices) noexcept {
    if (!ok_ || rest_.empty() || choices.find(rest_.front()) == choices.npos) return fail();
    return take();
  }
  bool has(char next) const noexcept { return ok_ && !rest_.empty() && rest_.front() == next; }
  /// A fraction behind a point, if there is one. What is finer than a nanosecond is dropped.
  Duration fraction() noexcept {
    if (!has('.')) return Duration::zero();
    take();
    Duration::rep value = digit();
    Duration::rep unit = 100'000'000;
    value *= unit;
    while (ok_ && !rest_.empty() && is_digit(rest_.front())) value += (unit /= 10) * digit();
    return Duration(value);
  }

 private:
  static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
  char fail() noexcept {
    ok_ = false;
    return '\0';
  }
  char take() noexcept {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  int digit() noexcept {
    if (!ok_ || rest_.empty() || !is_digit(rest_.front())) return fail();
    return take() - '0';
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::optional<WallTime> make_time(std::int64_t since_epoch, Duration fraction) {
  if (since_epoch < 0 || since_epoch >= kLastSecond) return std::nullopt;
  return WallTime(seconds(since_epoch) + fraction);
}

/// `@SECONDS`, without the `@`.
std::optional<WallTime> parse_epoch(std::string_view text) {
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::int64_t value = 0;
  const auto read = std::from_chars(whole.begin(), whole.end(), value);
  if (whole.empty() || read.ec != std::errc() || read.ptr != whole.end()) return std::nullopt;
  Scanner rest(point == text.npos ? std::string_view() : text.substr(point));
  const Duration fraction = rest.fraction();
  return rest.is_at_end() ? make_time(value, fraction) : std::nullopt;
}

/// Seconds that the time is ahead of UTC: `Z`, `+01:00`.
int read_offset(Scanner& text, bool& is_valid) {
  const char sign = text.one_of("Zz+-");
  if (sign == 'Z' || sign == 'z') return 0;
  const int hours = text.digits(2);
  text.one_of(":");
  const int minutes = text.digits(2);
  is_valid = is_valid && hours < 24 && minutes < 60;
  return (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

/// RFC 3339 s5.6. A leap second is the first second of the next minute.
std::optional<WallTime> parse_rfc3339(std::string_view given) {
  Scanner text(given);
  const int year = text.digits(4);
  text.one_of("-");
  const int month = text.digits(2);
  text.one_of("-");
  const int day = text.digits(2);
  text.one_of("Tt ");
  const int hour = text.digits(2);
  text.one_of(":");
  const int minute = text.digits(2);
  text.one_of(":");
  const int second = text.digits(2);
  const Duration fraction = text.fraction();
  bool is_valid = hour < 24 && minute < 60 && second <= 60;
  const int offset = read_offset(text, is_valid);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!text.is_at_end() || !is_valid || !date.ok()) return std::nullopt;
  const auto whole = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                     std::chrono::minutes(minute) + seconds(second - offset);
  return make_time(whole.time_since_epoch().count(), fraction);
}

/// The time of day `clock` on the day of `now` in local time, or so many days later.
std::optional<WallTime> local_time(const ::tm& clock, WallTime now, int days) {
  const std::time_t seconds_now = std::chrono::floor<seconds>(now).time_since_epoch().count();
  ::tm parts{};
  ::localtime_r(&seconds_now, &parts);
  parts.tm_mday += days;
  parts.tm_hour = clock.tm_hour;
  parts.tm_min = clock.tm_min;
  parts.tm_sec = clock.tm_sec;
  std::optional<WallTime> earliest;
  // A time that comes twice is asked for as summer time and as winter time; what comes once, or
  // not at all, is asked for as neither.
  for (const int summer : {1, 0, -1}) {
    ::tm asked = parts;
    asked.tm_isdst = summer;
    const std::time_t found = ::mktime(&asked);
    const bool is_meant =
        summer < 0 || (asked.tm_isdst == summer && asked.tm_hour == clock.tm_hour);
    const auto time = make_time(found, Duration::zero());
    if (is_meant && time && *time > now && (!earliest || *time < *earliest)) earliest = time;
  }
  return earliest;
}

std::optional<WallTime> parse_clock(std::string_view given, WallTime now) {
  Scanner text(given);
  ::tm clock{};
  clock.tm_hour = text.digits(2);
  text.one_of(":");
  clock.tm_min = text.digits(2);
  if (text.has(':')) {
    text.one_of(":");
    clock.tm_sec = text.digits(2);
  }
  if (!text.is_at_end() || clock.tm_hour > 23 || clock.tm_min > 59 || clock.tm_sec > 59)
    return std::nullopt;
  const auto today = local_time(clock, now, 0);
  return today ? today : local_time(clock, now, 1);
}

::tm local_parts(WallTime time) {
  const std::time_t whole = std::chrono::floor<seconds>(time).time_since_epoch().count();
  ::tm parts{};
  ::localtime_r(&whole, &parts);
  return parts;
}

}  // namespace

std::optional<WallTime> parse_time(std::string_view text, WallTime now) {
  if (text.substr(0, 1) == "@") return parse_epoch(text.substr(1));
  return text.find('-') == text.npos ? parse_clock(text, now) : parse_rfc3339(text);
}

std::string format_time(WallTime time) {
  const auto whole = std::chrono::floor<seconds>(time);
  const std::time_t since_epoch = whole.time_since_epoch().count();
  ::tm parts{};
  ::gmtime_r(&since_epoch, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     (time - whole) / std::chrono::milliseconds(1));
}

std::string format_by(const std::string& conversion, WallTime time) {
  const ::tm parts = local_parts(time);
  std::array<char, 256> text{};
  return {text.data(), ::strftime(text.data(), text.size(), conversion.c_str(), &parts)};
}

Duration local_offset(WallTime time) { return seconds(local_parts(time).tm_gmtoff); }

bool is_time_zone_known() {
  const char* zone = std::getenv("TZ");
  if (zone == nullptr || *zone == '\0') return true;
  const std::string name = *zone == ':' ? zone + 1 : zone;
  if (name.empty() || name == "UTC" || name == "GMT") return true;
  const char* folder = std::getenv("TZDIR");
  const std::string base = folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
  const std::string file = name.front() == '/' ? name : base + "/" + name;
  if (::access(file.c_str(), R_OK) == 0) return true;
  // tzset(3): a name of three letters or more (or of anything between < and >), then the offset.
  std::size_t end = 0;
  if (name.front() == '<') {
    end = name.find('>');
    if (end == name.npos) return false;
    ++end;
  } else {
    while (end < name.size() && std::isalpha(static_cast<unsigned char>(name[end])) != 0) ++end;
    if (end < 3) return false;
  }
  if (end < name.size() && (name[end] == '+' || name[end] == '-')) ++end;
  return end < name.size() && std::isdigit(static_cast<unsigned char>(name[end])) != 0;
}

}  // namespace ioa::cli
