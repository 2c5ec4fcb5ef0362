#pragma once

#include "ioa/base/clock.hpp"

namespace ioa::cli {

/// The times of the wall clock at which local time is a whole multiple of an interval, counted from
/// midnight: with 15 minutes 18:00, 18:15, 18:30, with a day every midnight, also where a day has
/// 23 or 25 hours. (Intervals that do not divide a day are counted from the midnight of 1 January
/// 1970.)
class WallGrid {
 public:
  using Offset = Duration (*)(WallTime);

  /// `offset` says how far local time is ahead of UTC: local_offset(), or a test's.
  WallGrid(Duration interval, Offset offset) noexcept : interval_(interval), offset_(offset) {}

  /// The first such time after `time`.
  WallTime after(WallTime time) const;

 private:
  WallTime multiple_after(WallTime time, Duration offset) const;
  WallTime change_of_offset(WallTime before, WallTime after) const;

  Duration interval_;
  Offset offset_;
};

}  // namespace ioa::cli
