#pragma once

#include <chrono>

namespace ioa {

/// The clock of every relative time: monotonic, so that a step of the wall clock moves no timer.
using Clock = std::chrono::steady_clock;
using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<Clock, Duration>;

/// `when + delay`, held at the last or first representable time instead of overflowing.
constexpr TimePoint saturating_add(TimePoint when, Duration delay) {
  if (delay > Duration::zero() && when > TimePoint::max() - delay) return TimePoint::max();
  if (delay < Duration::zero() && when < TimePoint::min() - delay) return TimePoint::min();
  return when + delay;
}

}  // namespace ioa
