#pragma once

#include <vector>

#include "ioa/libevent/persistent_event.hpp"
#include "ioa/libevent/wake_target.hpp"
#include "ioa/loop/backend.hpp"

namespace ioa::detail {

/// Hears of steps of the wall clock: a timerfd that never expires, and is cancelled instead
/// (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET), also when the machine resumes from a suspension.
class WallClockAlarm {
 public:
  /// Throws Error where the kernel has none.
  WallClockAlarm(event_base* base, WakeTarget& target);

  void add(WallClockTarget& target) { targets_.push_back(&target); }
  void remove(WallClockTarget& target) noexcept;
  bool has_targets() const noexcept { return !targets_.empty(); }
  const std::vector<WallClockTarget*>& targets() const noexcept { return targets_; }

 private:
  static void fired(evutil_socket_t fd, short what, void* self);
  bool arm() noexcept;

  WakeTarget& target_;
  UniqueFd fd_;
  PersistentEvent event_;
  std::vector<WallClockTarget*> targets_;
};

}  // namespace ioa::detail
