#pragma once

#include <memory>

#include "ioa/base/event_slot.hpp"
#include "ioa/loop/backend.hpp"
#include "ioa/timer/timer.hpp"

namespace ioa {

/// Calls once, when the wall clock shows a certain time.
///
///     auto& midnight = loop.add(std::make_unique<AbsoluteTimer>(next_midnight()));
///     midnight.on_expire([](AbsoluteTimer& self) { rotate(); self.set_time(next_midnight()); });
///
/// It starts by itself when it enters a loop. When the wall clock is set, or the machine wakes from
/// a suspension, it follows: a clock set back makes it wait longer, one set forward past its time
/// has it expire in the next turn. (Where the system does not tell, within kLookInterval.)
///
/// EVENTS: on_expire, which may do anything to the timer.
class AbsoluteTimer final : public Timer, private WallClockTarget {
 public:
  using Callback = UniqueFunction<void(AbsoluteTimer&)>;

  /// A `time` that has passed means the next turn.
  explicit AbsoluteTimer(WallTime time);
  ~AbsoluteTimer() override;

  WallTime time() const noexcept { return time_; }
  /// Waits for `time` from now on, also if it had expired or was stopped.
  void set_time(WallTime time);
  /// True from its expiry until set_time().
  bool is_expired() const noexcept { return is_expired_; }

  void on_expire(Callback callback) { on_expire_ = std::move(callback); }
  /// Ready when it expires, after on_expire; at once if it has expired. Fails with kind `abandoned`
  /// if the timer is destroyed before.
  Future<> expired();

  /// How often it compares the clocks where the system does not tell that the wall clock was set.
  static constexpr Duration kLookInterval = std::chrono::seconds(1);

 private:
  void removing_from_loop(Loop& loop) override;
  void begun() override;
  void fired() override;
  void wall_clock_set() noexcept override;
  void follow_clock();

  WallTime time_;
  bool is_expired_ = false;
  std::unique_ptr<Backend::WallClockRegistration> registration_;
  Event<void(AbsoluteTimer&)> on_expire_;
};

}  // namespace ioa
