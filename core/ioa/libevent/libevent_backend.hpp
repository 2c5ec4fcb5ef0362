#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/loop/backend.hpp"

struct event_base;

namespace ioa {
namespace detail {
class WallClockAlarm;
}  // namespace detail

/// The Backend on libevent's event_base: epoll, poll or select.
///
/// libevent's callbacks only record; its own loop never runs a user's callback. Deadlines go to one
/// timerfd, since libevent's timers are a millisecond coarse.
///
/// A descriptor that is closed while it is watched is a bug of its owner. epoll forgets it, poll
/// and select have the owner told once that it is ready; then its watch is over.
class LibeventBackend final : public Backend {
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

 private:
  class Io;
  class Signal;
  class Alarm;
  class Waker;
  class WallClock;
  struct AlwaysReady {
    Io* io;
    IoEvents wanted;
  };
  struct FreeBase {
    void operator()(event_base* base) const noexcept;
  };

  explicit LibeventBackend(event_base* base);

  void wait_until(TimePoint deadline);
  void run_events(int flags);
  bool end_closed_descriptors();
  /// What libevent calls for a descriptor.
  void (*ready_callback() const)(int, short, void*);

  std::unique_ptr<event_base, FreeBase> base_;
  std::unique_ptr<Waker> waker_;
  std::unique_ptr<Alarm> alarm_;  // made when the first deadline is waited for
  std::unique_ptr<detail::WallClockAlarm> wall_alarm_;  // while somebody wants to know
  std::vector<AlwaysReady> always_ready_;  // wanted descriptors that the kernel cannot poll
};

}  // namespace ioa
