#include "cli/commands/timer/wall_grid.hpp"

namespace ioa::cli {

WallTime WallGrid::after(WallTime time) const {
  const Duration offset = offset_(time);
  const WallTime next = multiple_after(time, offset);
  if (offset_(next) == offset) return next;
  // The clocks change before that: what counts then is the time that they show after it.
  const WallTime change = change_of_offset(time, next);
  return multiple_after(change - Duration(1), offset_(change));
}

WallTime WallGrid::multiple_after(WallTime time, Duration offset) const {
  const Duration local = time.time_since_epoch() + offset;
  Duration past = local % interval_;
  if (past < Duration::zero()) past += interval_;
  return time + (interval_ - past);
}

/// The first time of another offset than that of `before`, to the second.
WallTime WallGrid::change_of_offset(WallTime before, WallTime after) const {
  const Duration offset = offset_(before);
  auto low = std::chrono::floor<std::chrono::seconds>(before);
  auto high = std::chrono::ceil<std::chrono::seconds>(after);
  while (high - low > std::chrono::seconds(1)) {
    const auto middle = low + (high - low) / 2;
    (offset_(middle) == offset ? low : high) = middle;
  }
  return high;
}

}  // namespace ioa::cli
