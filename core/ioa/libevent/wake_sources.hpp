#pragma once

#include <optional>

#include "ioa/base/clock.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/libevent/persistent_event.hpp"
#include "ioa/libevent/wake_target.hpp"

namespace ioa::detail {

/// The one timerfd. Where there is none to be had, as when descriptors are short, which is just
/// when somebody wants to rest for a while, a timer of libevent stands in for it, milliseconds
/// late.
///
/// It is re-armed only for a deadline earlier than the armed one, or after it has
/// fired: an alarm that comes too early costs a look, setting it each turn would cost a system
/// call.
class Alarm {
 public:
  /// Throws Error if the system refuses to watch it.
  Alarm(event_base* base, WakeTarget& target);
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm();

  void arm(TimePoint deadline);
  /// Since arm() was called last.
  bool has_fired() const { return has_fired_; }

 private:
  static void fired(evutil_socket_t fd, short what, void* self);
  static void fallback_fired(evutil_socket_t, short, void* self);
  void open();
  void arm_fallback(TimePoint deadline);
  void tell();

  event_base* base_;
  WakeTarget& target_;
  UniqueFd fd_;
  bool has_fired_ = false;
  TimePoint armed_for_ = TimePoint::max();
  std::optional<PersistentEvent> event_;  // with fd_
  event fallback_{};
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
