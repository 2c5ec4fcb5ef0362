#pragma once

#include <chrono>

namespace ioa {

/// The clock of every relative time: monotonic, so that a step of the wall clock moves no timer.
using Clock = std::chrono::steady_clock;
using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<Clock, Duration>;

/// A point of the wall clock, counted from the Unix epoch: for times that people write down. The
/// wall clock may be set, forward and back; see AbsoluteTimer.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// `when + delay`, held at the last or first representable time instead of overflowing.
constexpr TimePoint saturating_add(TimePoint when, Duration delay) {
  if (delay > Duration::zero() && when > TimePoint::max() - delay) return TimePoint::max();
  if (delay < Duration::zero() && when < TimePoint::min() - delay) return TimePoint::min();
  return when + delay;
}

}  // namespace ioa
