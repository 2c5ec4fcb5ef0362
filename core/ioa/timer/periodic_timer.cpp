#include "ioa/timer/periodic_timer.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "ioa/loop/loop.hpp"
#include "ioa/loop/trace.hpp"

namespace ioa {
namespace {

Duration checked_interval(Duration interval) {
  if (interval <= Duration::zero()) throw std::logic_error("an interval must be positive");
  return interval;
}

}  // namespace

PeriodicTimer::PeriodicTimer(Duration interval, MissedTicks missed)
    : interval_(checked_interval(interval)), first_(interval), policy_(missed) {}

void PeriodicTimer::set_interval(Duration interval) {
  if (is_running()) throw std::logic_error("the interval of a running timer cannot change");
  interval_ = checked_interval(interval);
  if (!has_first_) first_ = interval_;
}

void PeriodicTimer::set_first_interval(Duration first) {
  if (is_running()) throw std::logic_error("the first interval of a running timer cannot change");
  if (first < Duration::zero()) throw std::logic_error("a first interval cannot be negative");
  first_ = first;
  has_first_ = true;
}

void PeriodicTimer::set_missed_ticks(MissedTicks missed) {
  if (is_running()) throw std::logic_error("the policy of a running timer cannot change");
  policy_ = missed;
}

PeriodicTimer& PeriodicTimer::start() {
  begin();
  return *this;
}

void PeriodicTimer::begun() {
  ticks_ = missed_ = missed_before_next_ = 0;
  next_ = saturating_add(loop()->now(), first_);
  arm(next_);
}

void PeriodicTimer::fired() {
  due_ = next_;
  missed_ = std::exchange(missed_before_next_, 0);
  ++ticks_;
  trace_event<PeriodicTimer>(*this, "on_tick");
  const FinishedEvent event(*this);  // also if the callback throws
  try {
    on_tick_(*this);
  } catch (...) {
    reschedule();
    throw;
  }
  reschedule();
}

void PeriodicTimer::reschedule() {
  // Stopped by its callback; perhaps started again, which has armed it.
  if (!is_running() || is_armed()) return;
  const TimePoint now = loop()->backend().now();
  switch (policy_) {
    case MissedTicks::catch_up:
      next_ = saturating_add(due_, interval_);
      break;
    case MissedTicks::drift:
      next_ = saturating_add(now, interval_);
      break;
    case MissedTicks::skip: {
      // At least one step, even if the clock should stand still or go back.
      const auto passed = std::max<Duration::rep>((now - due_) / interval_, 0);
      missed_before_next_ = static_cast<std::uint64_t>(passed);
      next_ = saturating_add(saturating_add(due_, passed * interval_), interval_);
      break;
    }
  }
  arm(next_);
}

}  // namespace ioa
