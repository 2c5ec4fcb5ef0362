#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ioa/base/clock.hpp"
#include "ioa/future/waiters.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/time_queue.hpp"

namespace ioa {

/// What the timers that are notifiers have in common: a CountdownTimer, a PeriodicTimer and an
/// AbsoluteTimer are each one of these. For a time limit inside other code, TimeWatch and
/// sleep_for() are less.
///
/// LIFETIME: leaving the loop stops a timer. One that was started outside a loop waits, and begins
/// when it enters one.
class Timer : public Notifier {
 public:
  ~Timer() override;

  /// True between start and end inside a loop; a start that waits for a loop does not count.
  bool is_running() const noexcept { return state_ == State::running; }
  /// Ends it, or takes back a start that waits for a loop. Nothing is called. Does nothing twice.
  void stop() noexcept;

  /// "stopped", "pending" (for a loop), "due in 1.5s", or "running" inside its callback.
  std::string describe() const override;

 protected:
  Timer() noexcept;

  /// The next event is due at `due`; only inside a loop.
  void arm(TimePoint due);
  bool is_armed() const noexcept { return watch_ && watch_->is_armed(); }
  /// Begins now, or on entering a loop. Throws std::logic_error if it is running.
  void begin();
  /// Has come to an end by itself.
  void set_stopped() noexcept { state_ = State::stopped; }

  /// What begins the counting: the first arm().
  virtual void begun() = 0;
  /// The time that arm() was told has come.
  virtual void fired() = 0;

  /// The next event, for those who wait for it.
  Future<> next_event();
  /// Stands on the stack around an event's callback: completes the Futures of next_event() that
  /// were made before, when the callback has returned or thrown.
  class FinishedEvent {
   public:
    explicit FinishedEvent(Timer& timer) noexcept : timer_(timer), number_(++timer.events_) {}
    FinishedEvent(const FinishedEvent&) = delete;
    FinishedEvent& operator=(const FinishedEvent&) = delete;
    ~FinishedEvent() { timer_.waiters_.done_until(number_); }

   private:
    Timer& timer_;
    std::uint64_t number_;
  };

  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  enum class State : std::uint8_t { stopped, pending, running };

  State state_ = State::stopped;
  std::optional<TimeWatch> watch_;  // inside a loop
  std::uint64_t events_ = 0;
  Waiters waiters_;
};

}  // namespace ioa
