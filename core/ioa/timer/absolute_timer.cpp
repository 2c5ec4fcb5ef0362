#include "ioa/timer/absolute_timer.hpp"

#include <algorithm>

#include "ioa/loop/loop.hpp"
#include "ioa/loop/trace.hpp"

namespace ioa {
namespace {

/// `to - from`, held at the longest Duration: a time of "never" is far beyond it.
Duration distance(WallTime from, WallTime to) {
  return saturating_add(TimePoint(to.time_since_epoch()), -from.time_since_epoch())
      .time_since_epoch();
}

}  // namespace

AbsoluteTimer::AbsoluteTimer(WallTime time) : time_(time) { begin(); }
AbsoluteTimer::~AbsoluteTimer() = default;

void AbsoluteTimer::set_time(WallTime time) {
  time_ = time;
  is_expired_ = false;
  if (!is_running()) return begin();
  if (loop() != nullptr) follow_clock();
}

Future<> AbsoluteTimer::expired() { return is_expired_ ? Future<>::resolved() : next_event(); }

void AbsoluteTimer::removing_from_loop(Loop& loop) {
  const bool was_running = is_running();
  registration_.reset();
  Timer::removing_from_loop(loop);
  if (was_running) begin();  // in the next loop
}

void AbsoluteTimer::begun() {
  if (!registration_) registration_ = loop()->backend().register_wall_clock(*this);
  follow_clock();
}

void AbsoluteTimer::wall_clock_set() noexcept {
  if (is_running()) follow_clock();
}

void AbsoluteTimer::follow_clock() {
  Backend& backend = loop()->backend();
  Duration left = distance(backend.wall_now(), time_);
  if (!registration_) left = std::min(left, kLookInterval);
  arm(saturating_add(backend.now(), left));
}

void AbsoluteTimer::fired() {
  // The clocks may have parted, by a step that was not told or by a rounding.
  if (loop()->backend().wall_now() < time_) return follow_clock();
  set_stopped();
  registration_.reset();
  is_expired_ = true;
  trace_event<AbsoluteTimer>(*this, "on_expire");
  const FinishedEvent event(*this);  // also if the callback throws
  on_expire_(*this);
}

}  // namespace ioa
