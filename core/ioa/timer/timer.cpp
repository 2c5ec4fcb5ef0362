#include "ioa/timer/timer.hpp"

#include <stdexcept>

#include "ioa/base/duration_text.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/trace.hpp"

namespace ioa {

Timer::Timer() noexcept = default;
Timer::~Timer() = default;

void Timer::arm(TimePoint due) { watch_->arm(due); }

void Timer::begin() {
  if (is_running()) throw std::logic_error("a timer that is running cannot be started");
  state_ = watch_ ? State::running : State::pending;
  if (watch_) begun();
}

void Timer::stop() noexcept {
  state_ = State::stopped;
  if (watch_) watch_->disarm();
}

Future<> Timer::next_event() { return waiters_.add(events_ + 1); }

void Timer::added_to_loop(Loop& loop) {
  watch_.emplace(loop.timers(), [this] {
    note_callback(*this);
    fired();
  });
  if (state_ != State::pending) return;
  state_ = State::running;
  begun();
}

void Timer::removing_from_loop(Loop&) {
  stop();
  watch_.reset();
}

std::string Timer::describe() const {
  if (state_ == State::stopped) return "stopped";
  if (state_ == State::pending) return "pending";
  if (!is_armed()) return "running";  // inside its callback
  return "due in " + duration_text(watch_->due() - loop()->backend().now());
}

}  // namespace ioa
