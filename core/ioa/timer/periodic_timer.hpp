#pragma once

#include <cstdint>

#include "ioa/base/event_slot.hpp"
#include "ioa/timer/timer.hpp"

namespace ioa {

/// What a PeriodicTimer does whose loop, or whose on_tick, was late.
enum class MissedTicks : std::uint8_t {
  skip,      ///< Leaves out the ticks whose time has passed, and keeps to the times of the others.
  catch_up,  ///< Delivers every tick, those that are overdue one a turn until none is.
  drift,     ///< Counts each interval from the end of the on_tick before.
};

/// Calls again and again.
///
///     auto& clock = loop.add(std::make_unique<PeriodicTimer>(1s));
///     clock.on_tick([](PeriodicTimer& self) { print(self.ticks(), self.missed()); });
///     clock.start();
///
/// Tick k (from 1) is due at start + first + (k-1) * interval, on the monotonic clock, so that
/// lateness does not add up (save with MissedTicks::drift).
///
/// EVENTS: on_tick. A stop inside it is honoured; so is a start after that. While it runs, turns
/// inside it do not call it again. What it throws leaves Loop::run(), and the ticks go on.
class PeriodicTimer final : public Timer {
 public:
  using Callback = UniqueFunction<void(PeriodicTimer&)>;

  /// Throws std::logic_error if `interval` is not positive.
  explicit PeriodicTimer(Duration interval, MissedTicks missed = MissedTicks::skip);

  Duration interval() const noexcept { return interval_; }
  /// All three only while it is not running: they throw std::logic_error.
  void set_interval(Duration interval);
  /// How long after each start the first tick is due: the interval, unless this is called. Zero
  /// means the next turn. Throws std::logic_error if it is negative.
  void set_first_interval(Duration first);
  void set_missed_ticks(MissedTicks missed);

  /// Begins to count from the current turn. Throws std::logic_error if it is running.
  PeriodicTimer& start();

  /// How many ticks have been delivered since the start, that of the current on_tick included.
  std::uint64_t ticks() const noexcept { return ticks_; }
  /// How many ticks were left out between the one before the last and the last one; see
  /// MissedTicks::skip.
  std::uint64_t missed() const noexcept { return missed_; }
  /// When the last tick was due: now() less this is how late it came.
  TimePoint due() const noexcept { return due_; }
  /// When the next one is due, while it runs; inside on_tick that is not known yet, and this is
  /// due().
  TimePoint next_due() const noexcept { return next_; }

  void on_tick(Callback callback) { on_tick_ = std::move(callback); }
  /// Ready at the next tick, after on_tick. Fails with kind `abandoned` if the timer is destroyed
  /// before; a stop leaves it waiting for the next start.
  Future<> next_tick() { return next_event(); }

 private:
  void begun() override;
  void fired() override;
  void reschedule();

  Duration interval_;
  Duration first_;
  MissedTicks policy_;
  bool has_first_ = false;
  TimePoint next_{};  // when the next tick is due
  TimePoint due_{};
  std::uint64_t ticks_ = 0;
  std::uint64_t missed_ = 0;
  std::uint64_t missed_before_next_ = 0;
  Event<void(PeriodicTimer&)> on_tick_;
};

}  // namespace ioa
