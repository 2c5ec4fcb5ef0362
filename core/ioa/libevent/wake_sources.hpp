#pragma once

#include "ioa/base/clock.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/libevent/persistent_event.hpp"
#include "ioa/libevent/wake_target.hpp"

namespace ioa::detail {

/// The one timerfd. It is re-armed only for a deadline earlier than the armed one, or after it has
/// fired: an alarm that comes too early costs a look, setting it each turn would cost a system
/// call.
class Alarm {
 public:
  /// Throws Error if the system refuses.
  Alarm(event_base* base, WakeTarget& target);

  void arm(TimePoint deadline);
  /// Since arm() was called last.
  bool has_fired() const { return has_fired_; }

 private:
  static void fired(evutil_socket_t fd, short what, void* self);

  WakeTarget& target_;
  UniqueFd fd_;
  bool has_fired_ = false;
  TimePoint armed_for_ = TimePoint::max();
  PersistentEvent event_;
};

/// The eventfd by which other threads and signal handlers end a wait.
class Waker {
 public:
  /// Throws Error if the system refuses.
  Waker(event_base* base, WakeTarget& target);

  void wake() noexcept;

 private:
  static void woken(evutil_socket_t fd, short what, void* self);

  WakeTarget& target_;
  UniqueFd fd_;
  const bool is_edge_;
  PersistentEvent event_;
};

}  // namespace ioa::detail
