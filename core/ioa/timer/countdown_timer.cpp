#include "ioa/timer/countdown_timer.hpp"

#include <stdexcept>

#include "ioa/loop/loop.hpp"
#include "ioa/loop/trace.hpp"

namespace ioa {
namespace {

Duration checked(Duration delay) {
  if (delay < Duration::zero()) throw std::logic_error("a delay cannot be negative");
  return delay;
}

}  // namespace

CountdownTimer::CountdownTimer(Duration delay) : delay_(checked(delay)) {}

void CountdownTimer::set_delay(Duration delay) {
  if (is_running()) throw std::logic_error("the delay of a running timer cannot change");
  delay_ = checked(delay);
}

CountdownTimer& CountdownTimer::start() {
  begin();
  is_expired_ = false;
  return *this;
}

void CountdownTimer::reset() {
  if (loop() == nullptr) throw std::logic_error("a timer outside a loop cannot be set back");
  if (is_running()) arm(saturating_add(loop()->now(), delay_));
}

Future<> CountdownTimer::expired() { return is_expired_ ? Future<>::resolved() : next_event(); }

void CountdownTimer::begun() {
  is_expired_ = false;
  arm(saturating_add(loop()->now(), delay_));
}

void CountdownTimer::fired() {
  set_stopped();
  is_expired_ = true;
  trace_event<CountdownTimer>(*this, "on_expire");
  const FinishedEvent event(*this);  // also if the callback throws
  if (removes_) remove();
  on_expire_(*this);
}

}  // namespace ioa
