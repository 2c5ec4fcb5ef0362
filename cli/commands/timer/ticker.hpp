#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "cli/commands/timer/wall_grid.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/loop/backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/timer/absolute_timer.hpp"
#include "ioa/timer/periodic_timer.hpp"

namespace ioa::cli {

/// When the ticks of `timer every` are.
struct TickPlan {
  Duration interval{};
  std::optional<Duration> first;  ///< Instead of the interval, before the first one.
  MissedTicks missed = MissedTicks::skip;
  /// On the grid of the wall clock, not on that of the start. Never with `first` or drift.
  bool aligned = false;
  /// Each is late by chance, up to so much, and at most an interval; the others are not moved.
  Duration jitter{};
};

/// One tick, as it is due.
struct Tick {
  TimePoint due;             ///< Its place on the grid, and its share of the jitter.
  std::uint64_t missed = 0;  ///< How many were left out just before it.
};

/// Ticks, on a grid of the monotonic clock or of the wall clock.
///
/// When the wall clock is set, ticks that are aligned to it go on from the new time: none counts as
/// missed. LIFETIME: the callback may stop it, not destroy it. The loop outlives it.
class Ticker final : private WallClockTarget {
 public:
  Ticker(Loop& loop, const TickPlan& plan, WallGrid::Offset offset,
         UniqueFunction<void(const Tick&)> callback);
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  ~Ticker();

  void stop();
  /// When the next tick is due; what its jitter is only counts from then on.
  TimePoint next_due() const;

 private:
  void wall_clock_set() noexcept override;
  void on_wall_time();
  void deliver(const Tick& tick);
  TimePoint to_monotonic(WallTime time) const;
  Duration chance();

  Loop& loop_;
  TickPlan plan_;
  WallGrid grid_;
  UniqueFunction<void(const Tick&)> callback_;
  PeriodicTimer* periodic_ = nullptr;  // one of the two, until it is stopped
  AbsoluteTimer* absolute_ = nullptr;
  std::unique_ptr<Backend::WallClockRegistration> registration_;
  std::uint64_t missed_ = 0;  // on the wall clock's grid, before the next
  std::optional<Tick> late_;  // the one that the jitter holds back
  TimeWatch delay_;
  std::minstd_rand random_;
};

}  // namespace ioa::cli
