#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ioa/base/clock.hpp"

namespace ioa::cli {

/// Reads a TIME: `2026-11-23T18:30:00Z` or with an offset (RFC 3339), `@1764000000` (seconds since
/// the Unix epoch, a fraction allowed), or `18:30[:15]`, local time, which is tomorrow's if it is
/// not later than `now`. A local time that a change of the clocks leaves out is as much later, one
/// that comes twice is the first one that is still to come.
///
/// Nothing for anything else, and for what is before the epoch or after the year 2262.
std::optional<WallTime> parse_time(std::string_view text, WallTime now);

/// What an error line says where a TIME was expected.
inline constexpr std::string_view kExpectedTime =
    "expected a time such as 2026-11-23T18:30:00Z, @1764000000 or 18:30";

/// RFC 3339, UTC, milliseconds: `2026-11-23T18:30:00.250Z`.
std::string format_time(WallTime time);

/// What strftime(3) makes of a time, in local time.
std::string format_by(const std::string& conversion, WallTime time);

/// How far local time is ahead of UTC at that time.
Duration local_offset(WallTime time);

/// Whether the time zone that TZ names is known; true if it is not set. The C library takes UTC
/// for one that it does not know, and says nothing.
bool is_time_zone_known();

}  // namespace ioa::cli
