#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/libevent/wake_target.hpp"
#include "ioa/loop/backend.hpp"

struct event_base;

namespace ioa {
namespace detail {
class Alarm;
class WallClockAlarm;
class Waker;
}  // namespace detail

/// The Backend on libevent's event_base: epoll, poll or select.
///
/// libevent's callbacks only record; its own loop never runs a user's callback. Deadlines go to one
/// timerfd, since libevent's timers are a millisecond coarse.
///
/// A descriptor that is closed while it is watched is a bug of its owner. epoll forgets it, poll
/// and select have the owner told once that it is ready; then its watch is over.
class LibeventBackend : public Backend, protected detail::WakeTarget {
 public:
  /// `method` is one of methods(), or empty for the best one here. Throws Error (kind unsupported,
  /// subject the method) if there is no such method.
  static std::unique_ptr<LibeventBackend> create(std::string_view method = {});
  /// The methods that this system has, best first.
  static std::vector<std::string> methods();

  ~LibeventBackend() override;

  std::string_view name() const override;
  TimePoint now() const override;
  WallTime wall_now() const override;
  std::unique_ptr<IoRegistration> register_io(int fd, IoTarget& target) override;
  std::unique_ptr<SignalRegistration> register_signal(int signal, SignalTarget& target) override;
  std::unique_ptr<WallClockRegistration> register_wall_clock(WallClockTarget& target) override;
  void wait(std::optional<TimePoint> deadline) override;
  void wake() noexcept override;
  void after_fork() override;
  Watched watched() const override;

 protected:
  /// Frees `base` at its end if it `owns` it.
  LibeventBackend(event_base* base, bool owns);

  event_base* base() const noexcept { return base_.get(); }
  /// One pass of the base's loop, by the flags of event_base_loop(). Throws Error.
  void run_events(int flags);
  /// Has the alarm end a wait at `deadline`, if it does not earlier.
  void arm_alarm(TimePoint deadline);
  bool has_always_ready() const noexcept { return !always_ready_.empty(); }
  void tell_always_ready() noexcept;
  /// After a pass of the base's loop that was not run_events().
  void look_for_closed_descriptors();

 private:
  class Io;
  class Signal;
  class WallClock;
  struct AlwaysReady {
    Io* io;
    IoEvents wanted;
  };
  struct FreeBase {
    bool owns = true;
    void operator()(event_base* base) const noexcept;
  };

  void woken(detail::Wake) noexcept override {}  // a wait that has ended needs no more telling
  WakeTarget& wake_target() noexcept { return *this; }
  void wait_until(TimePoint deadline);
  bool end_closed_descriptors();
  /// What libevent calls for a descriptor.
  void (*ready_callback() const)(int, short, void*);

  std::unique_ptr<event_base, FreeBase> base_;
  std::unique_ptr<detail::Waker> waker_;
  std::unique_ptr<detail::Alarm> alarm_;  // made when the first deadline is waited for
  std::unique_ptr<detail::WallClockAlarm> wall_alarm_;  // while somebody wants to know
  std::vector<AlwaysReady> always_ready_;  // wanted descriptors that the kernel cannot poll
};

}  // namespace ioa
